//! The naive model: what a run has to be, written from the text of the rules.
//!
//! It keeps every attempt for ever, looks through the whole DAG after each
//! event and counts nothing ahead. It shares with the machine under test the
//! vocabulary of events and states, and no code. Where the machine is free
//! (which instances `max_active` lets go first, the numbers of attempts, the
//! random part of a wait), it takes the machine's choice and checks its bounds.

mod applying;
mod clearing;
mod rule;
mod verdict;

pub use rule::{Ending, Ruling, ruling, teardown_ruling};

use crate::scenario::Scenario;
use std::collections::{HashMap, HashSet};
use weft_core::{
    document::TaskIndex,
    plan::Step,
    run::{Attempt, Event, Instance, MAX_INSTANCES, Moment, Outcome, Rejection, Run, RunState},
    time::Timestamp,
};

/// The state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its rule has not decided.
    Waiting,
    /// The driver counts its elements.
    Expanding,
    /// It may run, as far as its rule and waits go.
    Startable,
    /// Its last attempt is in progress.
    Live {
        /// A worker has claimed it.
        started: bool,
    },
    /// It waits for a retry.
    Retry(Timestamp),
    /// It deferred itself.
    Deferred(Option<Timestamp>),
    /// It ended.
    Ended(Ending),
}

#[derive(Debug, Clone)]
struct Single {
    phase: Phase,
    last: Option<Attempt>,
    failures: u32,
    losses: u32,
    deferrals: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
enum End {
    Reported(Outcome),
    Lost,
    Revoked,
}

#[derive(Debug, Clone)]
struct Task {
    included: bool,
    instances: Vec<Single>,
    expanded: bool,
    /// The endings of what is upstream outside of its mapped group, when it was expanded.
    outside: Vec<Option<Ending>>,
    generation: u32,
    /// Once a branch has chosen: all tasks that it lets go on.
    followed: Option<Vec<TaskIndex>>,
    /// Whether its conditions on other runs were asked for, and hold.
    condition: Condition,
}

/// What is known of a task's conditions on other runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Unasked,
    Asked,
    Holds,
}

/// The model of one run.
#[derive(Debug, Clone)]
pub struct Model {
    scenario: Scenario,
    tasks: Vec<Task>,
    /// Every attempt there ever was, and its end.
    attempts: HashMap<Attempt, Option<End>>,
    state: RunState,
    stopped: bool,
    /// While only teardowns go on: how the run ends then.
    ending: Option<RunState>,
    episode: u32,
    missed: HashSet<Option<TaskIndex>>,
    order: Vec<TaskIndex>,
}

fn fresh(phase: Phase) -> Single {
    Single {
        phase,
        last: None,
        failures: 0,
        losses: 0,
        deferrals: 0,
    }
}

impl Model {
    /// A pending run.
    pub fn new(scenario: &Scenario) -> Self {
        let included = |task: u32| {
            scenario
                .part
                .as_ref()
                .is_none_or(|part| part.contains(&TaskIndex(task)))
        };
        let tasks = (0..)
            .zip(&scenario.steps)
            .map(|(task, _)| Task {
                included: included(task),
                instances: if included(task) {
                    vec![fresh(Phase::Waiting)]
                } else {
                    Vec::new()
                },
                expanded: false,
                outside: Vec::new(),
                generation: 0,
                followed: None,
                condition: Condition::Unasked,
            })
            .collect();
        Self {
            scenario: scenario.clone(),
            tasks,
            attempts: HashMap::new(),
            state: RunState::Pending,
            stopped: false,
            ending: None,
            episode: 0,
            missed: HashSet::new(),
            order: upstreams_first(&scenario.steps),
        }
    }

    /// What the event has to lead to. `machine` is the machine after the same
    /// event, asked only where the model may choose; `was_ready` says whether
    /// it had offered the event's instance before.
    pub fn apply(
        &mut self,
        at: Moment,
        event: &Event,
        was_ready: bool,
        machine: &Run,
    ) -> Result<(), Rejection> {
        match event {
            Event::Start => self.start()?,
            Event::Expanded {
                task,
                generation,
                instances,
            } => {
                self.expect_expanding(*task, *generation)?;
                self.expand(*task, *instances);
            }
            Event::ExpandFailed {
                task,
                generation,
                message: _,
            } => {
                self.expect_expanding(*task, *generation)?;
                self.tasks[task.0 as usize].instances[0].phase = Phase::Ended(Ending::Failed);
            }
            Event::PreconditionChecked {
                task,
                generation,
                runs,
            } => self.condition(*task, *generation, *runs)?,
            Event::Dispatched { instance, nonce } => {
                if !was_ready && self.single(*instance).is_some() {
                    return Err(Rejection::WrongState);
                }
                self.dispatch(*instance, *nonce, machine)?;
            }
            Event::Started { attempt } => {
                self.expect_live(attempt, None)?;
                if self.single_mut(attempt.instance).phase == (Phase::Live { started: true }) {
                    return Err(Rejection::Duplicate);
                }
                self.single_mut(attempt.instance).phase = Phase::Live { started: true };
            }
            Event::Finished { attempt, outcome } => {
                let end = End::Reported(outcome.clone());
                self.expect_live(attempt, Some(&end))?;
                self.attempts.insert(*attempt, Some(end));
                self.report(at, attempt.instance, outcome, machine);
            }
            Event::Lost { attempt } => {
                self.expect_live(attempt, Some(&End::Lost))?;
                self.attempts.insert(*attempt, Some(End::Lost));
                self.lose(attempt.instance);
            }
            Event::Due { timer } => self.due(*timer)?,
            Event::Woken { instance } => {
                let single = self.single(*instance).ok_or(Rejection::Unknown)?;
                if !matches!(single.phase, Phase::Deferred(_)) {
                    return Err(Rejection::WrongState);
                }
                self.single_mut(*instance).phase = Phase::Startable;
            }
            Event::Cancel => {
                if self.state.is_ended() {
                    return Err(Rejection::RunEnded);
                }
                self.stop(RunState::Cancelled);
            }
            Event::Clear(selection) => self.clear(selection)?,
            Event::Mark { instance, as_state } => self.mark(*instance, *as_state)?,
        }
        self.settle();
        Ok(())
    }

    fn start(&mut self) -> Result<(), Rejection> {
        if self.state.is_ended() {
            return Err(Rejection::RunEnded);
        }
        if self.state != RunState::Pending {
            return Err(Rejection::WrongState);
        }
        self.open();
        Ok(())
    }

    fn expand(&mut self, task: TaskIndex, instances: u32) {
        let outside = self.endings_outside(task);
        // In a mapped group the rule decides for each instance.
        let phase = if self.by_index(task).is_empty() {
            Phase::Startable
        } else {
            Phase::Waiting
        };
        let task = &mut self.tasks[task.0 as usize];
        match instances {
            0 => task.instances[0].phase = Phase::Ended(Ending::Skipped),
            1..=MAX_INSTANCES => {
                task.instances = vec![fresh(phase); instances as usize];
                task.expanded = true;
                task.outside = outside;
            }
            _ => task.instances[0].phase = Phase::Ended(Ending::Failed),
        }
    }

    fn lose(&mut self, instance: Instance) {
        let bound = self.scenario.bounds.max_losses;
        let single = self.single_mut(instance);
        single.losses += 1;
        single.phase = if single.losses > bound {
            Phase::Ended(Ending::Failed)
        } else {
            Phase::Startable
        };
    }

    fn settle(&mut self) {
        if self.state == RunState::Running {
            for task in self.order.clone() {
                let this = &self.tasks[task.0 as usize];
                if this.expanded {
                    self.decide_each(task);
                } else if this.included && this.instances[0].phase == Phase::Waiting {
                    self.decide(task);
                }
            }
        }
        let over = self.state == RunState::Running || (self.state.is_ended() && !self.stopped);
        if over && self.endings().all(|(_, ending)| ending.is_some()) {
            let failed = self.endings().any(|(task, ending)| {
                let leaf = !self.is_ignored(task)
                    && !self
                        .downstreams(task)
                        .into_iter()
                        .any(|down| self.tasks[down.0 as usize].included && !self.is_ignored(down));
                leaf && matches!(
                    ending,
                    Some(Ending::Failed | Ending::UpstreamFailed | Ending::Cancelled)
                )
            });
            self.state = match self.ending.take() {
                Some(end) => end,
                None if failed => RunState::Failed,
                None => RunState::Success,
            };
        }
    }

    /// Whether it is a teardown that doesn't fail its run.
    fn is_ignored(&self, task: TaskIndex) -> bool {
        let teardown = self.scenario.steps[task.0 as usize].teardown.as_ref();
        teardown.is_some_and(|teardown| !teardown.fails_run)
    }

    /// The endings of a task's instances; one that is no part of the run has succeeded elsewhere.
    fn endings_of(&self, task: TaskIndex) -> Vec<Option<Ending>> {
        let task = &self.tasks[task.0 as usize];
        if task.included {
            task.instances.iter().map(ending).collect()
        } else {
            vec![Some(Ending::Success)]
        }
    }

    fn decide(&mut self, task: TaskIndex) {
        let step = &self.scenario.steps[task.0 as usize];
        let upstreams: Vec<&Task> = step
            .upstreams
            .iter()
            .map(|up| &self.tasks[up.0 as usize])
            .filter(|up| up.included)
            .collect();
        let left_out = upstreams.iter().any(|up| {
            up.followed
                .as_ref()
                .is_some_and(|followed| !followed.contains(&task))
        });
        let outside = self.endings_outside(task);
        let mut endings = outside.clone();
        let (mut any_expanded, mut all_known) = (false, true);
        for up in self.by_index(task) {
            let up = &self.tasks[up.0 as usize];
            any_expanded |= up.expanded;
            if up.expanded {
                endings.push(None);
            } else if up.included {
                all_known &= ending(&up.instances[0]).is_some();
                endings.push(ending(&up.instances[0]));
            }
        }
        // Nothing but its instances can decide any more.
        let each_decides = any_expanded && all_known && outside.iter().all(Option::is_some);
        let sources_ended = step
            .mapping
            .iter()
            .flat_map(|mapping| &mapping.sources)
            .all(|source| {
                let mapped = self.scenario.steps[source.0 as usize].mapping.is_some();
                self.tasks[source.0 as usize]
                    .instances
                    .iter()
                    .all(|single| match ending(single) {
                        Some(end) => mapped || end == Ending::Success,
                        None => false,
                    })
            });
        let ruling = match &step.teardown {
            None => ruling(step.rule, &endings),
            Some(teardown) => {
                let setups = teardown.setups.iter();
                let setups: Vec<_> = setups.flat_map(|setup| self.endings_of(*setup)).collect();
                teardown_ruling(&endings, &setups)
            }
        };
        let ruling = match ruling {
            Ruling::Wait if each_decides => Ruling::Run,
            ruling => ruling,
        };
        let condition = self.tasks[task.0 as usize].condition;
        let waits_for_condition = step.has_precondition && condition != Condition::Holds;
        if waits_for_condition && ruling == Ruling::Run && !left_out {
            self.tasks[task.0 as usize].condition = Condition::Asked;
        }
        let phase = match (left_out, ruling) {
            (true, _) | (false, Ruling::Skip) => Phase::Ended(Ending::Skipped),
            (false, Ruling::Wait) => Phase::Waiting,
            (false, Ruling::Run) if waits_for_condition => Phase::Waiting,
            (false, Ruling::Run) if step.mapping.is_none() => Phase::Startable,
            (false, Ruling::Run) if sources_ended => Phase::Expanding,
            (false, Ruling::Run | Ruling::UpstreamFailed) => Phase::Ended(Ending::UpstreamFailed),
        };
        self.tasks[task.0 as usize].instances[0].phase = phase;
    }

    /// The upstreams in the same mapped group.
    fn by_index(&self, task: TaskIndex) -> &[TaskIndex] {
        let mapping = self.scenario.steps[task.0 as usize].mapping.as_ref();
        mapping.map_or(&[], |mapping| &mapping.by_index)
    }

    /// How the instances of the other upstreams ended.
    fn endings_outside(&self, task: TaskIndex) -> Vec<Option<Ending>> {
        let upstreams = &self.scenario.steps[task.0 as usize].upstreams;
        upstreams
            .iter()
            .filter(|up| !self.by_index(task).contains(up))
            .map(|up| &self.tasks[up.0 as usize])
            .filter(|up| up.included)
            .flat_map(|up| &up.instances)
            .map(ending)
            .collect()
    }

    /// How the instance of a task with an index ended; what has fewer of them has skipped it.
    fn ending_at(&self, task: TaskIndex, index: usize) -> Option<Ending> {
        let task = &self.tasks[task.0 as usize];
        if task.expanded {
            task.instances
                .get(index)
                .map_or(Some(Ending::Skipped), ending)
        } else {
            ending(&task.instances[0])
        }
    }

    /// Applies the rule to each instance that waits for it.
    fn decide_each(&mut self, task: TaskIndex) {
        let step = self.scenario.steps[task.0 as usize].clone();
        for index in 0..self.tasks[task.0 as usize].instances.len() {
            if self.tasks[task.0 as usize].instances[index].phase != Phase::Waiting {
                continue;
            }
            let mut endings = self.tasks[task.0 as usize].outside.clone();
            for up in self.by_index(task) {
                if self.tasks[up.0 as usize].included {
                    endings.push(self.ending_at(*up, index));
                }
            }
            let ruling = match &step.teardown {
                None => ruling(step.rule, &endings),
                Some(teardown) => {
                    let mut setups = Vec::new();
                    for setup in &teardown.setups {
                        let is_by_index = self.by_index(task).contains(setup);
                        if is_by_index && self.tasks[setup.0 as usize].included {
                            setups.push(self.ending_at(*setup, index));
                        } else {
                            setups.extend(self.endings_of(*setup));
                        }
                    }
                    teardown_ruling(&endings, &setups)
                }
            };
            self.tasks[task.0 as usize].instances[index].phase = match ruling {
                Ruling::Wait => Phase::Waiting,
                Ruling::Run => Phase::Startable,
                Ruling::Skip => Phase::Ended(Ending::Skipped),
                Ruling::UpstreamFailed => Phase::Ended(Ending::UpstreamFailed),
            };
        }
    }

    fn endings(&self) -> impl Iterator<Item = (TaskIndex, Option<Ending>)> {
        (0..).zip(&self.tasks).flat_map(|(at, task)| {
            task.instances
                .iter()
                .map(move |single| (TaskIndex(at), ending(single)))
        })
    }

    fn downstreams(&self, task: TaskIndex) -> Vec<TaskIndex> {
        (0..)
            .zip(&self.scenario.steps)
            .filter(|(_, step)| step.upstreams.contains(&task))
            .map(|(at, _)| TaskIndex(at))
            .collect()
    }

    /// The tasks and everything that can be reached from them.
    fn all_upstream(&self, tasks: &[TaskIndex]) -> Vec<TaskIndex> {
        let mut found = tasks.to_vec();
        // Each task comes after its upstreams in this order, so one iteration backwards finds all.
        for task in self.order.iter().rev() {
            if found.contains(task) {
                found.extend(&self.scenario.steps[task.0 as usize].upstreams);
            }
        }
        found
    }

    fn all_downstream(&self, tasks: &[TaskIndex]) -> Vec<TaskIndex> {
        let mut found = tasks.to_vec();
        // Each task follows its upstreams in this order, so one iteration finds all.
        for task in &self.order {
            let reached = self.scenario.steps[task.0 as usize]
                .upstreams
                .iter()
                .any(|up| found.contains(up));
            if reached && !found.contains(task) {
                found.push(*task);
            }
        }
        found
    }
}

fn ending(single: &Single) -> Option<Ending> {
    match single.phase {
        Phase::Ended(ending) => Some(ending),
        Phase::Waiting
        | Phase::Expanding
        | Phase::Startable
        | Phase::Live { .. }
        | Phase::Retry(_)
        | Phase::Deferred(_) => None,
    }
}

fn upstreams_first(steps: &[Step]) -> Vec<TaskIndex> {
    let mut order: Vec<TaskIndex> = Vec::new();
    while order.len() < steps.len() {
        for (task, step) in (0..).map(TaskIndex).zip(steps) {
            if !order.contains(&task) && step.upstreams.iter().all(|up| order.contains(up)) {
                order.push(task);
            }
        }
    }
    order
}
