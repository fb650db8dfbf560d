//! What a deferred task instance waits for besides a point in time, and the document that tells the
//! next attempt what woke it.
//!
//! A wait is stored as its text, `kind/key`, beside the instance. A kind is never given another
//! meaning.

use crate::id::{EventName, IdError};
use serde_json::{Value, json};
use std::{fmt, str::FromStr};

/// The longest payload of an event, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 64 << 10;

/// What ends a deferral, unless its timeout comes first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wait {
    /// An event of this name that is sent to the instance's own run.
    Event(EventName),
}

/// Why a text is no wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// Of another version, or damaged.
    #[error("{0:?} is no kind of wait that this version knows")]
    Kind(String),
    /// The name is none.
    #[error(transparent)]
    Name(#[from] IdError),
}

const EVENT: &str = "event";

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(name) => write!(f, "{EVENT}/{name}"),
        }
    }
}

impl FromStr for Wait {
    type Err = WaitError;

    fn from_str(text: &str) -> Result<Self, WaitError> {
        match text.split_once('/') {
            Some((EVENT, name)) => Ok(Self::Event(name.parse()?)),
            Some((kind, _)) => Err(WaitError::Kind(kind.into())),
            None => Err(WaitError::Kind(text.into())),
        }
    }
}

/// What woke an instance that waited: `woken` of the attempt document.
#[derive(Debug, Clone, PartialEq)]
pub enum Woken {
    /// The event that it waited for.
    Event {
        /// The event's name.
        name: EventName,
        /// What was sent with it; null where nothing was.
        payload: Value,
    },
    /// What it waited for did not come in time.
    Timeout,
    /// A person or program resumed it by a command.
    Command,
}

impl Woken {
    /// The document.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Event { name, payload } => json!({ "event": name.as_str(), "payload": payload }),
            Self::Timeout => json!({ "timeout": true }),
            Self::Command => json!({ "command": true }),
        }
    }

    /// The document as JSON text.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_written_and_read_back() {
        let wait = Wait::Event("paid".parse().unwrap());
        assert_eq!(wait.to_string(), "event/paid");
        assert_eq!("event/paid".parse(), Ok(wait));
    }

    #[test]
    fn an_unknown_kind_of_wait_is_refused_by_its_name() {
        assert_eq!(
            "moon/full".parse::<Wait>(),
            Err(WaitError::Kind("moon".into()))
        );
        assert_eq!("".parse::<Wait>(), Err(WaitError::Kind(String::new())));
        assert_eq!(
            "event/".parse::<Wait>(),
            Err(WaitError::Name(IdError::Empty))
        );
    }

    #[test]
    fn what_woke_an_instance_is_given_as_json() {
        let event = Woken::Event {
            name: "paid".parse().unwrap(),
            payload: json!({ "by": "ada" }),
        };
        assert_eq!(
            event.to_json(),
            r#"{"event":"paid","payload":{"by":"ada"}}"#
        );
        assert_eq!(Woken::Timeout.to_json(), r#"{"timeout":true}"#);
        assert_eq!(Woken::Command.to_json(), r#"{"command":true}"#);
    }
}
