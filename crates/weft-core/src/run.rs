//! The state machine of one DAG run: event in, new state and actions out.
//!
//! Pure and single-threaded. [`Run::handle`] is the only mutation; it either
//! applies an event whole or rejects it with a [`Rejection`] and changes
//! nothing. Its cost is O(edges touched): each task counts the states of its
//! upstream instances, and nothing is ever scanned for what became ready. Side
//! effects are returned as [`Action`]s, which the driver applies, answering with
//! further events. Dispatch is just in time: the machine
//! says which instances are ready, the driver decides when to dispatch which,
//! and owns outputs, limits, pools and priorities.
//!
//! What follows from one event is worked out in the DAG's topological order, so
//! that it depends on the order of events and on nothing else.
//!
//! Memory: 112 bytes for each task, and 16 for each instance of a mapped task
//! that was dispatched, whatever its state; instances not yet dispatched are a
//! range.

mod access;
mod action;
mod cancel;
mod cell;
mod clear;
mod counting;
mod dispatch;
mod due;
mod event;
mod expand;
mod fault;
mod finish;
mod groups;
mod indexes;
mod loss;
mod many;
mod mark;
mod pause;
mod pending;
mod precondition;
pub mod record;
mod replay;
mod selection;
mod settle;
mod start;
mod state;
mod wait;

#[cfg(feature = "planted-bugs")]
pub use fault::Planted;
pub use {
    action::{Action, Cause, Timer},
    event::{Event, Moment, Outcome, Rejection},
    indexes::{Indexes, IndexesError, MAX_INDEX_RANGES},
    many::MAX_INSTANCES,
    pending::{LiveAttempt, Phase},
    replay::ReplayError,
    selection::{Part, Selectable, Selection},
    state::{Attempt, Counts, Instance, InstanceState, Marked, RunState},
};

use crate::{document::TaskIndex, plan::Plan, time::Timestamp, trigger_rule::Tally};
use cell::{Cell, TAGS, Tag};
use fault::Faults;
use many::Many;
use pause::Pause;
use precondition::Check;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

/// One run of a DAG.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    plan: Arc<Plan>,
    state: RunState,
    /// Whether it was ended before its instances ended by themselves.
    stopped: bool,
    /// How it ends once its teardowns ended; nothing else of it runs any more.
    ending: Option<RunState>,
    /// How often it was started or reopened; distinguishes its timeouts.
    episode: u32,
    /// When this episode has taken as long as it may.
    timeout_at: Option<Timestamp>,
    /// The deadlines that were missed: of tasks, and of the run as a whole.
    missed: BTreeSet<Option<TaskIndex>>,
    tasks: Vec<TaskCell>,
    /// The states of the instances of all tasks.
    totals: [u64; TAGS],
    /// Instances that have not ended.
    unfinished: u64,
    /// Instances of leaves that failed, in any of the ways to fail.
    failed_leaves: u64,
    /// Counters of instances that failed, were lost or deferred and haven't ended.
    pauses: BTreeMap<Instance, Pause>,
    /// How often instances were cleared by themselves since their task was cleared.
    repeats: BTreeMap<Instance, u32>,
    /// What branches chose, until they are cleared or marked.
    choices: BTreeMap<TaskIndex, Choice>,
    /// Ranks of waiting tasks whose tally changed; empty between events.
    agenda: BTreeSet<u32>,
    /// By rank: waiting instances of expanded tasks whose tally changed; empty between events.
    instance_agenda: BTreeMap<u32, Vec<Range<u32>>>,
    faults: Faults,
}

/// One task of a run.
#[derive(Debug, Clone, PartialEq)]
struct TaskCell {
    body: Body,
    /// The states of its upstream instances, without those of its mapped group.
    upstreams: Tally,
    /// The states of its own instances.
    counts: [u32; TAGS],
    /// How often it was cleared.
    generation: u32,
    /// The highest number of an attempt of any of its instances.
    highest: u32,
    /// How far the check of its conditions on other runs has come.
    precondition: Check,
    /// The run fails if it does: it is no teardown, and nothing else in this run is downstream of it.
    leaf: bool,
}

const _: () = assert!(size_of::<TaskCell>() <= 112, "100,000 tasks are 11 MB");

/// The instances of a task.
#[derive(Debug, Clone, PartialEq)]
enum Body {
    /// Not a part of this run.
    Excluded,
    /// A task that isn't mapped, or one that is and isn't expanded.
    One(Cell),
    /// An expanded task.
    Many(Box<Many>),
}

/// What a branch chose.
#[derive(Debug, Clone, PartialEq)]
struct Choice {
    /// As reported, to know the same report again.
    chosen: Vec<TaskIndex>,
    /// The direct downstreams that are skipped, in ascending order.
    left_out: Vec<TaskIndex>,
}

impl Run {
    /// A run of the whole DAG, pending.
    pub fn new(plan: Arc<Plan>) -> Self {
        let everything = vec![true; plan.steps.len()];
        Self::of(plan, &everything)
    }

    /// A run of these tasks only, pending. The other tasks are no part of it:
    /// they have no instances, and nothing waits for them, whatever its rule.
    /// The driver answers for the outputs that would have come from them. Tasks
    /// that don't exist are ignored.
    pub fn partial(plan: Arc<Plan>, tasks: &[TaskIndex]) -> Self {
        let mut included = vec![false; plan.steps.len()];
        for task in tasks {
            if let Some(included) = included.get_mut(task.0 as usize) {
                *included = true;
            }
        }
        Self::of(plan, &included)
    }

    fn of(plan: Arc<Plan>, included: &[bool]) -> Self {
        let includes = |task: &TaskIndex| included[task.0 as usize];
        let is_ignored = |task: &TaskIndex| plan.steps[task.as_usize()].is_ignored();
        let counts = |task: &TaskIndex| includes(task) && !is_ignored(task);
        let tasks: Vec<TaskCell> = plan
            .tasks()
            .map(|task| {
                let step = &plan.steps[task.0 as usize];
                let upstreams = step
                    .upstreams
                    .iter()
                    .filter(|up| includes(up) && !step.follows(**up))
                    .count();
                TaskCell::new(
                    includes(&task),
                    u32::try_from(upstreams).expect("a task has fewer than 2^32 upstreams"),
                    !is_ignored(&task) && !plan.downstreams(task).iter().any(counts),
                )
            })
            .collect();
        let unfinished = included.iter().map(|included| u64::from(*included)).sum();
        let mut totals = [0; TAGS];
        totals[Tag::Waiting as usize] = unfinished;
        Self {
            plan,
            state: RunState::Pending,
            stopped: false,
            ending: None,
            episode: 0,
            timeout_at: None,
            missed: BTreeSet::new(),
            tasks,
            totals,
            unfinished,
            failed_leaves: 0,
            pauses: BTreeMap::new(),
            repeats: BTreeMap::new(),
            choices: BTreeMap::new(),
            agenda: BTreeSet::new(),
            instance_agenda: BTreeMap::new(),
            faults: Faults::default(),
        }
    }

    /// Plants a bug. For the simulation only.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, bug: Planted) {
        self.faults = Faults::with(bug);
    }

    /// Applies one event and appends its effects to `actions`; or rejects it,
    /// changing nothing and appending nothing.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use weft_core::{
    ///     document::{Format, Source, parse},
    ///     plan::{Defaults, Plan},
    ///     run::{Action, Event, Moment, Run},
    ///     time::Timestamp,
    /// };
    ///
    /// let text = "[dag]\nid = \"d\"\n[tasks.a]\nprogram = \"a.wasm\"\n";
    /// let document = parse(Source { name: "dag.toml", text, format: Format::Toml }).unwrap();
    /// let mut run = Run::new(Arc::new(Plan::new(&document.dags[0], &Defaults::default())));
    /// let at = Moment { now: Timestamp(0), entropy: 0 };
    /// let mut actions = Vec::new();
    /// run.handle(at, Event::Start, &mut actions).unwrap();
    /// assert!(actions.iter().any(|action| matches!(action, Action::Ready { .. })));
    /// assert!(run.handle(at, Event::Start, &mut actions).is_err(), "a run starts once");
    /// ```
    pub fn handle(
        &mut self,
        at: Moment,
        event: Event,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        match event {
            Event::Start => self.start(at, actions)?,
            Event::Expanded {
                task,
                generation,
                instances,
            } => self.expanded(task, generation, instances, actions)?,
            Event::ExpandFailed {
                task,
                generation,
                message: _,
            } => self.expand_failed(task, generation, actions)?,
            Event::PreconditionChecked {
                task,
                generation,
                runs,
            } => self.precondition_checked(task, generation, runs, actions)?,
            Event::Dispatched { instance, nonce } => self.dispatched(instance, nonce, actions)?,
            Event::Started { attempt } => self.attempt_started(attempt, actions)?,
            Event::Finished { attempt, outcome } => self.finished(at, attempt, outcome, actions)?,
            Event::Lost { attempt } => self.lost(attempt, actions)?,
            Event::Due { timer } => self.due(timer, actions)?,
            Event::Woken { instance } => self.woken(instance, actions)?,
            Event::Cancel => self.cancel(actions)?,
            Event::Clear(selection) => self.clear(at, &selection, actions)?,
            Event::Mark { instance, as_state } => self.mark(instance, as_state, actions)?,
        }
        self.settle(actions);
        Ok(())
    }
}
