//! Notifications: what they are about, which destinations want them, and which become one message.
//!
//! A notice says what happened, once or many times ([`Notice::merge`]). It is stored with its
//! delivery, so fields are only ever added. Sending is not done here.

mod endpoint;
mod text;

pub use {
    endpoint::{DestinationKind, Endpoint, SmtpTls},
    text::{MAX_TEMPLATE_BYTES, TemplateError, Templates},
};

use crate::time::{DurationMs, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The most DAGs that one notice names.
pub const MAX_NOTICE_DAGS: usize = 20;
/// The most runs that one notice names: the first ones.
pub const MAX_NOTICE_RUNS: usize = 10;
/// The most DAGs, and the most tags, that a destination may name.
pub const MAX_FILTER_NAMES: usize = 100;
/// The longest wait and interval of folding.
pub const MAX_FOLD: DurationMs = DurationMs(24 * 3_600_000);

/// What a notification is about. The bits are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifyOn {
    /// A run succeeded.
    Success = 1,
    /// A run failed.
    Failure = 2,
    /// A run succeeded after a run of the same DAG had failed.
    Recovery = 4,
    /// An attempt failed, and its task instance is tried again.
    Retry = 8,
    /// A run or a task of it did not end by its deadline.
    Deadline = 16,
    /// A task asks people, and waits for the answer.
    Approval = 32,
    /// Somebody tests a destination.
    Test = 128,
}

impl NotifyOn {
    /// What a destination can be set to.
    pub const SELECTABLE: [Self; 6] = [
        Self::Success,
        Self::Failure,
        Self::Recovery,
        Self::Retry,
        Self::Deadline,
        Self::Approval,
    ];

    /// The stored bit.
    pub const fn bit(self) -> i64 {
        self as i64
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Recovery => "recovery",
            Self::Retry => "retry",
            Self::Deadline => "deadline",
            Self::Approval => "approval",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for NotifyOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names nothing that notifications are about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("notifications are on success, failure, recovery, retry, deadline and approval")]
pub struct NotifyOnError;

impl FromStr for NotifyOn {
    type Err = NotifyOnError;

    fn from_str(text: &str) -> Result<Self, NotifyOnError> {
        let mut all = Self::SELECTABLE.into_iter().chain([Self::Test]);
        all.find(|on| on.as_str() == text).ok_or(NotifyOnError)
    }
}

/// What may be shown of a destination, as it is stored beside its sealed [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// How it is reached.
    pub kind: DestinationKind,
    /// Where it leads, without what is secret.
    pub address: String,
    /// What it wants.
    pub on: Vec<NotifyOn>,
    /// Only these DAGs, by id, and those with one of `tags`; all where both are empty.
    #[serde(default)]
    pub dags: Vec<String>,
    /// See `dags`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How notices become messages.
    #[serde(default)]
    pub fold: Fold,
    /// Templates of the author.
    #[serde(default)]
    pub templates: Templates,
}

/// When failures and retries of one cause become one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// How long the first one waits for others.
    pub wait: DurationMs,
    /// The least time from one message about a cause to the next.
    pub interval: DurationMs,
}

impl Default for Fold {
    /// 10 seconds and 5 minutes.
    fn default() -> Self {
        Self {
            wait: DurationMs(10_000),
            interval: DurationMs(300_000),
        }
    }
}

impl Destination {
    /// The bits of everything that it wants.
    pub fn wanted_bits(&self) -> i64 {
        self.on.iter().fold(0, |bits, on| bits | on.bit())
    }

    /// Whether it wants to know this of this DAG.
    pub fn wants(&self, on: NotifyOn, dag: &str, tags: &[String]) -> bool {
        let is_for_all = self.dags.is_empty() && self.tags.is_empty();
        self.on.contains(&on)
            && (is_for_all
                || self.dags.iter().any(|own| own == dag)
                || self.tags.iter().any(|own| tags.contains(own)))
    }

    /// Notices with the same key become one message.
    pub fn fold_key(&self, notice: &Notice) -> String {
        let on = notice.on.as_str();
        let is_failure = matches!(notice.on, NotifyOn::Failure | NotifyOn::Retry);
        // An incident is about one DAG, since its recovery resolves it.
        let is_by_cause = is_failure && self.kind != DestinationKind::PagerDuty;
        match &notice.cause {
            Some(cause) if is_by_cause => format!("{on}/cause/{}", cause.fingerprint),
            Some(_) | None => {
                let dag = notice.dags.first().map_or("", String::as_str);
                format!("{on}/dag/{dag}")
            }
        }
    }

    /// Deliveries with the same key keep their order; without one they may overtake each other.
    pub fn order_key(&self, notice: &Notice) -> Option<String> {
        match self.kind {
            DestinationKind::PagerDuty => notice.dags.first().cloned(),
            DestinationKind::Webhook | DestinationKind::Slack | DestinationKind::Email => None,
        }
    }

    /// How its notices of this kind are folded.
    pub const fn fold(&self, on: NotifyOn) -> Fold {
        match on {
            NotifyOn::Failure | NotifyOn::Retry => self.fold,
            NotifyOn::Success
            | NotifyOn::Recovery
            | NotifyOn::Deadline
            | NotifyOn::Approval
            | NotifyOn::Test => Fold {
                wait: DurationMs(0),
                interval: DurationMs(0),
            },
        }
    }
}

/// What happened, once or many times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub on: NotifyOn,
    /// How often it happened.
    pub count: u64,
    /// When it happened first, in milliseconds since the Unix epoch.
    pub first: i64,
    /// When it happened last.
    pub last: i64,
    /// The DAGs by id, at most [`MAX_NOTICE_DAGS`].
    pub dags: Vec<String>,
    /// Where it happened, at most [`MAX_NOTICE_RUNS`].
    pub runs: Vec<NoticeRun>,
    /// Why, of a failure or a retry; of an approval the question as its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<NoticeCause>,
}

/// A run that a notice is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRun {
    /// DAG of the run.
    pub dag: String,
    /// Id of the run.
    pub run: String,
    /// The task that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The map index of the instance that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// When it happened, in milliseconds since the Unix epoch.
    pub at: i64,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeCause {
    /// Of code and message without what differs between failures: hexadecimal digits.
    pub fingerprint: String,
    /// A stable name.
    pub code: String,
    /// The message of the first of them.
    pub message: String,
}

impl Notice {
    /// A notice about a test.
    pub fn test(at: Timestamp) -> Self {
        Self {
            on: NotifyOn::Test,
            count: 1,
            first: at.0,
            last: at.0,
            dags: Vec::new(),
            runs: Vec::new(),
            cause: None,
        }
    }

    /// Adds another notice with the same fold key.
    pub fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for dag in other.dags {
            if self.dags.len() < MAX_NOTICE_DAGS && !self.dags.contains(&dag) {
                self.dags.push(dag);
            }
        }
        let room = MAX_NOTICE_RUNS.saturating_sub(self.runs.len());
        self.runs.extend(other.runs.into_iter().take(room));
        self.cause = self.cause.take().or(other.cause);
    }

    /// As it is stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are texts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(kind: DestinationKind) -> Destination {
        Destination {
            kind,
            address: "https://example.org".into(),
            on: vec![NotifyOn::Failure, NotifyOn::Recovery],
            dags: Vec::new(),
            tags: Vec::new(),
            fold: Fold::default(),
            templates: Templates::default(),
        }
    }

    fn failure(dag: &str, run: &str, fingerprint: &str) -> Notice {
        Notice {
            on: NotifyOn::Failure,
            count: 1,
            first: 5,
            last: 5,
            dags: vec![dag.into()],
            runs: vec![NoticeRun {
                dag: dag.into(),
                run: run.into(),
                task: Some("a".into()),
                index: Some(0),
                at: 5,
            }],
            cause: Some(NoticeCause {
                fingerprint: fingerprint.into(),
                code: "author".into(),
                message: "no such host".into(),
            }),
        }
    }

    #[test]
    fn a_destination_gets_what_it_wants_of_the_dags_that_it_names() {
        let mut all = destination(DestinationKind::Slack);
        assert!(all.wants(NotifyOn::Failure, "a", &[]));
        assert!(!all.wants(NotifyOn::Success, "a", &[]));
        assert_eq!(all.wanted_bits(), 6);
        all.dags = vec!["a".into()];
        all.tags = vec!["nightly".into()];
        assert!(all.wants(NotifyOn::Failure, "a", &[]));
        assert!(all.wants(NotifyOn::Failure, "b", &["nightly".into()]));
        assert!(!all.wants(NotifyOn::Failure, "b", &["hourly".into()]));
    }

    #[test]
    fn failures_fold_by_cause_over_dags_and_incidents_by_dag() {
        let slack = destination(DestinationKind::Slack);
        let pager = destination(DestinationKind::PagerDuty);
        let (a, b) = (failure("a", "1", "ff"), failure("b", "2", "ff"));
        let other = failure("a", "3", "ee");
        assert_eq!(slack.fold_key(&a), slack.fold_key(&b));
        assert_ne!(slack.fold_key(&a), slack.fold_key(&other));
        assert_ne!(pager.fold_key(&a), pager.fold_key(&b));
        assert_eq!(pager.fold_key(&a), pager.fold_key(&other));
        assert_eq!(pager.order_key(&a).as_deref(), Some("a"));
        assert_eq!(slack.order_key(&a), None);
    }

    #[test]
    fn five_hundred_failures_become_one_notice_of_bounded_size() {
        let mut folded = failure("d0", "0", "ff");
        for number in 1..500 {
            let mut next = failure(&format!("d{}", number % 50), &number.to_string(), "ff");
            (next.first, next.last) = (number, number);
            folded.merge(next);
        }
        assert_eq!((folded.count, folded.first, folded.last), (500, 1, 499));
        assert_eq!(folded.dags.len(), MAX_NOTICE_DAGS);
        assert_eq!(folded.runs.len(), MAX_NOTICE_RUNS);
        assert_eq!(folded.runs[0].run, "0");
        let read: Notice = serde_json::from_str(&folded.to_json()).unwrap();
        assert_eq!(read, folded);
    }

    #[test]
    fn every_name_reads_back() {
        for on in NotifyOn::SELECTABLE {
            assert_eq!(on.as_str().parse(), Ok(on));
        }
        assert_eq!("late".parse::<NotifyOn>(), Err(NotifyOnError));
    }
}
