//! Looks at every step of the machine from outside.
//!
//! It accepts what the machine reports in its actions only as far as each is a
//! legal step from what it reported before, and what the machine shows afterwards
//! is the same. Rules are recomputed from the states of all upstreams, counts by
//! counting, ends by looking at the leaves.

mod legal;

use crate::{
    reference::{Ending, Ruling, ruling, teardown_ruling},
    scenario::Scenario,
};
use legal::{ending, legal, live, run_legal, slot};
use std::collections::{HashMap, HashSet};
use weft_core::{
    document::TaskIndex,
    run::{
        Action, Attempt, Counts, Event, Instance, InstanceState, MAX_INSTANCES, Moment, Rejection,
        Run, RunState, Timer,
    },
};

/// An auditor of one run.
#[derive(Debug, Clone)]
pub struct Auditor {
    scenario: Scenario,
    /// As reported in actions; an instance without an entry waits.
    reported: HashMap<Instance, InstanceState>,
    run: RunState,
    /// Attempts whose end was applied.
    applied: HashSet<Attempt>,
    /// The highest number of an attempt of each instance, over clears.
    numbers: HashMap<Instance, u32>,
    /// Whether the run was stopped since it was last opened.
    stopped: bool,
    /// Tasks and generations whose conditions on other runs hold.
    allowed: HashSet<(TaskIndex, u32)>,
    /// The endings of what is upstream outside of the mapped group of a task, when it was expanded.
    outside: HashMap<TaskIndex, Vec<Option<Ending>>>,
    /// The deadlines that were reported as missed.
    missed: HashSet<Option<TaskIndex>>,
}

/// One step of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// When the step happened.
    pub at: Moment,
    /// What happened.
    pub event: &'a Event,
    /// What the machine answered.
    pub result: Result<(), Rejection>,
    /// What it asked for.
    pub actions: &'a [Action],
    /// Its current state.
    pub run: &'a Run,
}

impl Auditor {
    /// An auditor of a pending run.
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.clone(),
            reported: HashMap::new(),
            run: RunState::Pending,
            applied: HashSet::new(),
            numbers: HashMap::new(),
            stopped: false,
            allowed: HashSet::new(),
            outside: HashMap::new(),
            missed: HashSet::new(),
        }
    }

    /// Checks one step; the error describes what is wrong with it.
    pub fn check(&mut self, step: &Step<'_>) -> Result<(), String> {
        if step.result.is_err() {
            return if step.actions.is_empty() {
                Ok(())
            } else {
                Err("a refused event had actions".into())
            };
        }
        self.check_event(step)?;
        for action in step.actions {
            self.check_action(step, action)?;
        }
        self.check_view(step.run)?;
        self.check_end(step)
    }

    fn check_event(&mut self, step: &Step<'_>) -> Result<(), String> {
        match step.event {
            Event::Finished { attempt, .. } | Event::Lost { attempt } => {
                let state = self.state(attempt.instance);
                if live(state) != Some(*attempt) {
                    return Err(format!("the end of {attempt:?} was applied to {state:?}"));
                }
                if !self.applied.insert(*attempt) {
                    return Err(format!("the end of {attempt:?} was applied twice"));
                }
            }
            Event::Expanded {
                task,
                instances: 1..=MAX_INSTANCES,
                ..
            } => {
                let reported = self.reported.remove(&Instance {
                    task: *task,
                    index: 0,
                });
                if reported != Some(InstanceState::Expanding) {
                    return Err(format!("task {} was expanded while {reported:?}", task.0));
                }
                let outside = self.endings_outside(step.run, *task);
                self.outside.insert(*task, outside);
            }
            Event::Dispatched { instance, .. } => {
                let reported = step.actions.iter().find_map(|action| match action {
                    Action::InstanceChanged {
                        state: InstanceState::Queued { attempt },
                        ..
                    } => Some(*attempt),
                    _ => None,
                });
                let number = reported.map_or(0, |attempt| attempt.number);
                let highest = self.numbers.entry(*instance).or_default();
                if number <= *highest {
                    return Err(format!(
                        "attempt {number} of {instance:?} after attempt {highest}"
                    ));
                }
                *highest = number;
            }
            Event::Cancel
            | Event::Due {
                timer: Timer::RunTimeout { .. },
            } => self.stopped = true,
            Event::Due {
                timer: Timer::Deadline { task: None },
            } => self.stopped |= self.scenario.bounds.stops_at_deadline,
            Event::PreconditionChecked {
                task,
                generation,
                runs: true,
            } => {
                self.allowed.insert((*task, *generation));
            }
            Event::Clear { .. } => {
                if self.run.is_ended() || self.stopped {
                    self.stopped = false;
                }
            }
            Event::Start
            | Event::Expanded { .. }
            | Event::ExpandFailed { .. }
            | Event::PreconditionChecked { .. }
            | Event::Started { .. }
            | Event::Due { .. }
            | Event::Woken { .. }
            | Event::Mark { .. } => {}
        }
        Ok(())
    }

    fn check_action(&mut self, step: &Step<'_>, action: &Action) -> Result<(), String> {
        match action {
            Action::Expand { task, generation } => self.check_expansion(step, *task, *generation),
            Action::CheckPrecondition { task, generation } => {
                let state = self.state(Instance {
                    task: *task,
                    index: 0,
                });
                let is_asked = self.scenario.steps[task.0 as usize].has_precondition;
                if !is_asked
                    || state != InstanceState::Waiting
                    || step.run.generation(*task) != *generation
                {
                    return Err(format!(
                        "the conditions of task {} are asked for while it is {state:?}",
                        task.0
                    ));
                }
                self.check_rule(step.run, *task)
            }
            Action::DeadlineMissed { task } => {
                if self.missed.insert(*task) {
                    Ok(())
                } else {
                    Err(format!("the deadline of {task:?} was missed twice"))
                }
            }
            Action::Ready { task, indexes } => {
                if !step.run.is_expanded(*task)
                    && self.state(Instance {
                        task: *task,
                        index: 0,
                    }) == InstanceState::Waiting
                {
                    self.check_rule(step.run, *task)?;
                    self.check_allowed(step.run, *task)?;
                }
                indexes.clone().try_for_each(|index| {
                    let instance = Instance { task: *task, index };
                    // What `max_active` kept back was decided before.
                    if self.limit(*task).is_none()
                        && self.state(instance) == InstanceState::Waiting
                        && let Some(ruling) = self.ruling_by_index(step.run, instance)
                        && ruling != Ruling::Run
                    {
                        return Err(format!(
                            "{instance:?} started though its rule says {ruling:?}"
                        ));
                    }
                    self.notify(step, instance, InstanceState::Ready)
                })
            }
            Action::InstanceChanged {
                instance,
                state,
                cause: _,
            } => self.notify(step, *instance, *state),
            Action::RangeChanged {
                task,
                indexes,
                state,
                cause: _,
            } => indexes
                .clone()
                .try_for_each(|index| self.notify(step, Instance { task: *task, index }, *state)),
            Action::SetTimer { timer, at }
                if *at < step.at.now && !matches!(step.event, Event::Finished { .. }) =>
            {
                Err(format!("{timer:?} is set to the past"))
            }
            Action::SetTimer { .. } => Ok(()),
            Action::Revoke { attempt } => match live(self.state(attempt.instance)) {
                Some(current) if current == *attempt => Ok(()),
                other => Err(format!("{attempt:?} is revoked while {other:?} runs")),
            },
            Action::Cleared {
                task,
                generation: _,
                instances: _,
            } => {
                self.reported.retain(|instance, _| instance.task != *task);
                Ok(())
            }
            Action::InstancesCleared { task, indexes } => {
                self.reported.retain(|instance, _| {
                    instance.task != *task || !indexes.contains(&instance.index)
                });
                Ok(())
            }
            Action::RunChanged { state } => {
                let before = std::mem::replace(&mut self.run, *state);
                if run_legal(before, *state, step.event) {
                    Ok(())
                } else {
                    Err(format!("the run went from {before:?} to {state:?}"))
                }
            }
        }
    }

    fn check_expansion(
        &mut self,
        step: &Step<'_>,
        task: TaskIndex,
        generation: u32,
    ) -> Result<(), String> {
        if step.run.generation(task) != generation {
            return Err(format!(
                "a question of generation {generation} of task {}",
                task.0
            ));
        }
        self.check_rule(step.run, task)?;
        self.check_allowed(step.run, task)?;
        self.notify(step, Instance { task, index: 0 }, InstanceState::Expanding)
    }

    fn state(&self, instance: Instance) -> InstanceState {
        self.reported
            .get(&instance)
            .copied()
            .unwrap_or(InstanceState::Waiting)
    }

    fn notify(
        &mut self,
        step: &Step<'_>,
        instance: Instance,
        state: InstanceState,
    ) -> Result<(), String> {
        let before = self.state(instance);
        let marked =
            matches!(step.event, Event::Mark { instance: marked, .. } if *marked == instance);
        if !(legal(before, state) || marked && state.is_ended()) {
            return Err(format!("{instance:?} went from {before:?} to {state:?}"));
        }
        self.reported.insert(instance, state);
        Ok(())
    }

    fn limit(&self, task: TaskIndex) -> Option<u32> {
        let mapping = self.scenario.steps[task.0 as usize].mapping.as_ref();
        mapping.and_then(|mapping| mapping.max_active)
    }

    /// The upstreams in the same mapped group.
    fn by_index(&self, task: TaskIndex) -> &[TaskIndex] {
        let mapping = self.scenario.steps[task.0 as usize].mapping.as_ref();
        mapping.map_or(&[], |mapping| &mapping.by_index)
    }

    fn endings_outside(&self, run: &Run, task: TaskIndex) -> Vec<Option<Ending>> {
        let upstreams = self.scenario.steps[task.0 as usize].upstreams.iter();
        upstreams
            .filter(|upstream| !self.by_index(task).contains(upstream))
            .flat_map(|upstream| endings(run, *upstream))
            .collect()
    }

    /// What the rule says of one instance of an expanded task in a mapped group.
    fn ruling_by_index(&self, run: &Run, instance: Instance) -> Option<Ruling> {
        let Instance { task, index } = instance;
        if !run.is_expanded(task) || self.by_index(task).is_empty() {
            return None;
        }
        let at_index = |upstream: TaskIndex| {
            let index = if run.is_expanded(upstream) { index } else { 0 };
            let instance = Instance {
                task: upstream,
                index,
            };
            match run.instance(instance) {
                Some(state) => ending(state),
                None => Some(Ending::Skipped),
            }
        };
        let is_included = |upstream: &TaskIndex| run.instances_of(*upstream) > 0;
        let mut upstreams = self.outside.get(&task)?.clone();
        let inside = self.by_index(task).iter().copied();
        upstreams.extend(inside.filter(is_included).map(at_index));
        let step = &self.scenario.steps[task.0 as usize];
        let Some(teardown) = &step.teardown else {
            return Some(ruling(step.rule, &upstreams));
        };
        let mut setups = Vec::new();
        for setup in &teardown.setups {
            if self.by_index(task).contains(setup) && is_included(setup) {
                setups.push(at_index(*setup));
            } else {
                setups.extend(setup_endings(run, *setup));
            }
        }
        Some(teardown_ruling(&upstreams, &setups))
    }

    /// No task starts before its rule allows. In a mapped group it is expanded as soon as its instances can
    /// be decided one by one.
    fn check_rule(&self, run: &Run, task: TaskIndex) -> Result<(), String> {
        let step = &self.scenario.steps[task.0 as usize];
        let mut upstreams = self.endings_outside(run, task);
        let outside_ended = upstreams.iter().all(Option::is_some);
        for upstream in self.by_index(task) {
            if run.is_expanded(*upstream) {
                upstreams.push(None);
            } else {
                upstreams.extend(endings(run, *upstream));
            }
        }
        let mut inside = self.by_index(task).iter();
        let each_decides = outside_ended
            && !self.by_index(task).is_empty()
            && inside.all(|upstream| {
                run.is_expanded(*upstream) || endings(run, *upstream).iter().all(Option::is_some)
            });
        let ruling = match &step.teardown {
            None => ruling(step.rule, &upstreams),
            Some(teardown) => {
                let setups = teardown.setups.iter();
                let setups: Vec<_> = setups
                    .flat_map(|setup| setup_endings(run, *setup))
                    .collect();
                teardown_ruling(&upstreams, &setups)
            }
        };
        if ruling == Ruling::Run || (ruling == Ruling::Wait && each_decides) {
            Ok(())
        } else {
            Err(format!(
                "task {} started though {:?} of {upstreams:?} does not allow it",
                task.0, step.rule
            ))
        }
    }

    /// No task starts before its conditions on other runs hold.
    fn check_allowed(&self, run: &Run, task: TaskIndex) -> Result<(), String> {
        let step = &self.scenario.steps[task.0 as usize];
        if !step.has_precondition || self.allowed.contains(&(task, run.generation(task))) {
            return Ok(());
        }
        Err(format!(
            "task {} started before its conditions were checked",
            task.0
        ))
    }

    /// Checks that the machine shows what it reported, and that its counts are right.
    fn check_view(&self, run: &Run) -> Result<(), String> {
        let mut unfinished = 0;
        for task in run.plan().tasks() {
            let at = task.0;
            let mut counts = Counts::default();
            let mut undecided = 0;
            for index in 0..run.instances_of(task) {
                let instance = Instance { task, index };
                let shown = run
                    .instance(instance)
                    .ok_or_else(|| format!("{instance:?} is missing"))?;
                let reported = self.state(instance);
                if shown != reported {
                    return Err(format!(
                        "{instance:?} is {shown:?} and was reported as {reported:?}"
                    ));
                }
                *slot(&mut counts, shown) += 1;
                if shown == InstanceState::Waiting
                    && self.ruling_by_index(run, instance) == Some(Ruling::Wait)
                {
                    undecided += 1;
                }
            }
            if run.counts(task) != counts {
                return Err(format!(
                    "task {at} counts {:?} and has {counts:?}",
                    run.counts(task)
                ));
            }
            unfinished += counts.unfinished();
            let limit = self.limit(task).filter(|_| run.is_expanded(task));
            let active = counts.ready + counts.queued + counts.running;
            if limit.is_some_and(|limit| active > u64::from(limit)) {
                return Err(format!(
                    "{active} instances of task {at} are active, {limit:?} may be"
                ));
            }
            if counts.waiting > undecided
                && run.is_expanded(task)
                && limit.is_none_or(|limit| active < u64::from(limit))
            {
                return Err(format!(
                    "instances of task {at} are kept back with {active} active of {limit:?}"
                ));
            }
        }
        if run.unfinished() == unfinished {
            Ok(())
        } else {
            Err(format!(
                "{} instances are counted as unfinished, {unfinished} are",
                run.unfinished()
            ))
        }
    }

    /// The run ends when everything has ended, and as its leaves did.
    fn check_end(&self, step: &Step<'_>) -> Result<(), String> {
        let run = step.run;
        if run.state() != self.run {
            return Err(format!(
                "the run is {:?} and was reported as {:?}",
                run.state(),
                self.run
            ));
        }
        let over = run.unfinished() == 0 && run.state() != RunState::Pending;
        if over != run.state().is_ended() {
            return Err(format!(
                "the run is {:?} with {} instances unfinished",
                run.state(),
                run.unfinished()
            ));
        }
        if !over || self.stopped {
            return Ok(());
        }
        let counts = |task: TaskIndex| {
            let teardown = self.scenario.steps[task.0 as usize].teardown.as_ref();
            run.instances_of(task) > 0 && teardown.is_none_or(|teardown| teardown.fails_run)
        };
        let failed = run.plan().tasks().filter(|task| {
            let downstreams = run.plan().downstreams(*task);
            counts(*task) && !downstreams.iter().any(|down| counts(*down))
        });
        let failed = failed
            .flat_map(|task| (0..run.instances_of(task)).map(move |index| Instance { task, index }))
            .any(|leaf| {
                matches!(
                    run.instance(leaf),
                    Some(
                        InstanceState::Failed
                            | InstanceState::UpstreamFailed
                            | InstanceState::Cancelled
                    )
                )
            });
        if (run.state() == RunState::Failed) == failed {
            Ok(())
        } else {
            Err(format!(
                "the run is {:?}, and a leaf failed: {failed}",
                run.state()
            ))
        }
    }
}

/// How the instances of a task ended; nothing of one that is no part of the run.
fn endings(run: &Run, task: TaskIndex) -> Vec<Option<Ending>> {
    let instances = (0..run.instances_of(task)).map(|index| Instance { task, index });
    instances
        .map(|instance| run.instance(instance).and_then(ending))
        .collect()
}

/// How the instances of a setup ended. One that is no part of the run has succeeded elsewhere.
fn setup_endings(run: &Run, setup: TaskIndex) -> Vec<Option<Ending>> {
    let endings = endings(run, setup);
    if endings.is_empty() {
        vec![Some(Ending::Success)]
    } else {
        endings
    }
}
