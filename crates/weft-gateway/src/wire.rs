//! The wire format of calls and answers: JSON, one object each.
//!
//! New optional fields need no new version; any other change needs a new path. Dispatches and reports are those of
//! [`weft_broker::message`], with their versions.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};
use weft_broker::{
    AttemptKey, BrokerError, Claim, ClaimSecret, HeldClaim, LeaseTerms, Report, Signal, WorkerInfo,
    message::{self, MessageError},
};

/// A call of a worker.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    /// The worker's session; `None` before the first registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<String>,
    pub(super) call: Call,
}

/// One call of [`weft_broker::WorkerBroker`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    Register {
        id: String,
        queues: Vec<String>,
        slots: u32,
        prefetch: u32,
        labels: Vec<(String, String)>,
        /// Attempts that it still holds.
        holding: Vec<String>,
        /// Workers before the second version omit it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        memory_bytes: Option<u64>,
        /// The secrets of `holding`, in its order, empty where there is none. Workers before the
        /// fourth version omit them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secrets: Option<Vec<String>>,
    },
    Claim {
        max: u32,
    },
    Renew {
        attempts: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secrets: Option<Vec<String>>,
    },
    Report {
        version: u32,
        reports: Vec<Box<RawValue>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secrets: Option<Vec<String>>,
    },
    Signals {
        max: usize,
    },
    Pause,
    Leave,
    /// Sent by workers since the third version. An older server refuses it and releases the
    /// attempts when the worker leaves.
    #[serde(rename = "give_back")]
    Release {
        attempts: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secrets: Option<Vec<String>>,
    },
}

/// The answer to a call.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Registered {
        session: String,
        lease_ms: u64,
        renew_every_ms: u64,
    },
    Claimed {
        claims: Vec<ClaimMessage>,
    },
    /// The attempts of a renewal that the worker no longer holds.
    Lost {
        attempts: Vec<String>,
    },
    /// Each is read by itself: a worker skips signals that only newer servers know.
    Signals {
        signals: Vec<Box<RawValue>>,
    },
    Done,
    Refused(Refusal),
}

#[derive(Serialize, Deserialize)]
pub(super) struct ClaimMessage {
    lease_ms: u64,
    waited_ms: u64,
    version: u32,
    dispatch: Box<RawValue>,
    /// Proves the claim. Servers before the fourth version, and brokers that trust the worker,
    /// give none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SignalMessage {
    Revoked(String),
    Confirmed(String),
    Drain,
}

/// A [`BrokerError`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refusal {
    Unavailable { why: String },
    Full { bound: usize },
    Unregistered,
    Closed,
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Unavailable(why) => Self::Unavailable { why },
            BrokerError::Full { what: _, bound } => Self::Full { bound },
            BrokerError::Unregistered => Self::Unregistered,
            BrokerError::Closed => Self::Closed,
        }
    }
}

impl From<Refusal> for BrokerError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unavailable { why } => Self::Unavailable(why),
            // Reports are the only thing with a bound that a worker sends.
            Refusal::Full { bound } => Self::Full {
                what: "the broker's list of unconfirmed reports",
                bound,
            },
            Refusal::Unregistered => Self::Unregistered,
            Refusal::Closed => Self::Closed,
        }
    }
}

impl Call {
    pub(super) fn register(worker: &WorkerInfo, holding: &[HeldClaim]) -> Self {
        Self::Register {
            id: worker.id.to_string(),
            queues: worker.queues.iter().map(ToString::to_string).collect(),
            slots: worker.slots,
            prefetch: worker.prefetch,
            labels: worker.labels.clone(),
            holding: names(holding),
            memory_bytes: worker.memory_bytes,
            secrets: Some(secrets(holding)),
        }
    }

    pub(super) fn renew(attempts: &[HeldClaim]) -> Self {
        Self::Renew {
            attempts: names(attempts),
            secrets: Some(secrets(attempts)),
        }
    }

    pub(super) fn release(attempts: &[HeldClaim]) -> Self {
        Self::Release {
            attempts: names(attempts),
            secrets: Some(secrets(attempts)),
        }
    }

    pub(super) fn report(reports: &[Report]) -> Self {
        let claims: Vec<HeldClaim> = reports.iter().map(Report::claim).collect();
        Self::Report {
            secrets: Some(secrets(&claims)),
            version: message::REPORT_VERSION,
            reports: reports
                .iter()
                .map(|report| raw(message::write_report(report)))
                .collect(),
        }
    }
}

impl Answer {
    pub(super) fn registered(session: String, terms: LeaseTerms) -> Self {
        Self::Registered {
            session,
            lease_ms: millis(terms.lease),
            renew_every_ms: millis(terms.renew_every),
        }
    }
}

impl ClaimMessage {
    pub(super) fn of(claim: &Claim) -> Self {
        Self {
            lease_ms: millis(claim.lease),
            waited_ms: millis(claim.waited),
            version: message::DISPATCH_VERSION,
            dispatch: raw(message::write_dispatch(&claim.dispatch)),
            secret: claim.secret.map(ClaimSecret::to_hex),
        }
    }

    pub(super) fn into_claim(self) -> Result<Claim, MessageError> {
        Ok(Claim {
            dispatch: message::read_dispatch(self.version, self.dispatch.get().as_bytes())?,
            lease: Duration::from_millis(self.lease_ms),
            secret: self.secret.as_deref().and_then(ClaimSecret::from_hex),
            waited: Duration::from_millis(self.waited_ms),
        })
    }
}

impl SignalMessage {
    pub(super) fn of(signal: Signal) -> Box<RawValue> {
        let message = match signal {
            Signal::Revoked(key) => Self::Revoked(message::write_key(&key)),
            Signal::Confirmed(key) => Self::Confirmed(message::write_key(&key)),
            Signal::Drain => Self::Drain,
        };
        raw(serde_json::to_string(&message).expect("a signal has a JSON form"))
    }

    /// The signal; `None` where only a newer version knows it.
    pub(super) fn read(text: &RawValue) -> Result<Option<Signal>, MessageError> {
        let Ok(message) = serde_json::from_str(text.get()) else {
            tracing::warn!(
                signal = text.get(),
                operation = "decode signal",
                "skipping a signal of a newer version"
            );
            return Ok(None);
        };
        Ok(Some(match message {
            Self::Revoked(key) => Signal::Revoked(message::read_key(&key)?),
            Self::Confirmed(key) => Signal::Confirmed(message::read_key(&key)?),
            Self::Drain => Signal::Drain,
        }))
    }
}

/// The attempts' names.
fn names(claims: &[HeldClaim]) -> Vec<String> {
    let names = claims.iter().map(|claim| message::write_key(&claim.key));
    names.collect()
}

/// The claims' secrets, empty where there is none.
fn secrets(claims: &[HeldClaim]) -> Vec<String> {
    let secrets = claims.iter().map(|claim| claim.secret);
    secrets
        .map(|secret| secret.map(ClaimSecret::to_hex).unwrap_or_default())
        .collect()
}

/// Attempts with the secrets that a call has for them.
pub(super) fn claims(keys: Vec<AttemptKey>, secrets: Option<&[String]>) -> Vec<HeldClaim> {
    let mut secrets = secrets.unwrap_or_default().iter();
    let mut next = || ClaimSecret::from_hex(secrets.next()?);
    keys.into_iter()
        .map(|key| HeldClaim {
            key,
            secret: next(),
        })
        .collect()
}

/// The worker that a registration describes.
pub(super) fn worker_info(
    id: &str,
    queues: &[String],
    slots: u32,
    prefetch: u32,
    memory_bytes: Option<u64>,
    labels: Vec<(String, String)>,
) -> WorkerInfo {
    WorkerInfo {
        id: id.into(),
        queues: queues
            .iter()
            .map(|queue| Arc::from(queue.as_str()))
            .collect(),
        slots,
        prefetch,
        memory_bytes,
        labels,
    }
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("it was written as JSON")
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;

    /// Calls and answers of the first version, which later versions must read.
    const CALLS: &str = include_str!("corpus/calls-1.jsonl");
    const ANSWERS: &str = include_str!("corpus/answers-1.jsonl");
    /// Calls that later versions added.
    const LATER_CALLS: &str = include_str!("corpus/calls-3.jsonl");
    /// Calls and answers with the secrets of claims.
    const CALLS_WITH_SECRETS: &str = include_str!("corpus/calls-4.jsonl");
    const ANSWERS_WITH_SECRETS: &str = include_str!("corpus/answers-4.jsonl");

    fn assert_round_trip<T: Serialize + DeserializeOwned>(lines: &str) -> usize {
        for line in lines.lines() {
            let message: T =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(serde_json::to_string(&message).unwrap(), line);
        }
        lines.lines().count()
    }

    #[test]
    fn version_one_keeps_its_format() {
        assert_eq!(assert_round_trip::<Request>(CALLS), 9);
        assert_eq!(assert_round_trip::<Answer>(ANSWERS), 9);
    }

    #[test]
    fn later_calls_keep_their_format() {
        assert_eq!(assert_round_trip::<Request>(LATER_CALLS), 2);
        assert_eq!(assert_round_trip::<Request>(CALLS_WITH_SECRETS), 4);
        assert_eq!(assert_round_trip::<Answer>(ANSWERS_WITH_SECRETS), 1);
    }

    #[test]
    fn unknown_fields_and_signals_are_skipped() {
        let call =
            r#"{"session":"s","of_the_future":1,"call":{"claim":{"max":3,"of_the_future":1}}}"#;
        let request: Request = serde_json::from_str(call).unwrap();
        assert!(matches!(request.call, Call::Claim { max: 3 }));
        let answer = r#"{"signals":{"signals":["drain",{"sing":"loudly"},"whistle"]}}"#;
        let Ok(Answer::Signals { signals }) = serde_json::from_str(answer) else {
            panic!("signals are read one by one");
        };
        let read: Vec<Option<Signal>> = signals
            .iter()
            .map(|signal| SignalMessage::read(signal).unwrap())
            .collect();
        assert_eq!(read, [Some(Signal::Drain), None, None]);
    }
}
