//! Lines: what the processes of an installation tell each other at once, such as
//! that something was written. Everybody who listens hears every message.
//!
//! A line is one stream of bounded length. Messages are hints or shown to people;
//! nothing that may not be lost goes this way. Who listens is told when messages
//! were lost ([`Heard::Missed`]), so that it can look where the truth is.

use super::{
    LONGEST_WAIT, Redis, Reply,
    link::{Command, Link},
    reply,
};
use ::redis::{Cmd, Pipeline};
use std::{sync::Arc, time::Duration};
use weft_broker::BrokerError;

/// Messages that a line keeps, about.
const MOST_KEPT: usize = 10_000;
/// Messages heard at once.
const MOST_HEARD: usize = 512;
/// The one field of an entry.
const FIELD: &str = "m";
/// Before every entry.
const START: &str = "0-0";

/// A line, for those who say something.
#[derive(Debug, Clone)]
pub struct Line {
    redis: Arc<Redis>,
    key: String,
}

/// Somebody who listens to a line.
pub struct Listener {
    line: Line,
    link: Link,
    /// Everything up to this entry was heard; nothing is known yet without one.
    heard: Option<String>,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These, in the order in which they were said; none came in a second where there are none.
    Messages(Vec<Vec<u8>>),
    /// Messages may have been lost before the next one: the line was longer than what is
    /// kept, Redis has lost it, or listening begins.
    Missed,
}

impl Redis {
    /// The line of this name.
    pub fn line(self: &Arc<Self>, name: &str) -> Line {
        Line {
            redis: Arc::clone(self),
            key: format!("{{{}:line}}:{name}", self.options.namespace),
        }
    }
}

impl Line {
    /// Says something to everybody who listens.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]; nobody may have heard it, or everybody.
    pub async fn say(&self, messages: &[Vec<u8>]) -> Result<(), BrokerError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut all = Pipeline::new();
        for message in messages {
            let mut add = Cmd::new();
            add.arg("XADD").arg(&self.key).arg("MAXLEN").arg("~");
            add.arg(MOST_KEPT).arg("*").arg(FIELD).arg(message);
            all.add_command(add);
        }
        let said = self
            .redis
            .calls
            .call(Command::Several(&all), Duration::ZERO);
        said.await.map(drop).map_err(BrokerError::from)
    }

    /// Listens from the first call of [`Listener::hear`] on, by a connection of its own.
    pub fn listen(&self) -> Listener {
        Listener {
            line: self.clone(),
            link: self.redis.waits(),
            heard: None,
        }
    }
}

impl Listener {
    /// Waits for messages, for a second at most. Cancel-safe: what a dropped call would have
    /// returned, the next one does.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]; the next call goes on where this one would have begun.
    pub async fn hear(&mut self) -> Result<Heard, BrokerError> {
        let Some(heard) = &self.heard else {
            self.heard = Some(self.newest().await?);
            return Ok(Heard::Missed);
        };
        let mut commands = Pipeline::new();
        let mut oldest = Cmd::new();
        oldest.arg("XRANGE").arg(&self.line.key).arg("-").arg("+");
        oldest.arg("COUNT").arg(1);
        commands.add_command(oldest);
        let mut read = Cmd::new();
        read.arg("XREAD").arg("COUNT").arg(MOST_HEARD);
        read.arg("BLOCK").arg(LONGEST_WAIT.as_millis().to_string());
        read.arg("STREAMS").arg(&self.line.key).arg(heard);
        commands.add_command(read);
        let answer = self.link.call(Command::Several(&commands), LONGEST_WAIT);
        let mut answers = Reply::list(answer.await?)?;
        let news = reply::entries(answers.last()?)?;
        let oldest = reply::range(answers.last()?)?;
        let is_gone = match oldest.first() {
            Some(oldest) => reply::is_after(&oldest.id, heard) && heard != START,
            None => heard != START,
        };
        if is_gone {
            self.heard = Some(START.to_owned());
            return Ok(Heard::Missed);
        }
        if let Some(last) = news.last() {
            self.heard = Some(last.id.clone());
        }
        let messages = news.into_iter().flat_map(|entry| entry.fields);
        Ok(Heard::Messages(
            messages.map(|(_field, message)| message).collect(),
        ))
    }

    /// The newest entry now.
    async fn newest(&self) -> Result<String, BrokerError> {
        let mut newest = Cmd::new();
        newest
            .arg("XREVRANGE")
            .arg(&self.line.key)
            .arg("+")
            .arg("-");
        newest.arg("COUNT").arg(1);
        let answer = self.link.call(Command::One(&newest), Duration::ZERO);
        let newest = reply::range(answer.await?)?;
        let id = newest.into_iter().next().map(|entry| entry.id);
        Ok(id.unwrap_or_else(|| START.to_owned()))
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("line", &self.line.key)
            .field("heard", &self.heard)
            .finish_non_exhaustive()
    }
}
