//! The final state of every instance of a run, for `run.json`, the last JSON line and the summary.
//!
//! Some 50 bytes an instance, since runs have 100,000 of them; a failure's
//! text is kept only where there is one.

use crate::clock::Micros;
use weft_core::{
    document::TaskIndex,
    run::{Instance, InstanceState},
};

/// The state of an instance, in the words of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Waiting,
    Ready,
    Running,
    UpForRetry,
    Deferred,
    Success,
    Failed,
    Skipped,
    UpstreamFailed,
    Cancelled,
}

impl State {
    /// Every state, in the order of a summary.
    pub(crate) const ALL: [Self; 10] = [
        Self::Success,
        Self::Failed,
        Self::UpstreamFailed,
        Self::Skipped,
        Self::Cancelled,
        Self::Running,
        Self::UpForRetry,
        Self::Deferred,
        Self::Ready,
        Self::Waiting,
    ];

    /// The name in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::UpForRetry => "up_for_retry",
            Self::Deferred => "deferred",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::UpstreamFailed => "upstream_failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is over.
    pub(crate) const fn is_final(self) -> bool {
        match self {
            Self::Success
            | Self::Failed
            | Self::Skipped
            | Self::UpstreamFailed
            | Self::Cancelled => true,
            Self::Waiting | Self::Ready | Self::Running | Self::UpForRetry | Self::Deferred => {
                false
            }
        }
    }
}

impl From<&InstanceState> for State {
    fn from(state: &InstanceState) -> Self {
        match state {
            InstanceState::Waiting | InstanceState::Expanding => Self::Waiting,
            InstanceState::Ready => Self::Ready,
            InstanceState::Queued { .. } | InstanceState::Running { .. } => Self::Running,
            InstanceState::UpForRetry { .. } => Self::UpForRetry,
            InstanceState::Deferred { .. } => Self::Deferred,
            InstanceState::Success => Self::Success,
            InstanceState::Failed => Self::Failed,
            InstanceState::Skipped => Self::Skipped,
            InstanceState::UpstreamFailed => Self::UpstreamFailed,
            InstanceState::Cancelled => Self::Cancelled,
        }
    }
}

/// One instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) state: State,
    /// How many attempts there were.
    pub(crate) attempts: u32,
    /// When the first attempt began.
    pub(crate) started: Option<Micros>,
    /// When the last attempt ended.
    pub(crate) ended: Option<Micros>,
    pub(crate) error: Option<Box<ErrorRecord>>,
}

/// Why an instance failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ErrorRecord {
    /// A stable name.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The last lines it printed; of the first failures only.
    pub(crate) tail: Vec<String>,
}

impl Record {
    const NEW: Self = Self {
        state: State::Waiting,
        attempts: 0,
        started: None,
        ended: None,
        error: None,
    };
}

/// All instances of a run.
#[derive(Debug)]
pub(crate) struct History {
    tasks: Vec<Vec<Record>>,
    mapped: Vec<bool>,
}

impl History {
    /// For a DAG whose tasks are mapped or not, of which some are included.
    pub(crate) fn new(mapped: Vec<bool>, included: &[bool]) -> Self {
        let tasks = mapped
            .iter()
            .zip(included)
            .map(|(mapped, included)| {
                if *mapped || !*included {
                    Vec::new()
                } else {
                    vec![Record::NEW]
                }
            })
            .collect();
        Self { tasks, mapped }
    }

    /// The mapped task has so many instances.
    pub(crate) fn expand(&mut self, task: TaskIndex, instances: u32) {
        self.tasks[task.as_usize()].resize(instances as usize, Record::NEW);
    }

    /// The record of an instance, made where it is missing.
    pub(crate) fn of(&mut self, instance: Instance) -> &mut Record {
        let task = &mut self.tasks[instance.task.as_usize()];
        let index = instance.index as usize;
        if task.len() <= index {
            task.resize(index + 1, Record::NEW);
        }
        &mut task[index]
    }

    /// The instances of a task.
    pub(crate) fn task(&self, task: TaskIndex) -> &[Record] {
        &self.tasks[task.as_usize()]
    }

    /// A word for the task as a whole: the worst of its instances once all are over.
    pub(crate) fn state(&self, task: TaskIndex) -> State {
        let records = self.task(task);
        let any = |state: State| records.iter().any(|record| record.state == state);
        if let [only] = records
            && !self.mapped[task.as_usize()]
        {
            return only.state;
        }
        if records.is_empty() {
            return State::Skipped;
        }
        if records.iter().all(|record| record.state == State::Waiting) {
            return State::Waiting;
        }
        if records.iter().any(|record| !record.state.is_final()) {
            return State::Running;
        }
        [
            State::Failed,
            State::UpstreamFailed,
            State::Cancelled,
            State::Success,
        ]
        .into_iter()
        .find(|state| any(*state))
        .unwrap_or(State::Skipped)
    }

    /// How many instances are in each state; states without one are left out.
    pub(crate) fn counts(&self) -> Vec<(State, usize)> {
        let mut counts = [0_usize; State::ALL.len()];
        for record in self.tasks.iter().flatten() {
            let at = State::ALL
                .iter()
                .position(|state| *state == record.state)
                .expect("ALL holds every state");
            counts[at] += 1;
        }
        State::ALL
            .into_iter()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// When the first attempt of the run began.
    pub(crate) fn first_start(&self) -> Option<Micros> {
        self.tasks
            .iter()
            .flatten()
            .filter_map(|record| record.started)
            .min()
    }
}
