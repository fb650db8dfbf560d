//! One DAG as the rest of Weft sees it: every reference resolved, every value in range.
//!
//! Only the parser makes these from a document. An absent field means
//! the installation's default, which is not decided here.

use super::schedule::Schedule;
use crate::{
    asset::{AssetName, Condition},
    concurrency::Concurrency,
    failure_code::FailureCode,
    grant::GrantRequest,
    holidays::Holidays,
    id::{DagId, TaskId},
    limit::LimitRequest,
    policy,
    precondition::Precondition,
    teardown::Teardown,
    time::{DurationMs, Timestamp},
    trigger_rule::TriggerRule,
};
use serde_json::Value;
use std::sync::Arc;

/// The most attempts beyond the first.
pub const MAX_RETRIES: u32 = 1_000;
/// The steepest growth of waits.
pub const MAX_RETRY_BACKOFF: f64 = 100.0;
/// The longest wait before a retry.
pub const MAX_RETRY_DELAY: DurationMs = DurationMs(30 * 24 * 3_600_000);

/// One DAG, validated: every reference resolves and there is no cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Dag {
    /// Its name within the tenant.
    pub id: DagId,
    /// Shown to people.
    pub description: Option<String>,
    /// For finding it.
    pub tags: Vec<String>,
    /// The people or teams that it belongs to, once each.
    pub owners: Vec<String>,
    /// When runs start by themselves; none start where it is absent.
    pub schedule: Option<Schedule>,
    /// Days, in the DAG's time zone, on which its schedule creates no runs.
    pub holidays: Holidays,
    /// Which updates of assets create runs, beside the schedule; none do where it is absent.
    pub on_assets: Option<Condition>,
    /// A name of the IANA database, in which the schedule and dates without an offset are read; UTC where absent.
    pub timezone: Option<String>,
    /// No scheduled run has an earlier logical date.
    pub start: Option<Timestamp>,
    /// No scheduled run has a later logical date.
    pub end: Option<Timestamp>,
    /// Whether missed runs are made up for.
    pub catchup: Option<bool>,
    /// How many runs go on at once.
    pub max_active_runs: Option<u32>,
    /// Bounds by key.
    pub concurrency: Concurrency,
    /// How many task instances run at once, over all runs.
    pub max_active_tasks: Option<u32>,
    /// The longest a run may take.
    pub timeout: Option<DurationMs>,
    /// By when a run has to end.
    pub deadline: Option<Deadline>,
    /// In the author's order.
    pub params: Vec<Param>,
    /// The task groups that are mapped, by name: the first part of their tasks' ids.
    pub mapped_groups: Vec<String>,
    /// In the author's order; [`TaskIndex`] points into it.
    pub tasks: Vec<Task>,
}

/// By when a run, or a task of it, has to end.
///
/// It counts from when the run was due: the end of a scheduled run's interval, the creation of
/// another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// So long after the run was due.
    pub after: DurationMs,
    /// Whether what has not ended by then is stopped; otherwise a miss is only notified.
    pub stops: bool,
}

/// The position of a task in [`Dag::tasks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskIndex(pub u32);

/// A parameter of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// What runs, inputs and `{{ params.x }}` call it.
    pub name: String,
    /// Shown to people.
    pub description: Option<String>,
    /// A JSON Schema that a given value must satisfy.
    pub schema: Option<Value>,
    /// Without a default the parameter must be given.
    pub default: Option<Value>,
}

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its name within the DAG.
    pub id: TaskId,
    /// Shown to people.
    pub description: Option<String>,
    /// What an attempt executes.
    pub code: Code,
    /// By parameter name.
    pub inputs: Vec<(String, Binding)>,
    /// Dynamic mapping: parameters whose binding is a list; one instance for
    /// each element, for several parameters for each combination (the last varies fastest).
    pub expand: Vec<(String, Binding)>,
    /// What instances get of the elements of each list of `expand`, in its order.
    pub elements: Vec<Elements>,
    /// The position in [`Dag::mapped_groups`] of the group that it is mapped with. Its `expand` has the
    /// lists of that group then, by the names that [`Binding::Element`] refers to.
    pub mapped_group: Option<u32>,
    /// Whether the elements at the same position of all lists make an instance instead.
    pub zip: bool,
    /// How many instances of a mapped task run at once.
    pub max_active: Option<u32>,
    /// Every upstream, by data (`inputs`, `expand`) or by order (`after`), sorted, once each.
    pub upstreams: Vec<TaskIndex>,
    /// How its upstreams must have ended.
    pub trigger_rule: TriggerRule,
    /// Where it undoes what other tasks made; its own rule takes the place of `trigger_rule`.
    pub teardown: Option<Teardown>,
    /// What it requires of other runs of the DAG.
    pub precondition: Precondition,
    /// By when all its instances have to end.
    pub deadline: Option<Deadline>,
    /// The assets that each success updates, once each.
    pub outlets: Vec<AssetName>,
    /// Whether an attempt chooses among the direct downstreams; never of a mapped task.
    pub branch: bool,
    /// Attempts beyond the first, at most [`MAX_RETRIES`].
    pub retries: Option<u32>,
    /// The codes of the failures that are retried; every failure that may pass is where absent.
    pub retry_on: Option<Vec<FailureCode>>,
    /// The wait before the first retry.
    pub retry_delay: Option<DurationMs>,
    /// Each further wait is this many times the one before: 1.0 to [`MAX_RETRY_BACKOFF`].
    pub retry_backoff: Option<f64>,
    /// No wait is longer.
    pub retry_max_delay: Option<DurationMs>,
    /// The share of a wait that is random: 0.0 to 1.0.
    pub retry_jitter: Option<f64>,
    /// The longest an attempt may take.
    pub timeout: Option<DurationMs>,
    /// Limits beyond the installation's defaults.
    pub limits: LimitRequest,
    /// What it asks to be allowed to do.
    pub grants: GrantRequest,
    /// Which workers run it.
    pub queue: Option<String>,
    /// Whose slots it takes.
    pub pool: Option<String>,
    /// How many of the pool's slots an instance takes, at least one.
    pub pool_slots: Option<u32>,
    /// Higher goes first among ready tasks; what the DAG's `priority` and `priority_rule` make of it.
    pub priority: Option<i32>,
    /// Whether it runs on the deterministic engine, with a fixed clock and seed.
    pub deterministic: bool,
    /// JSON Schemas of the inputs by name, where known.
    pub input_schemas: Vec<(String, Arc<Value>)>,
    /// The JSON Schema of the output, where known.
    pub output_schema: Option<Arc<Value>>,
}

/// What an attempt of a task executes.
#[derive(Debug, Clone, PartialEq)]
pub enum Code {
    /// A task of the component whose `describe` returned this document.
    Own {
        /// Its name there.
        task: String,
    },
    /// A task of another component, by file name (in a manifest) or name in the container.
    Component {
        /// The file.
        file: String,
        /// Its name there.
        task: String,
    },
    /// A WASI program.
    Program(Program),
}

/// A WASI program as a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// By file name (in a manifest) or name in the container.
    pub file: String,
    /// May hold `{{ inputs.x }}`, `{{ params.x }}`.
    pub args: Vec<String>,
    /// Environment variables; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// What standard output holds.
    pub output: OutputFormat,
    /// Exit codes that fail the task with no retry.
    pub fail_on_exit: Vec<u8>,
    /// Exit codes that skip the task.
    pub skip_on_exit: Vec<u8>,
}

/// How a program's standard output becomes the task's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// Standard output is one JSON document.
    #[default]
    Json,
    /// Standard output is a string.
    Text,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Binding {
    /// The output of an upstream task; of a mapped one, the list of its
    /// instances' outputs in order, without the skipped ones. `pointer` (RFC 6901) picks a part.
    Output {
        /// The upstream.
        task: TaskIndex,
        /// RFC 6901, for the whole where absent.
        pointer: Option<String>,
    },
    /// A parameter of the run.
    Param {
        /// The parameter.
        name: String,
        /// RFC 6901, for the whole where absent.
        pointer: Option<String>,
    },
    /// Of a task in a mapped group: what its instance gets of one of the group's lists.
    Element {
        /// The position of the list in [`Task::expand`].
        list: u32,
        /// RFC 6901, for the whole where absent. An instance whose element has no such part gets no
        /// such input.
        pointer: Option<String>,
    },
    /// A constant.
    Literal(Value),
}

impl Binding {
    /// The task whose output it takes.
    pub const fn upstream(&self) -> Option<TaskIndex> {
        match self {
            Self::Output { task, pointer: _ } => Some(*task),
            Self::Param { .. } | Self::Element { .. } | Self::Literal(_) => None,
        }
    }
}

/// What the instances of a mapped task get of a list's elements. The default is all of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Elements {
    /// RFC 6901, within an element: elements without that part, or with null or false there, make
    /// no instance.
    pub filter: Option<String>,
    /// RFC 6901, within an element: the part that an instance gets. It gets no such input where
    /// its element has no such part.
    pub each: Option<String>,
}

impl Dag {
    /// Whether two tasks are in one mapped group, so that each instance of the one belongs to the
    /// instance of the other with its index.
    pub fn are_mapped_together(&self, one: TaskIndex, other: TaskIndex) -> bool {
        let group = self.tasks[one.as_usize()].mapped_group;
        group.is_some() && group == self.tasks[other.as_usize()].mapped_group
    }
}

impl Task {
    /// Whether an attempt that failed with this code may be retried.
    pub fn retries_code(&self, code: &str) -> bool {
        let codes = self.retry_on.as_ref();
        codes.is_none_or(|codes| codes.iter().any(|known| known.as_str() == code))
    }

    /// The name of the rule by which it starts: of its trigger rule, or that of teardowns.
    pub const fn rule_name(&self) -> &'static str {
        match self.teardown {
            Some(_) => Teardown::RULE,
            None => self.trigger_rule.name(),
        }
    }

    /// All that the task asks of the policy.
    pub fn request(&self) -> policy::Request<'_> {
        policy::Request {
            grants: &self.grants,
            limits: &self.limits,
            timeout: self.timeout,
            queue: self.queue.as_deref(),
        }
    }
}

impl TaskIndex {
    /// The position as an index.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}
