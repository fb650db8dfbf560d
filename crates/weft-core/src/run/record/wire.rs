//! One event in a chunk: one flat object whose keys depend on its kind.
//!
//! A wire type of its own, so that the machine's types can change their names
//! without changing what was written.

use super::{entry::Entry, replay_settings::ReplaySettings};
use crate::{
    document::TaskIndex,
    run::{
        action::Timer,
        event::{Event, Moment, Outcome},
        indexes::Indexes,
        selection::Selection,
        state::{Attempt, Instance, Marked},
    },
    time::{DurationMs, Timestamp},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The frame of a chunk.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(rename = "v")]
    pub(super) version: u32,
    /// In the first chunk alone.
    #[serde(rename = "r")]
    pub(super) settings: Option<ReplaySettings>,
    #[serde(rename = "e", borrow)]
    pub(super) entries: &'a RawValue,
}

/// One event. What a kind doesn't have is absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Wire<'a> {
    /// One of [`kind`].
    #[serde(rename = "k", borrow)]
    kind: Cow<'a, str>,
    /// Milliseconds since the epoch; absent where it is that of the entry before.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(super) now: Option<i64>,
    /// The entropy of a failure.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    entropy: Option<u64>,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    task: Option<u32>,
    /// The map index.
    #[serde(rename = "i", default, skip_serializing_if = "is_zero")]
    index: u32,
    /// The number of an attempt.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    nonce: Option<u64>,
    /// The generation of a task, or the episode of a run.
    #[serde(rename = "g", default, skip_serializing_if = "is_zero")]
    generation: u32,
    /// How many instances.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    /// Until when, in milliseconds since the epoch.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    /// Milliseconds that a retry waits at least.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    wait: Option<u64>,
    /// A failure that another attempt could help; a clear with all downstreams; a task that runs.
    #[serde(rename = "y", default, skip_serializing_if = "is_false")]
    yes: bool,
    /// For people.
    #[serde(rename = "m", default, skip_serializing_if = "str::is_empty")]
    message: Cow<'a, str>,
    /// Tasks that were chosen or cleared.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<u32>>,
    /// First and last map index of each range that was cleared.
    #[serde(rename = "ix", default, skip_serializing_if = "Option::is_none")]
    ranges: Option<Vec<(u32, u32)>>,
    /// A clear with all upstreams.
    #[serde(rename = "up", default, skip_serializing_if = "is_false")]
    upstream: bool,
    /// A clear of what failed.
    #[serde(rename = "of", default, skip_serializing_if = "is_false")]
    only_failed: bool,
    /// The state that was given by hand.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    marked: Option<Cow<'a, str>>,
    /// Who claimed an attempt.
    #[serde(rename = "by", default, skip_serializing_if = "Option::is_none")]
    pub(super) worker: Option<Cow<'a, str>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_false(yes: &bool) -> bool {
    !yes
}

/// How events are called. A name is never used again for something else.
mod kind {
    pub(super) const START: &str = "start";
    pub(super) const EXPANDED: &str = "many";
    pub(super) const EXPAND_FAILED: &str = "nolist";
    pub(super) const DISPATCHED: &str = "disp";
    pub(super) const STARTED: &str = "run";
    pub(super) const SUCCESS: &str = "ok";
    pub(super) const BRANCH: &str = "pick";
    pub(super) const SKIPPED: &str = "skip";
    pub(super) const DEFERRED: &str = "defer";
    pub(super) const FAILED: &str = "fail";
    pub(super) const LOST: &str = "lost";
    pub(super) const DUE: &str = "due";
    pub(super) const TIMEOUT: &str = "over";
    pub(super) const WOKEN: &str = "wake";
    pub(super) const CANCEL: &str = "stop";
    pub(super) const CLEAR: &str = "clear";
    /// A clear of a selection; a kind of its own, since a version that doesn't know it must not
    /// clear more.
    pub(super) const CLEAR_SELECTION: &str = "pickclear";
    pub(super) const MARK: &str = "mark";
    pub(super) const PRECONDITION: &str = "cond";
    pub(super) const DEADLINE: &str = "late";
}

const SUCCESS: &str = "success";
const FAILED: &str = "failed";
const SKIPPED: &str = "skipped";

impl<'a> Wire<'a> {
    fn new(kind: &'static str) -> Self {
        Self {
            kind: Cow::Borrowed(kind),
            ..Self::default()
        }
    }

    fn at(kind: &'static str, instance: Instance) -> Self {
        Self {
            task: Some(instance.task.0),
            index: instance.index,
            ..Self::new(kind)
        }
    }

    fn attempt(kind: &'static str, attempt: Attempt) -> Self {
        Self {
            number: Some(attempt.number),
            nonce: Some(attempt.nonce),
            ..Self::at(kind, attempt.instance)
        }
    }

    /// The event but for its time.
    pub(super) fn of(at: Moment, event: &'a Event) -> Self {
        match event {
            Event::Start => Self::new(kind::START),
            Event::Expanded {
                task,
                generation,
                instances,
            } => Self {
                task: Some(task.0),
                generation: *generation,
                count: Some(*instances),
                ..Self::new(kind::EXPANDED)
            },
            Event::ExpandFailed {
                task,
                generation,
                message,
            } => Self {
                task: Some(task.0),
                generation: *generation,
                message: message.as_str().into(),
                ..Self::new(kind::EXPAND_FAILED)
            },
            Event::PreconditionChecked {
                task,
                generation,
                runs,
            } => Self {
                task: Some(task.0),
                generation: *generation,
                yes: *runs,
                ..Self::new(kind::PRECONDITION)
            },
            Event::Dispatched { instance, nonce } => Self {
                nonce: Some(*nonce),
                ..Self::at(kind::DISPATCHED, *instance)
            },
            Event::Started { attempt } => Self::attempt(kind::STARTED, *attempt),
            Event::Finished { attempt, outcome } => Self::outcome(at, *attempt, outcome),
            Event::Lost { attempt } => Self::attempt(kind::LOST, *attempt),
            Event::Due { timer } => match timer {
                Timer::Instance { instance, number } => Self {
                    number: Some(*number),
                    ..Self::at(kind::DUE, *instance)
                },
                Timer::RunTimeout { episode } => Self {
                    generation: *episode,
                    ..Self::new(kind::TIMEOUT)
                },
                Timer::Deadline { task } => Self {
                    task: task.map(|task| task.0),
                    ..Self::new(kind::DEADLINE)
                },
            },
            Event::Woken { instance } => Self::at(kind::WOKEN, *instance),
            Event::Cancel => Self::new(kind::CANCEL),
            Event::Clear(selection) => Self::selection(selection),
            Event::Mark { instance, as_state } => Self {
                marked: Some(Cow::Borrowed(match as_state {
                    Marked::Success => SUCCESS,
                    Marked::Failed => FAILED,
                    Marked::Skipped => SKIPPED,
                })),
                ..Self::at(kind::MARK, *instance)
            },
        }
    }

    fn selection(selection: &Selection) -> Self {
        let plain = Self {
            tasks: Some(numbers(&selection.tasks)),
            yes: selection.downstream,
            ..Self::new(kind::CLEAR)
        };
        if selection.is_plain() {
            return plain;
        }
        let ranges = selection.indexes.as_ref().map(|indexes| {
            let ranges = indexes.ranges().iter();
            ranges.map(|range| (range.start, range.end - 1)).collect()
        });
        Self {
            kind: Cow::Borrowed(kind::CLEAR_SELECTION),
            ranges,
            upstream: selection.upstream,
            only_failed: selection.only_failed,
            ..plain
        }
    }

    fn outcome(at: Moment, attempt: Attempt, outcome: &'a Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::attempt(kind::SUCCESS, attempt),
            Outcome::Branch { chosen } => Self {
                tasks: Some(numbers(chosen)),
                ..Self::attempt(kind::BRANCH, attempt)
            },
            Outcome::Skipped => Self::attempt(kind::SKIPPED, attempt),
            Outcome::Deferred { until } => Self {
                until: until.map(|until| until.0),
                ..Self::attempt(kind::DEFERRED, attempt)
            },
            Outcome::Failed {
                retryable,
                retry_after,
                message,
            } => Self {
                yes: *retryable,
                wait: retry_after.map(|wait| wait.0),
                message: message.as_str().into(),
                entropy: Some(at.entropy),
                ..Self::attempt(kind::FAILED, attempt)
            },
        }
    }

    /// The entry at `now`; or its kind and what is wrong with it.
    pub(super) fn into_entry(self, now: Option<i64>) -> Result<Entry, (String, &'static str)> {
        match self.event() {
            Ok(event) => Ok(Entry {
                at: Moment {
                    now: Timestamp(now.ok_or_else(|| (self.kind.to_string(), "has no time"))?),
                    entropy: self.entropy.unwrap_or_default(),
                },
                event,
                worker: self.worker.map(Into::into),
            }),
            Err(why) => Err((self.kind.into_owned(), why)),
        }
    }

    fn event(&self) -> Result<Event, &'static str> {
        if let Some(outcome) = self.outcome_of()? {
            return Ok(Event::Finished {
                attempt: self.attempt_of()?,
                outcome,
            });
        }
        match &*self.kind {
            kind::START => Ok(Event::Start),
            kind::EXPANDED => Ok(Event::Expanded {
                task: self.task_of()?,
                generation: self.generation,
                instances: self.count.ok_or("has no number of instances")?,
            }),
            kind::EXPAND_FAILED => Ok(Event::ExpandFailed {
                task: self.task_of()?,
                generation: self.generation,
                message: self.message.to_string(),
            }),
            kind::PRECONDITION => Ok(Event::PreconditionChecked {
                task: self.task_of()?,
                generation: self.generation,
                runs: self.yes,
            }),
            kind::DISPATCHED => Ok(Event::Dispatched {
                instance: self.instance()?,
                nonce: self.nonce.ok_or(NO_NONCE)?,
            }),
            kind::STARTED => Ok(Event::Started {
                attempt: self.attempt_of()?,
            }),
            kind::LOST => Ok(Event::Lost {
                attempt: self.attempt_of()?,
            }),
            kind::DUE => Ok(Event::Due {
                timer: Timer::Instance {
                    instance: self.instance()?,
                    number: self.number.ok_or(NO_NUMBER)?,
                },
            }),
            kind::TIMEOUT => Ok(Event::Due {
                timer: Timer::RunTimeout {
                    episode: self.generation,
                },
            }),
            kind::DEADLINE => Ok(Event::Due {
                timer: Timer::Deadline {
                    task: self.task.map(TaskIndex),
                },
            }),
            kind::WOKEN => Ok(Event::Woken {
                instance: self.instance()?,
            }),
            kind::CANCEL => Ok(Event::Cancel),
            kind::CLEAR => Ok(Event::Clear(Selection::of(self.tasks_of()?, self.yes))),
            kind::CLEAR_SELECTION => Ok(Event::Clear(Selection {
                tasks: self.tasks_of()?,
                indexes: self.indexes()?,
                upstream: self.upstream,
                downstream: self.yes,
                only_failed: self.only_failed,
            })),
            kind::MARK => Ok(Event::Mark {
                instance: self.instance()?,
                as_state: match self.marked.as_deref() {
                    Some(SUCCESS) => Marked::Success,
                    Some(FAILED) => Marked::Failed,
                    Some(SKIPPED) => Marked::Skipped,
                    Some(_) | None => return Err("has no state that can be given"),
                },
            }),
            _ => Err("is of a kind that this version doesn't know"),
        }
    }

    /// How an attempt ended; `None` for the other kinds.
    fn outcome_of(&self) -> Result<Option<Outcome>, &'static str> {
        Ok(Some(match &*self.kind {
            kind::SUCCESS => Outcome::Success,
            kind::BRANCH => Outcome::Branch {
                chosen: self.tasks_of()?,
            },
            kind::SKIPPED => Outcome::Skipped,
            kind::DEFERRED => Outcome::Deferred {
                until: self.until.map(Timestamp),
            },
            kind::FAILED => Outcome::Failed {
                retryable: self.yes,
                retry_after: self.wait.map(DurationMs),
                message: self.message.to_string(),
            },
            _ => return Ok(None),
        }))
    }

    fn task_of(&self) -> Result<TaskIndex, &'static str> {
        self.task.map(TaskIndex).ok_or("has no task")
    }

    fn instance(&self) -> Result<Instance, &'static str> {
        Ok(Instance {
            task: self.task_of()?,
            index: self.index,
        })
    }

    fn attempt_of(&self) -> Result<Attempt, &'static str> {
        Ok(Attempt {
            instance: self.instance()?,
            number: self.number.ok_or(NO_NUMBER)?,
            nonce: self.nonce.ok_or(NO_NONCE)?,
        })
    }

    fn indexes(&self) -> Result<Option<Indexes>, &'static str> {
        let Some(ranges) = &self.ranges else {
            return Ok(None);
        };
        let ranges = ranges.iter();
        let indexes = Indexes::of(ranges.map(|(first, last)| *first..last.saturating_add(1)));
        indexes.map(Some).map_err(|_| "has no map indexes")
    }

    fn tasks_of(&self) -> Result<Vec<TaskIndex>, &'static str> {
        let tasks = self.tasks.as_ref().ok_or("has no list of tasks")?;
        Ok(tasks.iter().copied().map(TaskIndex).collect())
    }
}

const NO_NONCE: &str = "has no nonce";
const NO_NUMBER: &str = "has no attempt";

fn numbers(tasks: &[TaskIndex]) -> Vec<u32> {
    tasks.iter().map(|task| task.0).collect()
}
