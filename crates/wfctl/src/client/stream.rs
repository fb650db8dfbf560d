//! A followed stream of events: connected again when it ends, from where it stood.

use super::{
    Client,
    http::Answer,
    problem,
    route::Route,
    sse::{Event, Parser},
};
use std::{collections::VecDeque, time::Duration};
use weft_api::problem::{Code, Problem, Problems};

/// How often a lost stream is connected again in a row without an event.
const MAX_RECONNECTS: u32 = 10;
/// How long to wait before connecting again.
const RECONNECT_WAIT: Duration = Duration::from_millis(500);

/// Something that came, or didn't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// An event.
    Event(Event),
    /// The stream was lost and stands again: something may have been missed.
    Again,
}

/// Follows one stream.
#[derive(Debug)]
pub(crate) struct Follow<'c> {
    client: &'c Client,
    route: &'static Route,
    values: Vec<String>,
    query: Vec<(&'static str, String)>,
    answer: Option<Answer>,
    parser: Parser,
    waiting: VecDeque<Event>,
    /// The id of the last event.
    last: Option<String>,
    reconnects: u32,
}

impl<'c> Follow<'c> {
    /// Connects; from now on nothing is missed without a word.
    pub(crate) async fn open(
        client: &'c Client,
        route: &'static Route,
        values: &[&str],
        query: Vec<(&'static str, String)>,
    ) -> Result<Self, Problems> {
        let mut follow = Self {
            client,
            route,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            query,
            answer: None,
            parser: Parser::default(),
            waiting: VecDeque::new(),
            last: None,
            reconnects: 0,
        };
        follow.connect().await?;
        Ok(follow)
    }

    async fn connect(&mut self) -> Result<(), Problems> {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        let mut call = self
            .client
            .call(self.route, &values)
            .events(self.last.as_deref());
        for (name, value) in &self.query {
            call = call.query(name, value);
        }
        self.parser = Parser::default();
        self.answer = Some(call.open().await?);
        Ok(())
    }

    /// The next event. Cancel safe: what was read is kept.
    pub(crate) async fn next(&mut self) -> Result<Heard, Problems> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.reconnects = 0;
                self.last.clone_from(&event.id);
                return Ok(Heard::Event(event));
            }
            let Some(answer) = &mut self.answer else {
                self.reconnects += 1;
                if self.reconnects > 1 {
                    tokio::time::sleep(RECONNECT_WAIT).await;
                }
                match self.connect().await {
                    Ok(()) => return Ok(Heard::Again),
                    Err(problems)
                        if self.reconnects >= MAX_RECONNECTS || !is_passing(&problems) =>
                    {
                        return Err(problems);
                    }
                    Err(_passing) => continue,
                }
            };
            match answer.chunk().await {
                Ok(Some(bytes)) => {
                    let url = &self.client.server().url.value;
                    let events = self
                        .parser
                        .feed(&bytes)
                        .map_err(|error| problem::unreadable(url, &error.to_string()))?;
                    self.waiting.extend(events);
                }
                // Servers end streams after a while, and proxies do.
                Ok(None) | Err(_) => self.answer = None,
            }
        }
    }
}

/// Whether the server may be there again in a moment.
fn is_passing(problems: &Problems) -> bool {
    problems.iter().all(|problem: &Problem| match problem.code {
        Code::Unreachable | Code::ServerTimeout => true,
        code => code
            .status()
            .is_some_and(|status| status >= 500 || status == 429),
    })
}
