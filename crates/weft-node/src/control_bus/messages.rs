//! The messages of both topics and their encoding: JSON with a version, so that
//! processes of two versions of Weft skip what they don't know.

use crate::live_logs::Added;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, sync::Arc};
use weft_blob::logs::LogLine;
use weft_core::{
    document::TaskIndex,
    id::{DagId, TaskId, TenantId},
    run::{Counts, Instance, RunState},
    run_id::RunId,
};
use weft_scheduler::{Change, Wake};
use weft_server::ports::{LogKey, Reason};
use weft_store::{DagKey, InstanceTag};

/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// A message of a topic.
pub(super) trait Message: Serialize + DeserializeOwned {}

impl Message for ToSchedulers {}
impl Message for ToServers {}
impl Message for LinesMessage {}

/// From servers to schedulers, and between schedulers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToSchedulers {
    /// There is work of this kind.
    Wake(#[serde(with = "WakeMessage")] Wake),
    /// Publish every change for a while.
    #[serde(rename = "everything")]
    PublishAll,
    /// Explain why an instance isn't running.
    #[serde(rename = "why")]
    Explain {
        /// Identifies the answer.
        question: u64,
        /// The run.
        #[serde(with = "text")]
        run: RunId,
        /// The task, by its index in the document.
        task: u32,
        /// The map index.
        index: u32,
    },
}

/// From schedulers to servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToServers {
    /// Changes, in order.
    Changed {
        /// For subscribers of every change, or for those of runs alone.
        everything: bool,
        /// Empty if some were lost.
        changes: Vec<Changed>,
    },
    /// Why an instance isn't running.
    #[serde(rename = "because")]
    Explanation {
        /// The id of the question.
        question: u64,
        /// The scheduler that answers.
        scheduler: Arc<str>,
        /// `None` if the run is not this scheduler's.
        reasons: Option<Vec<ReasonMessage>>,
    },
    /// A sign of life of a scheduler, with its load.
    #[serde(rename = "beat")]
    Heartbeat {
        /// Name of the scheduler.
        scheduler: Arc<str>,
        /// Whether it owns shards, or is a standby.
        owns: bool,
        /// How long ago its last turn was, in milliseconds.
        since_ms: u64,
        /// How many task instances could run if there were workers for them, by queue.
        ready: BTreeMap<Arc<str>, u64>,
    },
    /// A scheduler ends.
    Gone {
        /// Name of the scheduler.
        scheduler: Arc<str>,
    },
}

/// Lines of a running attempt, between servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LinesMessage {
    /// The server that publishes them.
    pub(super) server: u64,
    #[serde(with = "text")]
    tenant: TenantId,
    #[serde(with = "text")]
    run: RunId,
    /// The task, by its place in the document.
    task: u32,
    index: u32,
    number: u32,
    first: u64,
    lines: Vec<LogLine>,
}

impl LinesMessage {
    /// Lines that a worker sent to this server.
    pub(super) fn new(server: u64, added: Added) -> Self {
        let Added { key, first, lines } = added;
        Self {
            server,
            tenant: key.tenant,
            run: key.run,
            task: key.instance.task.0,
            index: key.instance.index,
            number: key.number,
            first,
            lines,
        }
    }

    /// The lines.
    pub(super) fn into_added(self) -> Added {
        Added {
            key: LogKey {
                tenant: self.tenant,
                run: self.run,
                instance: Instance {
                    task: TaskIndex(self.task),
                    index: self.index,
                },
                number: self.number,
            },
            first: self.first,
            lines: self.lines,
        }
    }
}

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Changed(#[serde(with = "ChangeMessage")] pub(super) Change);

/// A reason, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReasonMessage {
    code: String,
    message: String,
    help: Option<String>,
}

impl From<Reason> for ReasonMessage {
    fn from(
        Reason {
            code,
            message,
            help,
        }: Reason,
    ) -> Self {
        Self {
            code,
            message,
            help,
        }
    }
}

impl From<ReasonMessage> for Reason {
    fn from(
        ReasonMessage {
            code,
            message,
            help,
        }: ReasonMessage,
    ) -> Self {
        Self {
            code,
            message,
            help,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Wake", rename_all = "snake_case")]
enum WakeMessage {
    Queued(#[serde(with = "DagKeyMessage")] DagKey),
    Command,
    Settings,
    Shards,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "DagKey")]
struct DagKeyMessage(i64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Change", rename_all = "snake_case")]
enum ChangeMessage {
    Run {
        #[serde(with = "text")]
        tenant: TenantId,
        #[serde(with = "text")]
        dag: DagId,
        #[serde(with = "text")]
        run: RunId,
        #[serde(with = "RunStateMessage")]
        state: RunState,
        counts: Counts,
    },
    Instance {
        #[serde(with = "text")]
        tenant: TenantId,
        #[serde(with = "text")]
        run: RunId,
        #[serde(with = "text")]
        task: TaskId,
        map_index: Option<u32>,
        #[serde(with = "text")]
        state: InstanceTag,
        number: u32,
        worker: Option<Arc<str>>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RunState", rename_all = "snake_case")]
enum RunStateMessage {
    Pending,
    Running,
    Success,
    Failed,
    Cancelled,
}

/// What is written and read as text.
mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error};
    use std::{borrow::Cow, fmt::Display, str::FromStr};

    pub(super) fn serialize<S: Serializer>(
        value: &impl Display,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u32,
    #[serde(rename = "say")]
    message: T,
}

/// The version alone.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

/// Encodes a message.
pub(super) fn encode(message: &impl Message) -> Vec<u8> {
    let envelope = Envelope {
        v: VERSION,
        message,
    };
    serde_json::to_vec(&envelope).expect("messages have no map with odd keys")
}

/// Decodes a message; `None` if it is of a newer version or can't be read.
pub(super) fn decode<T: Message>(bytes: &[u8]) -> Option<T> {
    let version: Version = serde_json::from_slice(bytes).ok()?;
    if version.v > VERSION {
        tracing::debug!(
            version = version.v,
            operation = "decode",
            "control bus message of a newer version; skipped"
        );
        return None;
    }
    match serde_json::from_slice::<Envelope<T>>(bytes) {
        Ok(envelope) => Some(envelope.message),
        Err(error) => {
            tracing::warn!(%error, operation = "decode", "control bus message can't be read; skipped");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn an_encoded_message_decodes_to_itself() {
        let messages = [
            ToSchedulers::Wake(Wake::Queued(DagKey(7))),
            ToSchedulers::Wake(Wake::Shards),
            ToSchedulers::PublishAll,
            ToSchedulers::Explain {
                question: u64::MAX,
                run: "0000000000001".parse().unwrap(),
                task: 3,
                index: 4,
            },
        ];
        for message in messages {
            assert_eq!(decode(&encode(&message)), Some(message));
        }
        let change = Change::Instance {
            tenant: "default".parse().unwrap(),
            run: "0000000000001".parse().unwrap(),
            task: "load".parse().unwrap(),
            map_index: Some(2),
            state: InstanceTag::UpForRetry,
            number: 1,
            worker: Some("far".into()),
        };
        let message = ToServers::Changed {
            everything: true,
            changes: vec![Changed(change)],
        };
        assert_eq!(decode(&encode(&message)), Some(message));
    }

    /// What the first version says, a line each: it has to be understood for as long as there are
    /// processes of it, and they have to understand what is said today. Lines are added for what
    /// is new, and none is changed: `WEFT_UPDATE_RELEASED=1` adds them.
    const TO_SCHEDULERS: &str = "to-schedulers-1.jsonl";
    const TO_SERVERS: &str = "to-servers-1.jsonl";

    /// Whether everything of the one is in the other, which may say more.
    fn holds(more: &Value, kept: &Value) -> bool {
        match (more, kept) {
            (Value::Object(more), Value::Object(kept)) => kept
                .iter()
                .all(|(name, kept)| more.get(name).is_some_and(|more| holds(more, kept))),
            (Value::Array(more), Value::Array(kept)) => {
                more.len() == kept.len() && more.iter().zip(kept).all(|(a, b)| holds(a, b))
            }
            (more, kept) => more == kept,
        }
    }

    fn assert_compatible_with_corpus<T>(file: &str, messages: &[T])
    where
        T: Message + PartialEq + std::fmt::Debug,
    {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/control_bus/corpus");
        let path = std::path::Path::new(folder).join(file);
        let mut kept = std::fs::read_to_string(&path).unwrap_or_default();
        if std::env::var_os("WEFT_UPDATE_RELEASED").is_some() {
            for new in messages.iter().skip(kept.lines().count()) {
                kept.push_str(std::str::from_utf8(&encode(new)).unwrap());
                kept.push('\n');
            }
            std::fs::write(&path, &kept).unwrap();
        }
        assert_eq!(kept.lines().count(), messages.len(), "{file}");
        for (line, message) in kept.lines().zip(messages) {
            assert_eq!(
                decode::<T>(line.as_bytes()).as_ref(),
                Some(message),
                "{line}"
            );
            let [is, was] = [&*encode(message), line.as_bytes()]
                .map(|text| serde_json::from_slice::<Value>(text).unwrap());
            assert!(holds(&is, &was), "{is} is not {line}");
            let with_more = line.replacen(r#"{"v":1,"#, r#"{"of_the_future":[1],"v":1,"#, 1);
            let read = decode::<T>(with_more.as_bytes());
            assert_eq!(read.as_ref(), Some(message), "{with_more}");
        }
    }

    #[test]
    fn version_one_to_schedulers_stays_as_it_is() {
        let messages = [
            ToSchedulers::Wake(Wake::Queued(DagKey(7))),
            ToSchedulers::Wake(Wake::Command),
            ToSchedulers::Wake(Wake::Settings),
            ToSchedulers::Wake(Wake::Shards),
            ToSchedulers::PublishAll,
            ToSchedulers::Explain {
                question: u64::MAX,
                run: "0000000000001".parse().unwrap(),
                task: 3,
                index: 4,
            },
        ];
        assert_compatible_with_corpus(TO_SCHEDULERS, &messages);
    }

    #[test]
    fn version_one_to_servers_stays_as_it_is() {
        let run = |state| {
            Changed(Change::Run {
                tenant: "default".parse().unwrap(),
                dag: "quakes".parse().unwrap(),
                run: "0000000000001".parse().unwrap(),
                state,
                counts: Counts {
                    success: 2,
                    running: 1,
                    ..Counts::default()
                },
            })
        };
        let instance = |state, worker: Option<&str>| {
            Changed(Change::Instance {
                tenant: "default".parse().unwrap(),
                run: "0000000000001".parse().unwrap(),
                task: "load".parse().unwrap(),
                map_index: worker.map(|_far| 2),
                state,
                number: 1,
                worker: worker.map(Into::into),
            })
        };
        let reason = ReasonMessage {
            code: "pool_full".to_owned(),
            message: "the pool is full".to_owned(),
            help: Some("wait".to_owned()),
        };
        let because = |reasons| ToServers::Explanation {
            question: 7,
            scheduler: "north".into(),
            reasons,
        };
        let messages = [
            ToServers::Changed {
                everything: true,
                changes: [
                    RunState::Pending,
                    RunState::Running,
                    RunState::Success,
                    RunState::Failed,
                    RunState::Cancelled,
                ]
                .map(run)
                .to_vec(),
            },
            ToServers::Changed {
                everything: false,
                changes: InstanceTag::ALL
                    .map(|state| instance(state, Some("far")))
                    .to_vec(),
            },
            ToServers::Changed {
                everything: false,
                changes: vec![instance(InstanceTag::Ready, None)],
            },
            ToServers::Changed {
                everything: true,
                changes: Vec::new(),
            },
            because(Some(vec![reason])),
            because(None),
            ToServers::Heartbeat {
                scheduler: "north".into(),
                owns: true,
                since_ms: 3,
                ready: BTreeMap::from([("default".into(), 5)]),
            },
            ToServers::Gone {
                scheduler: "north".into(),
            },
        ];
        assert_compatible_with_corpus(TO_SERVERS, &messages);
    }

    #[test]
    fn messages_of_newer_versions_and_malformed_ones_are_skipped() {
        assert_eq!(decode::<ToServers>(br#"{"v":2,"say":{"song":1}}"#), None);
        assert_eq!(decode::<ToServers>(br#"{"v":1,"say":{"song":1}}"#), None);
        assert_eq!(decode::<ToServers>(b"hush"), None);
    }
}
