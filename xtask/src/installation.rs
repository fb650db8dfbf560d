//! A `wfctl up` in a folder of its own, and `wfctl` as its client.

use crate::{program, wfctl::Wfctl, workspace::Workspace};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long a start may take, and until a schedule has created its run.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two reads of the list of runs.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A running installation; killed when dropped.
pub(crate) struct Installation<'w> {
    wfctl: &'w Wfctl,
    process: Child,
    url: String,
    data: PathBuf,
    token: PathBuf,
}

/// What it finds in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing.
    Empty,
    /// What was there before.
    Kept,
}

impl<'w> Installation<'w> {
    /// Starts one in a folder of the target folder.
    pub(crate) fn start(
        workspace: &Workspace,
        wfctl: &'w Wfctl,
        folder: &str,
        start: Start,
        more: &[&str],
    ) -> Result<Self> {
        Self::serving("up", workspace, wfctl, folder, start, more)
    }

    /// The same, by another command that serves.
    pub(crate) fn serving(
        command: &str,
        workspace: &Workspace,
        wfctl: &'w Wfctl,
        folder: &str,
        start: Start,
        more: &[&str],
    ) -> Result<Self> {
        let data = workspace.target().join(folder);
        if start == Start::Empty && data.exists() {
            fs::remove_dir_all(&data)?;
        }
        let mut serve = wfctl.command([command, "--listen", "127.0.0.1:0", "--data"]);
        serve
            .arg(&data)
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        eprintln!("$ wfctl {command} --data {}", data.display());
        let mut process = serve.spawn().context("wfctl did not start")?;
        let lines = BufReader::new(process.stderr.take().expect("it was piped")).lines();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("  {line}");
                if let Some(rest) = line.strip_prefix("Weft serves ") {
                    let url = rest.split_whitespace().next().unwrap_or_default();
                    // There is no receiver any more if it took too long.
                    drop(sender.send(url.to_owned()));
                }
            }
        });
        let mut installation = Self {
            wfctl,
            process,
            url: String::new(),
            token: data.join("admin.token"),
            data,
        };
        installation.url = receiver
            .recv_timeout(PATIENCE)
            .context("wfctl did not say where it serves")?;
        Ok(installation)
    }

    /// Where it keeps everything.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Where it serves.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The file with its administrator's token.
    pub(crate) fn token(&self) -> &Path {
        &self.token
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A command of a client of it.
    pub(crate) fn client<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut client = self.wfctl.command(args);
        client
            .env("WEFT_URL", &self.url)
            .arg("--token-file")
            .arg(&self.token);
        client
    }

    /// The first run that a DAG's schedule makes.
    pub(crate) fn scheduled_run(&self, dag: &str) -> Result<String> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let list = ["runs", "list", "--dag", dag, "--output", "json"];
            let runs: Value = serde_json::from_str(&program::read(&mut self.client(list))?)?;
            if let Some(id) = runs[0]["id"].as_str() {
                ensure!(
                    runs[0]["kind"] == "scheduled",
                    "the run {id} is {}, not scheduled",
                    runs[0]["kind"]
                );
                return Ok(id.to_owned());
            }
            thread::sleep(POLL_INTERVAL);
        }
        bail!("the schedule of {dag} made no run within {PATIENCE:?}")
    }

    /// Ends it as a loss of power would.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Stops it as an operator would; fails if its exit status is not 0.
    pub(crate) fn end(mut self) -> Result<()> {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("a process has a number")?;
        kill_process(pid, Signal::TERM)?;
        let status = self.process.wait()?;
        ensure!(status.success(), "wfctl up ended with {status}");
        Ok(())
    }
}

impl Drop for Installation<'_> {
    fn drop(&mut self) {
        // It has ended already where all went well.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
