//! A driver for tests of the run state machine: short names for events, and
//! every answer checked.

use std::sync::Arc;
use weft_core::{
    document::TaskIndex,
    plan::{Bounds, Mapping, Plan, Step},
    retry::RetryPolicy,
    run::{
        Action, Attempt, Event, Instance, InstanceState, Marked, Moment, Outcome, Rejection, Run,
        RunState, Selection, Timer,
    },
    teardown::Teardown,
    time::{DurationMs, Timestamp},
    trigger_rule::TriggerRule,
};

/// The time of every event, so that waits are easy to read.
pub(crate) const NOW: Timestamp = Timestamp(1_000_000);

/// A task that runs when all of `upstreams` succeeded, with one retry after 1 s.
pub(crate) fn task(upstreams: &[u32]) -> Step {
    Step {
        upstreams: upstreams.iter().copied().map(TaskIndex).collect(),
        rule: TriggerRule::AllSuccess,
        retry: RetryPolicy {
            retries: 1,
            delay: DurationMs(1000),
            ..RetryPolicy::default()
        },
        mapping: None,
        branch: false,
        teardown: None,
        has_precondition: false,
        stops_at_deadline: false,
    }
}

pub(crate) fn ruled(upstreams: &[u32], rule: TriggerRule) -> Step {
    Step {
        rule,
        ..task(upstreams)
    }
}

pub(crate) fn mapped(upstreams: &[u32], max_active: Option<u32>) -> Step {
    let sources = upstreams.iter().copied().map(TaskIndex).collect();
    Step {
        mapping: Some(Mapping {
            sources,
            max_active,
            by_index: Vec::new(),
        }),
        ..task(upstreams)
    }
}

/// A task of a mapped group that follows `upstreams` index by index.
pub(crate) fn following(sources: &[u32], upstreams: &[u32]) -> Step {
    let together: Vec<u32> = sources.iter().chain(upstreams).copied().collect();
    let mut step = mapped(sources, None);
    step.upstreams = task(&together).upstreams;
    if let Some(mapping) = &mut step.mapping {
        mapping.by_index = upstreams.iter().copied().map(TaskIndex).collect();
    }
    step
}

pub(crate) fn branch(upstreams: &[u32]) -> Step {
    Step {
        branch: true,
        ..task(upstreams)
    }
}

/// A teardown of these setups, after them and after what else is upstream.
pub(crate) fn teardown(upstreams: &[u32], setups: &[u32]) -> Step {
    Step {
        teardown: Some(Teardown {
            setups: setups.iter().copied().map(TaskIndex).collect(),
            fails_run: false,
        }),
        ..task(upstreams)
    }
}

pub(crate) fn plan(steps: Vec<Step>) -> Arc<Plan> {
    let bounds = Bounds {
        run_timeout: Some(DurationMs(60_000)),
        stops_at_deadline: true,
        max_losses: 2,
        max_deferrals: 2,
    };
    Arc::new(Plan::from_steps(steps, bounds).expect("the test's tasks make a plan"))
}

pub(crate) fn at(task: u32, index: u32) -> Instance {
    Instance {
        task: TaskIndex(task),
        index,
    }
}

/// A run, and what it asked for since the last look.
pub(crate) struct Drive {
    pub(crate) run: Run,
    pub(crate) actions: Vec<Action>,
}

impl Drive {
    /// A started run.
    pub(crate) fn started(steps: Vec<Step>) -> Self {
        Self::start(Run::new(plan(steps)))
    }

    pub(crate) fn start(run: Run) -> Self {
        let mut drive = Self {
            run,
            actions: Vec::new(),
        };
        drive.ok(Event::Start);
        drive
    }

    pub(crate) fn send(&mut self, event: Event) -> Result<(), Rejection> {
        let returned = self.actions.len();
        let result = self.run.handle(
            Moment {
                now: NOW,
                entropy: 0,
            },
            event,
            &mut self.actions,
        );
        assert!(
            result.is_ok() || self.actions.len() == returned,
            "a refused event has no actions"
        );
        result
    }

    pub(crate) fn ok(&mut self, event: Event) {
        let text = format!("{event:?}");
        assert_eq!(self.send(event), Ok(()), "{text}");
    }

    pub(crate) fn refused(&mut self, event: Event, rejection: Rejection) {
        let (text, before) = (format!("{event:?}"), self.run.clone());
        assert_eq!(self.send(event), Err(rejection), "{text}");
        assert_eq!(self.run, before, "{text} was refused");
    }

    /// What it asked for since the last look.
    pub(crate) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// The last attempt, or one that never was.
    pub(crate) fn attempt(&self, instance: Instance) -> Attempt {
        let number = self.run.next_number(instance).unwrap_or(2) - 1;
        Attempt {
            instance,
            number: number.max(1),
            nonce: u64::from(number.max(1)),
        }
    }

    pub(crate) fn dispatch(&mut self, task: u32, index: u32) -> Attempt {
        let instance = at(task, index);
        let nonce = u64::from(self.run.next_number(instance).expect("the instance exists"));
        self.ok(Event::Dispatched { instance, nonce });
        self.attempt(instance)
    }

    pub(crate) fn finish(&mut self, attempt: Attempt, outcome: Outcome) {
        self.ok(Event::Finished { attempt, outcome });
    }

    /// Dispatches an instance and lets it end.
    pub(crate) fn attempted(&mut self, task: u32, index: u32, outcome: Outcome) -> Attempt {
        let attempt = self.dispatch(task, index);
        self.finish(attempt, outcome);
        attempt
    }

    pub(crate) fn succeed(&mut self, task: u32) {
        self.attempted(task, 0, Outcome::Success);
    }

    pub(crate) fn fail(&mut self, task: u32) {
        self.attempted(task, 0, failed(false));
    }

    pub(crate) fn expand(&mut self, task: u32, instances: u32) {
        let generation = self.run.generation(TaskIndex(task));
        self.ok(Event::Expanded {
            task: TaskIndex(task),
            generation,
            instances,
        });
    }

    pub(crate) fn due(&mut self, attempt: Attempt) {
        self.ok(Event::Due {
            timer: timer(attempt),
        });
    }

    pub(crate) fn mark(&mut self, task: u32, as_state: Marked) {
        self.ok(Event::Mark {
            instance: at(task, 0),
            as_state,
        });
    }

    pub(crate) fn clear(&mut self, tasks: &[u32], downstream: bool) {
        let tasks = tasks.iter().copied().map(TaskIndex).collect();
        self.ok(Event::Clear(Selection::of(tasks, downstream)));
    }

    pub(crate) fn state(&self, task: u32) -> InstanceState {
        self.run
            .instance(at(task, 0))
            .expect("the task is part of the run")
    }

    #[track_caller]
    pub(crate) fn states(&self, expected: &[InstanceState]) {
        let states: Vec<_> = (0..)
            .take(expected.len())
            .map(|task| self.state(task))
            .collect();
        assert_eq!(states, expected);
    }

    #[track_caller]
    pub(crate) fn ended(&self, state: RunState) {
        assert_eq!(self.run.state(), state);
        assert_eq!(self.run.unfinished(), 0);
    }
}

pub(crate) fn timer(attempt: Attempt) -> Timer {
    Timer::Instance {
        instance: attempt.instance,
        number: attempt.number,
    }
}

pub(crate) fn failed(retryable: bool) -> Outcome {
    Outcome::Failed {
        retryable,
        retry_after: None,
        message: "as the test wants".into(),
    }
}
