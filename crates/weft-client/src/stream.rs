//! A stream of events that reconnects when it ends, and continues after the last event.

use crate::{
    Client, Response, problem,
    route::Route,
    sse::{Event, Parser},
};
use std::{collections::VecDeque, time::Duration};
use weft_api::problem::{Code, Problem, Problems};

/// How often a lost stream reconnects in a row without an event.
const MAX_RECONNECTS: u32 = 10;
/// How long to wait before a further attempt to reconnect.
const RECONNECT_WAIT: Duration = Duration::from_millis(500);

/// What a stream delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    /// An event.
    Event(Event),
    /// The stream was lost and is connected again: events may be missing.
    Reconnected,
}

/// A stream of events from one operation.
#[derive(Debug)]
pub struct EventStream<'c> {
    client: &'c Client,
    route: &'static Route,
    values: Vec<String>,
    query: Vec<(&'static str, String)>,
    response: Option<Response>,
    parser: Parser,
    waiting: VecDeque<Event>,
    /// The id of the last event.
    last: Option<String>,
    reconnects: u32,
}

impl<'c> EventStream<'c> {
    /// Connects. From now on [`StreamItem::Reconnected`] reports every gap.
    ///
    /// # Errors
    /// The server refused, or did not answer.
    pub async fn open(
        client: &'c Client,
        route: &'static Route,
        values: &[&str],
        query: Vec<(&'static str, String)>,
    ) -> Result<Self, Problems> {
        let mut stream = Self {
            client,
            route,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            query,
            response: None,
            parser: Parser::default(),
            waiting: VecDeque::new(),
            last: None,
            reconnects: 0,
        };
        stream.connect().await?;
        Ok(stream)
    }

    async fn connect(&mut self) -> Result<(), Problems> {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        let mut request = self
            .client
            .request(self.route, &values)
            .events(self.last.as_deref());
        for (name, value) in &self.query {
            request = request.query(name, value);
        }
        self.parser = Parser::default();
        self.response = Some(request.send().await?);
        Ok(())
    }

    /// The next event. Cancel safe: bytes that were read are kept.
    ///
    /// # Errors
    /// The stream was lost and can't be connected again.
    pub async fn next(&mut self) -> Result<StreamItem, Problems> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.reconnects = 0;
                self.last.clone_from(&event.id);
                return Ok(StreamItem::Event(event));
            }
            let Some(response) = &mut self.response else {
                self.reconnects += 1;
                if self.reconnects > 1 {
                    tokio::time::sleep(RECONNECT_WAIT).await;
                }
                match self.connect().await {
                    Ok(()) => return Ok(StreamItem::Reconnected),
                    Err(problems)
                        if self.reconnects >= MAX_RECONNECTS || !is_transient(&problems) =>
                    {
                        return Err(problems);
                    }
                    Err(_transient) => continue,
                }
            };
            match response.chunk().await {
                Ok(Some(bytes)) => {
                    let url = &self.client.server().url.value;
                    let events = self
                        .parser
                        .feed(&bytes)
                        .map_err(|error| problem::invalid_response(url, &error.to_string()))?;
                    self.waiting.extend(events);
                }
                // Servers and proxies end streams after a while.
                Ok(None) | Err(_) => self.response = None,
            }
        }
    }
}

/// Whether the server may answer again in a moment.
fn is_transient(problems: &Problems) -> bool {
    problems.iter().all(|problem: &Problem| match problem.code {
        Code::Unreachable | Code::ServerTimeout => true,
        code => code
            .status()
            .is_some_and(|status| status >= 500 || status == 429),
    })
}
