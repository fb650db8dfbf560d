//! One simulated world: the driver of a run among its workers, network, clock
//! and operators.
//!
//! Each step a random choice decides who acts. The driver does what a scheduler has to
//! and no more: it dispatches what is ready, hands on messages and due timers.

mod naming;
mod operator_actions;

use crate::{
    audit::{Auditor, Step},
    coverage::Coverage,
    network::Network,
    reference::Model,
    scenario::{self, Scenario},
    worker::Temper,
};
use fastrand::Rng;
use std::{collections::BTreeSet, fmt, panic::AssertUnwindSafe, sync::Arc};
use weft_core::{
    plan::Plan,
    run::{
        Action, Attempt, Event, Instance, InstanceState, MAX_INSTANCES, Moment, Planted, Rejection,
        Run, Timer,
    },
    time::Timestamp,
};

/// No run takes as many turns; one that does never ends.
pub const MAX_TURNS: u64 = 200_000;

/// How to simulate.
#[derive(Default)]
pub struct Options<'a> {
    /// A bug to plant in the machine.
    pub bug: Option<Planted>,
    /// Observes every step.
    pub trace: Option<&'a mut dyn FnMut(String)>,
}

/// What the auditor found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "seed {seed}, turn {turn}: {what}\nrun it again: cargo run -p weft-sim -- run --seed {seed} --trace"
)]
pub struct Finding {
    /// The seed that makes this world.
    pub seed: u64,
    /// The turn after which it was found.
    pub turn: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("bug", &self.bug)
            .field("trace", &self.trace.is_some())
            .finish()
    }
}

/// Simulates the world of a seed to its end.
pub fn simulate(seed: u64, options: Options<'_>) -> Result<Coverage, Finding> {
    let mut world = World::new(seed, options);
    match world.live() {
        Ok(()) => Ok(world.coverage),
        Err(what) => Err(Finding {
            seed,
            turn: world.turn,
            what,
        }),
    }
}

struct World<'a> {
    rng: Rng,
    scenario: Scenario,
    run: Run,
    model: Model,
    auditor: Auditor,
    network: Network<Event>,
    timers: Vec<(Timestamp, Timer)>,
    ready: BTreeSet<Instance>,
    /// Every attempt that was ever dispatched.
    attempts: Vec<Attempt>,
    now: Timestamp,
    temper: Temper,
    /// How many actions of operators are left.
    operator_actions: u32,
    forging: u32,
    turn: u64,
    coverage: Coverage,
    trace: Option<&'a mut dyn FnMut(String)>,
}

impl<'a> World<'a> {
    fn new(seed: u64, options: Options<'a>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let scenario = scenario::random(&mut rng);
        let plan = Arc::new(
            Plan::from_steps(scenario.steps.clone(), scenario.bounds)
                .expect("scenarios have no cycles"),
        );
        let mut coverage = Coverage::default();
        let mut run = match &scenario.part {
            Some(part) => {
                coverage.add("run: partial");
                Run::partial(plan, part)
            }
            None => Run::new(plan),
        };
        if let Some(bug) = options.bug {
            run.plant(bug);
        }
        let mut trace = options.trace;
        if let Some(trace) = &mut trace {
            for (at, step) in scenario.steps.iter().enumerate() {
                trace(format!("task {at}: {step:?}"));
            }
            trace(format!("{:?}, part {:?}", scenario.bounds, scenario.part));
        }
        Self {
            model: Model::new(&scenario),
            auditor: Auditor::new(&scenario),
            network: Network::new(&mut rng),
            timers: Vec::new(),
            ready: BTreeSet::new(),
            attempts: Vec::new(),
            now: Timestamp(1_000_000),
            temper: Temper::random(&mut rng),
            operator_actions: [0, 0, 1, 3, 6][rng.usize(0..5)],
            forging: [0, 2, 10][rng.usize(0..3)],
            turn: 0,
            coverage,
            trace,
            rng,
            scenario,
            run,
        }
    }

    fn live(&mut self) -> Result<(), String> {
        while self.operator_actions > 0 && self.rng.u32(0..5) == 0 {
            self.act_as_operator()?;
        }
        self.feed(&Event::Start)?;
        self.set_deadlines();
        loop {
            if self.turn > MAX_TURNS {
                return Err("the run does not end".into());
            }
            let roll = self.rng.u32(0..100);
            if roll < self.forging {
                let forged = self.forged();
                self.feed(&forged)?;
            } else if roll < 11 && self.operator_actions > 0 {
                self.act_as_operator()?;
            } else if roll < 45 && !self.ready.is_empty() {
                self.dispatch()?;
            } else if roll < 85 && !self.network.is_empty() {
                self.deliver()?;
            } else if roll < 95 && !self.timers.is_empty() {
                self.fire()?;
            } else if self.ready.is_empty() && self.network.is_empty() && self.timers.is_empty() {
                break;
            }
        }
        if self.run.state().is_ended() {
            Ok(())
        } else {
            Err(format!(
                "nothing is left to do, and the run is {:?}",
                self.run.state()
            ))
        }
    }

    /// Sets the deadlines of some tasks, and that of the run.
    fn set_deadlines(&mut self) {
        let share = [0, 0, 5, 30][self.rng.usize(0..4)];
        let tasks = self.run.plan().tasks().map(Some);
        for task in std::iter::once(None).chain(tasks) {
            if self.rng.u32(0..100) < share {
                let after = self.rng.i64(0..100_000);
                let timer = Timer::Deadline { task };
                self.timers.push((Timestamp(self.now.0 + after), timer));
            }
        }
    }

    fn dispatch(&mut self) -> Result<(), String> {
        let at = self.rng.usize(0..self.ready.len());
        let instance = *self.ready.iter().nth(at).expect("within the length");
        self.ready.remove(&instance);
        let nonce = self.rng.u64(..);
        self.feed(&Event::Dispatched { instance, nonce })?;
        let Some(InstanceState::Queued { attempt }) = self.run.instance(instance) else {
            return Err(format!("{instance:?} was offered and can't be dispatched"));
        };
        self.attempts.push(attempt);
        let fate = self
            .temper
            .fate(&mut self.rng, self.run.plan(), instance.task, self.now);
        if self.rng.u32(0..10) > 0 {
            self.network.send(Event::Started { attempt });
        }
        if fate.lost {
            self.coverage.add("fault: worker lost");
            self.network.send(Event::Lost { attempt });
        }
        if let Some(outcome) = fate.report {
            if fate.lost {
                self.coverage.add("fault: lost worker reports all the same");
            }
            self.network.send(Event::Finished { attempt, outcome });
        }
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), String> {
        let event = self
            .network
            .deliver(&mut self.rng, &mut self.coverage)
            .expect("callers have looked");
        match &event {
            Event::Started { attempt }
            | Event::Finished { attempt, .. }
            | Event::Lost { attempt } => {
                let current = match self.run.instance(attempt.instance) {
                    Some(
                        InstanceState::Queued { attempt } | InstanceState::Running { attempt },
                    ) => Some(attempt),
                    _ => None,
                };
                if current != Some(*attempt) {
                    self.coverage
                        .add("fault: message of an attempt that is no longer current");
                }
            }
            Event::Expanded {
                task, generation, ..
            }
            | Event::ExpandFailed {
                task, generation, ..
            } if *generation < self.run.generation(*task) => {
                self.coverage.add("fault: answer to an old expansion");
            }
            Event::PreconditionChecked {
                task, generation, ..
            } if *generation < self.run.generation(*task) => {
                self.coverage.add("fault: answer to an old condition");
            }
            _ => {}
        }
        self.feed(&event)
    }

    fn fire(&mut self) -> Result<(), String> {
        let at = self.rng.usize(0..self.timers.len());
        let (due, timer) = self.timers[at];
        let bounds_run = matches!(timer, Timer::RunTimeout { .. } | Timer::Deadline { .. });
        let patient = bounds_run && !self.run.state().is_ended();
        let idle = self.ready.is_empty() && self.network.is_empty() && self.timers.len() == 1;
        if patient && !idle && self.rng.u32(0..50) > 0 {
            return Ok(());
        }
        if self.rng.u32(0..10) == 0 {
            self.coverage.add("fault: timer twice");
        } else {
            self.timers.swap_remove(at);
        }
        self.now = self.now.max(due);
        self.feed(&Event::Due { timer })
    }

    /// Gives the machine an event, lets the auditor look, and does what is asked.
    fn feed(&mut self, event: &Event) -> Result<(), String> {
        self.turn += 1;
        let at = Moment {
            now: self.now,
            entropy: self.rng.u64(..),
        };
        let was_ready = match event {
            Event::Dispatched { instance, .. } => {
                self.run.instance(*instance) == Some(InstanceState::Ready)
            }
            _ => false,
        };
        let run_before = self.run.state();
        let before = (self.rng.u32(0..16) == 0).then(|| self.run.clone());
        let mut actions = Vec::new();
        let handled = std::panic::catch_unwind(AssertUnwindSafe(|| {
            self.run.handle(at, event.clone(), &mut actions)
        }));
        let Ok(result) = handled else {
            return Err(format!("the machine panicked on {event:?}"));
        };
        if let Some(trace) = &mut self.trace {
            trace(format!("turn {}: {event:?} -> {result:?}", self.turn));
            for action in &actions {
                trace(format!("    {action:?}"));
            }
        }
        self.auditor.check(&Step {
            at,
            event,
            result,
            actions: &actions,
            run: &self.run,
        })?;
        let expected = self.model.apply(at, event, was_ready, &self.run);
        let agree = match (expected, result) {
            // The model forgets nothing, the machine only knows the last attempt.
            (Err(Rejection::Unknown), Err(Rejection::Stale)) => true,
            (expected, result) => expected == result,
        };
        if !agree {
            return Err(format!(
                "{event:?} was answered with {result:?} and not with {expected:?}"
            ));
        }
        if let Some(difference) = self.model.difference(&self.run) {
            return Err(format!("after {event:?}: {difference}"));
        }
        if let Some(before) = before.filter(|before| result.is_err() && *before != self.run) {
            return Err(format!("{event:?} was refused and changed {before:?}"));
        }
        self.count(event, result, run_before, &actions);
        for action in actions {
            self.act(action);
        }
        Ok(())
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Expand { task, generation } => {
                let answer = match self.rng.u32(0..100) {
                    0..15 => Event::Expanded {
                        task,
                        generation,
                        instances: 0,
                    },
                    15..18 => Event::ExpandFailed {
                        task,
                        generation,
                        message: "no list".into(),
                    },
                    18..20 => {
                        self.coverage.add("fault: list too long");
                        Event::Expanded {
                            task,
                            generation,
                            instances: MAX_INSTANCES + 1,
                        }
                    }
                    20..95 => Event::Expanded {
                        task,
                        generation,
                        instances: self.rng.u32(1..6),
                    },
                    _ => Event::Expanded {
                        task,
                        generation,
                        instances: self.rng.u32(6..40),
                    },
                };
                self.network.send(answer);
            }
            Action::CheckPrecondition { task, generation } => {
                let runs = self.rng.u32(0..10) > 0;
                self.network.send(Event::PreconditionChecked {
                    task,
                    generation,
                    runs,
                });
            }
            Action::Ready { task, indexes } => self
                .ready
                .extend(indexes.map(|index| Instance { task, index })),
            Action::SetTimer { timer, at } => self.timers.push((at, timer)),
            Action::Cleared {
                task,
                generation: _,
                instances: _,
            } => self.ready.retain(|instance| instance.task != task),
            Action::InstanceChanged {
                instance,
                state,
                cause: _,
            } => {
                if state.is_ended() {
                    self.ready.remove(&instance);
                }
                if let InstanceState::Deferred { until } = state
                    && (until.is_none() || self.rng.u32(0..4) == 0)
                {
                    self.network.send(Event::Woken { instance });
                }
            }
            Action::RangeChanged { task, indexes, .. } => {
                self.ready
                    .retain(|instance| instance.task != task || !indexes.contains(&instance.index));
            }
            // What is ready already is not cleared.
            Action::InstancesCleared { .. }
            | Action::DeadlineMissed { .. }
            | Action::Revoke { .. }
            | Action::RunChanged { .. } => {}
        }
    }
}
