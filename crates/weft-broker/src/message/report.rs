//! The wire form of a report.

use super::{MessageError, read_key, text::Text, write_key};
use crate::{AheadReport, Failure, Output, Report, ReportedOutcome, Usage};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;
use std::{borrow::Cow, sync::Arc};
use weft_core::{
    approval::ApprovalRequest,
    asset::{self, AssetUpdate},
    digest::Digest,
    document::TaskIndex,
    id::TaskId,
    run::Instance,
    run_ahead::MAX_TASKS,
    time::{DurationMs, Timestamp},
    wait::Call,
};

/// The time of a deferral that no time ends: the end of the year 9999, since a scheduler of the version
/// before expects one.
const NEVER: i64 = 253_402_300_799_999;

#[derive(Serialize, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    outcome: Outcome<'a>,
    usage: UsageMessage,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    log: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    artifacts: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "Updates::is_empty")]
    updates: Updates<'a>,
    #[serde(borrow)]
    worker: Text<'a>,
    /// A reader that does not know it has these attempts made again.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    ahead: Vec<Ahead<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Ahead<'a> {
    task: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    index: u32,
    number: u32,
    #[serde(borrow)]
    outcome: Outcome<'a>,
    usage: UsageMessage,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    log: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    artifacts: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "Updates::is_empty")]
    updates: Updates<'a>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome<'a> {
    Success {
        #[serde(borrow)]
        output: OutputMessage<'a>,
    },
    Skipped {
        #[serde(borrow)]
        reason: Option<Text<'a>>,
    },
    Branch {
        #[serde(borrow)]
        tasks: Vec<Text<'a>>,
        #[serde(borrow)]
        output: OutputMessage<'a>,
    },
    Deferred {
        until: i64,
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        wait: Option<Text<'a>>,
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        call: Option<CallMessage<'a>>,
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        approval: Option<Text<'a>>,
        #[serde(borrow)]
        state: Text<'a>,
    },
    Failed {
        #[serde(borrow)]
        code: Text<'a>,
        retryable: bool,
        #[serde(borrow)]
        message: Text<'a>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Cow<'a, Value>>,
        #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
        backtrace: Option<Text<'a>>,
    },
}

/// What a task said of assets. It comes from a worker, so it is checked as what a guest returns.
#[derive(Serialize, Default)]
struct Updates<'a>(Cow<'a, [AssetUpdate]>);

impl Updates<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Updates<'_> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let asset::Updates(updates) = Deserialize::deserialize(from)?;
        Ok(Self(Cow::Owned(updates.map_err(D::Error::custom)?)))
    }
}

#[derive(Serialize, Deserialize)]
struct CallMessage<'a> {
    #[serde(borrow)]
    dag: Text<'a>,
    /// A JSON object.
    #[serde(borrow)]
    params: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logical_date: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    detached: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutputMessage<'a> {
    Inline(#[serde(borrow)] Text<'a>),
    Blob {
        #[serde(borrow)]
        digest: Text<'a>,
        bytes: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct UsageMessage {
    started: i64,
    wall_us: u64,
    cpu_us: u64,
    memory_peak_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    log_bytes: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl<'a> Message<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let Report {
            key,
            outcome,
            usage,
            log,
            artifacts,
            updates,
            worker,
            secret: _,
            ahead,
        } = report;
        Self {
            key: write_key(key).into(),
            outcome: Outcome::of(outcome),
            usage: UsageMessage::of(*usage),
            log: log.as_deref().map(Text::from),
            artifacts: artifacts.into(),
            updates: Updates(Cow::Borrowed(updates)),
            worker: (&**worker).into(),
            ahead: ahead.iter().map(Ahead::of).collect(),
        }
    }

    pub(super) fn into_report(self) -> Result<Report, MessageError> {
        let ahead = self.ahead.into_iter().take(MAX_TASKS);
        let ahead: Result<Vec<AheadReport>, _> = ahead.map(Ahead::into_report).collect();
        Ok(Report {
            key: read_key(&self.key)?,
            outcome: self.outcome.into_outcome()?,
            usage: self.usage.into_usage(),
            log: self.log.as_deref().map(Arc::from),
            artifacts: self.artifacts.into_owned(),
            updates: self.updates.0.into_owned(),
            worker: Arc::from(&*self.worker),
            secret: None,
            ahead: ahead?,
        })
    }
}

impl<'a> Ahead<'a> {
    fn of(report: &'a AheadReport) -> Self {
        let AheadReport {
            instance: Instance { task, index },
            number,
            outcome,
            usage,
            log,
            artifacts,
            updates,
        } = report;
        Self {
            task: task.0,
            index: *index,
            number: *number,
            outcome: Outcome::of(outcome),
            usage: UsageMessage::of(*usage),
            log: log.as_deref().map(Text::from),
            artifacts: artifacts.into(),
            updates: Updates(Cow::Borrowed(updates)),
        }
    }

    fn into_report(self) -> Result<AheadReport, MessageError> {
        Ok(AheadReport {
            instance: Instance {
                task: TaskIndex(self.task),
                index: self.index,
            },
            number: self.number,
            outcome: self.outcome.into_outcome()?,
            usage: self.usage.into_usage(),
            log: self.log.as_deref().map(Arc::from),
            artifacts: self.artifacts.into_owned(),
            updates: self.updates.0.into_owned(),
        })
    }
}

impl<'a> Outcome<'a> {
    fn of(outcome: &'a ReportedOutcome) -> Self {
        match outcome {
            ReportedOutcome::Success { output } => Self::Success {
                output: OutputMessage::of(output),
            },
            ReportedOutcome::Skipped { reason } => Self::Skipped {
                reason: reason.as_deref().map(Text::from),
            },
            ReportedOutcome::Branch { tasks, output } => Self::Branch {
                tasks: tasks.iter().map(|task| task.as_str().into()).collect(),
                output: OutputMessage::of(output),
            },
            ReportedOutcome::Deferred {
                until,
                wait,
                call,
                approval,
                state,
            } => Self::Deferred {
                until: until.map_or(NEVER, |until| until.0),
                wait: wait.as_ref().map(|wait| wait.to_string().into()),
                call: call.as_ref().map(CallMessage::of),
                approval: approval.as_deref().map(Text::from),
                state: (&**state).into(),
            },
            ReportedOutcome::Failed(Failure {
                code,
                retryable,
                message,
                retry_after,
                details,
                backtrace,
            }) => Self::Failed {
                code: (&**code).into(),
                retryable: *retryable,
                message: message.into(),
                retry_after_ms: retry_after.map(|span| span.0),
                details: details.as_ref().map(Cow::Borrowed),
                backtrace: backtrace.as_deref().map(Text::from),
            },
        }
    }

    fn into_outcome(self) -> Result<ReportedOutcome, MessageError> {
        Ok(match self {
            Self::Success { output } => ReportedOutcome::Success {
                output: output.into_output()?,
            },
            Self::Skipped { reason } => ReportedOutcome::Skipped {
                reason: reason.map(Text::into_owned),
            },
            Self::Branch { tasks, output } => {
                let tasks: Result<Vec<TaskId>, _> = tasks.iter().map(|task| task.parse()).collect();
                ReportedOutcome::Branch {
                    tasks: tasks.map_err(MessageError::broken)?,
                    output: output.into_output()?,
                }
            }
            Self::Deferred {
                until,
                wait,
                call,
                approval,
                state,
            } => ReportedOutcome::Deferred {
                until: (until != NEVER).then_some(Timestamp(until)),
                wait: wait
                    .map(|wait| wait.parse().map_err(MessageError::broken))
                    .transpose()?,
                call: call.map(CallMessage::into_call).transpose()?,
                approval: approval.map(|text| question(&text)).transpose()?,
                state: Arc::from(&*state),
            },
            Self::Failed {
                code,
                retryable,
                message,
                retry_after_ms,
                details,
                backtrace,
            } => ReportedOutcome::Failed(Failure {
                code: Arc::from(&*code),
                retryable,
                message: message.into_owned(),
                retry_after: retry_after_ms.map(DurationMs),
                details: details.map(Cow::into_owned),
                backtrace: backtrace.map(Text::into_owned),
            }),
        })
    }
}

/// What an attempt asks. It comes from a worker, and people are shown it.
fn question(text: &str) -> Result<Arc<str>, MessageError> {
    let request = ApprovalRequest::parse(text);
    request
        .map(|_request| Arc::from(text))
        .map_err(MessageError::broken)
}

impl<'a> CallMessage<'a> {
    fn of(call: &'a Call) -> Self {
        Self {
            dag: call.dag.as_str().into(),
            params: (&*call.params).into(),
            logical_date: call.logical_date.map(|date| date.0),
            detached: call.is_detached,
        }
    }

    fn into_call(self) -> Result<Call, MessageError> {
        Ok(Call {
            dag: self.dag.parse().map_err(MessageError::broken)?,
            params: Arc::from(&*self.params),
            logical_date: self.logical_date.map(Timestamp),
            is_detached: self.detached,
        })
    }
}

impl<'a> OutputMessage<'a> {
    fn of(output: &'a Output) -> Self {
        match output {
            Output::Inline(text) => Self::Inline((&**text).into()),
            Output::Blob { digest, bytes } => Self::Blob {
                digest: digest.hex().into(),
                bytes: *bytes,
            },
        }
    }

    fn into_output(self) -> Result<Output, MessageError> {
        Ok(match self {
            Self::Inline(text) => Output::Inline(Arc::from(&*text)),
            Self::Blob { digest, bytes } => Output::Blob {
                digest: Digest::from_hex(&digest)
                    .ok_or_else(|| MessageError::Broken(format!("{digest:?} is no digest")))?,
                bytes,
            },
        })
    }
}

impl UsageMessage {
    fn of(usage: Usage) -> Self {
        let Usage {
            started,
            wall_us,
            cpu_us,
            memory_peak_bytes,
            fuel,
            log_bytes,
            bytes_in,
            bytes_out,
        } = usage;
        Self {
            started: started.0,
            wall_us,
            cpu_us,
            memory_peak_bytes,
            fuel,
            log_bytes,
            bytes_in,
            bytes_out,
        }
    }

    fn into_usage(self) -> Usage {
        Usage {
            started: Timestamp(self.started),
            wall_us: self.wall_us,
            cpu_us: self.cpu_us,
            memory_peak_bytes: self.memory_peak_bytes,
            fuel: self.fuel,
            log_bytes: self.log_bytes,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
        }
    }
}
