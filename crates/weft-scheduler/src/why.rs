//! Why a task instance is not running.

use crate::{
    active_run::ActiveRun,
    shard::{preconditions::Preconditions, queue::Queue, runs::Runs},
};
use weft_core::{
    document::TaskIndex,
    fair_queue::Blocked,
    id::TaskId,
    run::{Instance, InstanceState, RunState},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};

/// One reason. Several may hold at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The run is not in memory: it has ended, or it is queued. The run and its DAG show what a
    /// queued run waits for.
    RunNotActive,
    /// The run has ended.
    RunEnded(RunState),
    /// The run has no such task instance.
    NoSuchInstance,
    /// It waits for upstream tasks.
    Upstream {
        /// The name of the rule by which it starts.
        rule: &'static str,
        /// Upstreams with instances that have not ended.
        unfinished: Vec<TaskId>,
    },
    /// It may run already: it runs ahead on the worker of this task's live attempt.
    RunsAhead {
        /// The task of that attempt.
        on: TaskId,
    },
    /// It waits until the run before, of its DAG, has done what it depends on.
    Past {
        /// The run before, once it is looked up.
        run: Option<RunId>,
    },
    /// `max_active` of the mapped task holds it back.
    MaxActive {
        /// The bound.
        limit: u32,
    },
    /// The number of instances is not known yet.
    Expanding,
    /// It is eligible by its rule; this blocks it.
    Blocked(Blocked),
    /// It is eligible; one of the next turns dispatches it.
    Soon,
    /// Its attempt is queued.
    Queued {
        /// The number of its attempt.
        number: u32,
    },
    /// It is running.
    Running {
        /// The number of its attempt.
        number: u32,
    },
    /// It waits for its retry.
    Retry {
        /// When the retry is due.
        at: Timestamp,
    },
    /// It deferred itself.
    Deferred {
        /// Until when; until it is woken, if there is none.
        until: Option<Timestamp>,
        /// What it waits for, if that is more than the time.
        wait: Option<Wait>,
    },
    /// It has ended.
    Ended,
}

/// Why an instance is not running; `None` where its run is not in memory.
pub(crate) fn reasons(
    runs: &Runs,
    queue: &Queue,
    preconditions: &Preconditions,
    run: RunId,
    task: TaskIndex,
    index: u32,
) -> Option<Vec<Reason>> {
    let active = runs.get(run)?;
    if active.is_over() {
        return Some(vec![Reason::RunEnded(active.run.state())]);
    }
    let instance = Instance { task, index };
    let Some(state) = active.run.instance(instance) else {
        return Some(vec![Reason::NoSuchInstance]);
    };
    Some(match state {
        InstanceState::Waiting
            if active.run.is_expanded(task)
                && active.run.unfinished_upstreams(instance).is_empty() =>
        {
            let limit = active.version.dag.tasks[task.as_usize()].max_active;
            vec![Reason::MaxActive {
                limit: limit.unwrap_or(u32::MAX),
            }]
        }
        InstanceState::Waiting if active.run.awaits_precondition(task) => {
            vec![Reason::Past {
                run: preconditions.waits_for((run, task)),
            }]
        }
        InstanceState::Waiting => {
            let unfinished = active.run.unfinished_upstreams(instance);
            let unfinished = unfinished
                .iter()
                .map(|upstream| active.version.dag.tasks[upstream.as_usize()].id.clone())
                .collect();
            let upstream = Reason::Upstream {
                rule: active.version.dag.tasks[task.as_usize()].rule_name(),
                unfinished,
            };
            let ahead = runs_ahead_on(active, instance).map(|on| Reason::RunsAhead { on });
            std::iter::once(upstream).chain(ahead).collect()
        }
        InstanceState::Expanding => vec![Reason::Expanding],
        InstanceState::Ready => {
            let blocked = queue.blocked(run, task);
            if let Some(on) = runs_ahead_on(active, instance) {
                vec![Reason::RunsAhead { on }]
            } else if blocked.is_empty() {
                vec![Reason::Soon]
            } else {
                blocked.into_iter().map(Reason::Blocked).collect()
            }
        }
        InstanceState::Queued { attempt } => vec![Reason::Queued {
            number: attempt.number,
        }],
        InstanceState::Running { attempt } => vec![Reason::Running {
            number: attempt.number,
        }],
        InstanceState::UpForRetry { at } => vec![Reason::Retry { at }],
        InstanceState::Deferred { until } => {
            let record = active.records.get(&Instance { task, index });
            let wait = record.and_then(|record| record.wait.clone());
            vec![Reason::Deferred { until, wait }]
        }
        InstanceState::Success
        | InstanceState::Failed
        | InstanceState::Skipped
        | InstanceState::UpstreamFailed
        | InstanceState::Cancelled => vec![Reason::Ended],
    })
}

/// The task with whose live attempt an instance may run ahead.
fn runs_ahead_on(active: &ActiveRun, ahead: Instance) -> Option<TaskId> {
    let mut live = active.live.iter();
    let on = live.find(|instance| {
        let record = active.records.get(instance);
        let attempt = record.and_then(|record| record.attempt.as_ref());
        attempt.is_some_and(|attempt| attempt.ahead.contains(&ahead))
    })?;
    Some(active.task(on.task).id.clone())
}
