//! The API as a bench needs it.

use crate::installation::Installation;
use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use ureq::Agent;

/// The longest that any run takes.
const PATIENCE: Duration = Duration::from_mins(3);

/// A client of one server, with kept connections.
pub(super) struct Client {
    agent: Agent,
    url: String,
    bearer: String,
}

/// Runs that changed, as the server tells of them.
pub(super) struct Changes(mpsc::Receiver<(Value, Instant)>);

impl Client {
    pub(super) fn of(installation: &Installation<'_>) -> Result<Self> {
        let token = fs::read_to_string(installation.token())?;
        Ok(Self {
            agent: Agent::new_with_defaults(),
            url: installation.url().to_owned(),
            bearer: format!("Bearer {}", token.trim()),
        })
    }

    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let request = self.agent.get(format!("{}/api/v1{path}", self.url));
        let mut answer = request.header("authorization", &self.bearer).call()?;
        Ok(answer.body_mut().read_json()?)
    }

    /// The items of all pages of a list.
    pub(super) fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.get(&format!("{path}?limit=500{cursor}"))?;
            let read = page["items"].as_array_mut().context("a page has items")?;
            items.append(read);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }

    /// Sends JSON, and returns the answer.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}/api/v1{path}", self.url));
        let request = request.header("authorization", &self.bearer);
        Ok(request.send_json(body)?.body_mut().read_json()?)
    }

    /// Deploys a file, and returns the answer.
    pub(super) fn deploy(&self, file: &[u8]) -> Result<Value> {
        let request = self.agent.post(format!("{}/api/v1/deployments", self.url));
        let request = request
            .header("authorization", &self.bearer)
            .header("content-type", "application/wasm");
        Ok(request.send(file)?.body_mut().read_json()?)
    }

    /// Triggers a run, and returns its id.
    pub(super) fn trigger(&self, dag: &str) -> Result<String> {
        let run = self.post(&format!("/dags/{dag}/runs"), &json!({}))?;
        Ok(run["id"].as_str().context("a run has an id")?.to_owned())
    }

    /// Everything that changes from now on.
    pub(super) fn changes(&self) -> Result<Changes> {
        let url = format!("{}/api/v1/events?runs_only=true", self.url);
        let request = self.agent.get(url).header("authorization", &self.bearer);
        let body = BufReader::new(request.call()?.into_body().into_reader());
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let data = body
                .lines()
                .map_while(Result::ok)
                .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok());
            for change in data {
                if sender.send((change, Instant::now())).is_err() {
                    break;
                }
            }
        });
        Ok(Changes(receiver))
    }

    /// When the first task of a run started.
    pub(super) fn first_start(&self, run: &str) -> Result<Timestamp> {
        let page = self.get(&format!("/runs/{run}/instances?limit=500"))?;
        let items = page["items"].as_array().context("a page has items")?;
        let starts = items.iter().filter_map(|item| item["started"].as_str());
        let starts: Vec<Timestamp> = starts.map(str::parse).collect::<Result<_, _>>()?;
        starts.into_iter().min().context("no task has started")
    }
}

impl Changes {
    /// How a run ended, and when that arrived.
    pub(super) fn end_of(&self, run: &str) -> Result<(String, Instant)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (change, at) = self
                .0
                .recv_timeout(left)
                .with_context(|| format!("the run {run} did not end"))?;
            let state = change["state"].as_str().unwrap_or_default();
            if change["run"] == run && matches!(state, "success" | "failed" | "cancelled") {
                return Ok((state.to_owned(), at));
            }
        }
    }
}
