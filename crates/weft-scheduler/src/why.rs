//! Why a task instance is not running.

use crate::shard::Shard;
use weft_core::{
    document::TaskIndex,
    fair_queue::Blocked,
    id::TaskId,
    run::{Instance, InstanceState, RunState},
    run_id::RunId,
    time::Timestamp,
    trigger_rule::TriggerRule,
};

/// One reason. Several may hold at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The run is not in memory: it has ended, or it is queued. What a queued
    /// run waits for stands with the run and its DAG.
    RunNotActive,
    /// The run has ended.
    RunEnded(RunState),
    /// There is no such task instance.
    NoSuchInstance,
    /// It waits for these tasks, by this rule.
    Upstream {
        /// When it may start.
        rule: TriggerRule,
        /// Upstreams with instances that have not ended.
        unfinished: Vec<TaskId>,
    },
    /// `max_active` of the mapped task keeps it back.
    MaxActive {
        /// The bound.
        limit: u32,
    },
    /// The number of its instances is being worked out.
    Expanding,
    /// It may run; this stands in its way.
    Blocked(Blocked),
    /// It may run, and goes out with one of the next turns.
    Soon,
    /// It is on its way to a worker.
    Queued {
        /// The number of its attempt.
        number: u32,
    },
    /// It runs.
    Running {
        /// The number of its attempt.
        number: u32,
    },
    /// It waits for its retry.
    Retry {
        /// When that is.
        at: Timestamp,
    },
    /// It deferred itself.
    Deferred {
        /// Until when; without one until it is woken.
        until: Option<Timestamp>,
    },
    /// It has ended.
    Ended,
}

impl Shard {
    /// Why an instance of a run that is in memory here is not running; `None`
    /// where the run isn't.
    pub(crate) fn why(&self, run: RunId, task: TaskIndex, index: u32) -> Option<Vec<Reason>> {
        let active = self.runs.get(&run)?;
        if active.is_over() {
            return Some(vec![Reason::RunEnded(active.run.state())]);
        }
        let Some(state) = active.run.instance(Instance { task, index }) else {
            return Some(vec![Reason::NoSuchInstance]);
        };
        Some(match state {
            InstanceState::Waiting if active.run.is_expanded(task) => {
                let limit = active.version.dag.tasks[task.as_usize()].max_active;
                vec![Reason::MaxActive {
                    limit: limit.unwrap_or(u32::MAX),
                }]
            }
            InstanceState::Waiting => {
                let step = active.run.plan().step(task);
                let unfinished = step
                    .upstreams
                    .iter()
                    .filter(|upstream| active.run.counts(**upstream).unfinished() > 0)
                    .map(|upstream| active.version.dag.tasks[upstream.as_usize()].id.clone())
                    .collect();
                vec![Reason::Upstream {
                    rule: step.rule,
                    unfinished,
                }]
            }
            InstanceState::Expanding => vec![Reason::Expanding],
            InstanceState::Ready => {
                let blocked = self.order.find_blockers(run, task);
                if blocked.is_empty() {
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
            InstanceState::Deferred { until } => vec![Reason::Deferred { until }],
            InstanceState::Success
            | InstanceState::Failed
            | InstanceState::Skipped
            | InstanceState::UpstreamFailed
            | InstanceState::Cancelled => vec![Reason::Ended],
        })
    }
}
