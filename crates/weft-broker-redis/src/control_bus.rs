//! The control bus: short messages between the processes of an installation, such as
//! that a row changed. Every subscriber of a topic receives every message.
//!
//! A topic is one Redis stream of bounded length. Its messages are hints, or shown to
//! people: the database holds everything that must not be lost. A subscriber receives
//! [`Event::Lagged`] when messages may be missing, and reads the database then.

use crate::{
    broker::{MAX_WAIT, Redis},
    link::{Command, Link},
    reply::{self, Reply},
};
use ::redis::{Cmd, Pipeline};
use std::{sync::Arc, time::Duration};
use weft_broker::BrokerError;

/// Messages that a topic keeps by default, approximately.
const MAX_KEPT: usize = 10_000;
/// Messages of one [`Event::Messages`].
const MAX_READ: usize = 512;
/// The one field of an entry.
const FIELD: &str = "m";
/// The id before every entry.
const START: &str = "0-0";

/// A topic, for publishers.
#[derive(Debug, Clone)]
pub struct Topic {
    redis: Arc<Redis>,
    key: String,
    kept: usize,
}

/// A subscriber of a topic.
pub struct Subscription {
    topic: Topic,
    link: Link,
    /// The last entry that was received; `None` before the first call.
    position: Option<String>,
}

/// What a subscriber receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Messages in the order of their publishing; empty after a second without any.
    Messages(Vec<Vec<u8>>),
    /// Messages before the next one may be missing: the subscription has just begun, the
    /// topic dropped messages that were not received, or Redis lost the topic.
    Lagged,
}

impl Redis {
    /// The topic of this name.
    pub fn topic(self: &Arc<Self>, name: &str) -> Topic {
        Topic {
            redis: Arc::clone(self),
            key: format!("{{{}:line}}:{name}", self.options.namespace),
            kept: MAX_KEPT,
        }
    }
}

impl Topic {
    /// The same topic, which keeps so many messages, approximately.
    #[must_use]
    pub fn keeping(self, kept: usize) -> Self {
        Self { kept, ..self }
    }

    /// Publishes messages to all subscribers.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]; all, some or none of the messages were published.
    pub async fn publish(&self, messages: &[Vec<u8>]) -> Result<(), BrokerError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut all = Pipeline::new();
        for message in messages {
            let mut add = Cmd::new();
            add.arg("XADD").arg(&self.key).arg("MAXLEN").arg("~");
            add.arg(self.kept).arg("*").arg(FIELD).arg(message);
            all.add_command(add);
        }
        let added = self
            .redis
            .calls
            .call(Command::Several(&all), Duration::ZERO);
        added.await.map(drop).map_err(BrokerError::from)
    }

    /// Subscribes over a connection of its own, from the first call of
    /// [`Subscription::recv`] on.
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            topic: self.clone(),
            link: self.redis.blocking_link(),
            position: None,
        }
    }
}

impl Subscription {
    /// Waits for messages, for a second at most. Cancel-safe: the next call returns what a
    /// dropped one would have returned.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]; the next call continues from the same position.
    pub async fn recv(&mut self) -> Result<Event, BrokerError> {
        let Some(position) = &self.position else {
            self.position = Some(self.newest().await?);
            return Ok(Event::Lagged);
        };
        let mut commands = Pipeline::new();
        let mut oldest = Cmd::new();
        oldest.arg("XRANGE").arg(&self.topic.key).arg("-").arg("+");
        oldest.arg("COUNT").arg(1);
        commands.add_command(oldest);
        let mut read = Cmd::new();
        read.arg("XREAD").arg("COUNT").arg(MAX_READ);
        read.arg("BLOCK").arg(MAX_WAIT.as_millis().to_string());
        read.arg("STREAMS").arg(&self.topic.key).arg(position);
        commands.add_command(read);
        let answer = self.link.call(Command::Several(&commands), MAX_WAIT);
        let mut answers = Reply::list(answer.await?)?;
        let entries = reply::entries(answers.last()?)?;
        let oldest = reply::range(answers.last()?)?;
        let has_lagged = match oldest.first() {
            Some(oldest) => reply::is_after(&oldest.id, position) && position != START,
            None => position != START,
        };
        if has_lagged {
            self.position = Some(START.to_owned());
            return Ok(Event::Lagged);
        }
        if let Some(last) = entries.last() {
            self.position = Some(last.id.clone());
        }
        let messages = entries.into_iter().flat_map(|entry| entry.fields);
        Ok(Event::Messages(
            messages.map(|(_field, message)| message).collect(),
        ))
    }

    /// The newest entry now.
    async fn newest(&self) -> Result<String, BrokerError> {
        let mut newest = Cmd::new();
        newest
            .arg("XREVRANGE")
            .arg(&self.topic.key)
            .arg("+")
            .arg("-");
        newest.arg("COUNT").arg(1);
        let answer = self.link.call(Command::One(&newest), Duration::ZERO);
        let newest = reply::range(answer.await?)?;
        let id = newest.into_iter().next().map(|entry| entry.id);
        Ok(id.unwrap_or_else(|| START.to_owned()))
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("topic", &self.topic.key)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
