//! The scheduler of this process behind the port that a server has for its scheduler,
//! and why an instance is not running, in words.

use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Arc};
use weft_core::{
    document::TaskIndex, fair_queue::Blocked, limit::Unit, run_id::RunId, time::Timestamp,
    wait::Wait,
};
use weft_scheduler::{Handle, Listen, Reason};
use weft_server::ports::{self, Changes, SchedulerGone, SchedulerHandle, SchedulerHealth, Wake};

/// The scheduler of this process.
#[derive(Debug, Clone)]
pub(crate) struct LocalScheduler(pub(crate) Handle);

#[async_trait]
impl SchedulerHandle for LocalScheduler {
    fn wake(&self, wake: Wake) {
        self.0.wake(wake);
    }

    async fn why(
        &self,
        run: RunId,
        task: TaskIndex,
        index: u32,
    ) -> Result<Vec<ports::Reason>, SchedulerGone> {
        let reasons = self.explain_local(run, task, index).await?;
        Ok(reasons.unwrap_or_else(|| vec![not_active()]))
    }

    fn health(&self) -> SchedulerHealth {
        let health = self.0.health();
        SchedulerHealth {
            since_last_turn: Some(health.since_last_turn),
            since_progress: Some(health.since_progress),
        }
    }

    fn ready(&self) -> BTreeMap<Arc<str>, u64> {
        self.0.ready().by_label()
    }

    fn changes(&self, to: Listen) -> Changes {
        Changes::Here(self.0.changes(to))
    }
}

impl LocalScheduler {
    /// Why an instance isn't running; `None` if this scheduler does not have its run in memory.
    pub(super) async fn explain_local(
        &self,
        run: RunId,
        task: TaskIndex,
        index: u32,
    ) -> Result<Option<Vec<ports::Reason>>, SchedulerGone> {
        let reasons = self.0.why(run, task, index).await;
        let reasons = reasons.map_err(|_gone| SchedulerGone)?;
        if reasons == [Reason::RunNotActive] {
            return Ok(None);
        }
        Ok(Some(reasons.into_iter().filter_map(describe).collect()))
    }
}

/// Of a run that no scheduler has in memory.
pub(super) fn not_active() -> ports::Reason {
    reason(
        "run_queued",
        "the run has not started, or has ended long ago".into(),
        Some(
            "see the run: it waits for its date, for its DAG to be unpaused, or for another run of the DAG to end",
        ),
    )
}

fn reason(code: &str, message: String, help: Option<&str>) -> ports::Reason {
    ports::Reason {
        code: code.to_owned(),
        message,
        help: help.map(str::to_owned),
    }
}

/// A reason in words; none for an instance that runs or has ended.
fn describe(why: Reason) -> Option<ports::Reason> {
    Some(match why {
        Reason::Running { number: _ } | Reason::Ended | Reason::RunEnded(_) => return None,
        Reason::RunNotActive => not_active(),
        Reason::NoSuchInstance => reason(
            "no_such_instance",
            "the task has no such instance yet; a mapped task has them once its list is there"
                .into(),
            None,
        ),
        Reason::Upstream { rule, unfinished } => {
            let names: Vec<&str> = unfinished
                .iter()
                .map(weft_core::id::TaskId::as_str)
                .collect();
            reason("upstream", waits_for(rule, &names), None)
        }
        Reason::RunsAhead { on } => reason(
            "runs_ahead",
            format!(
                "it may have begun: it runs ahead on the worker that has {on}, and its end counts with that one's"
            ),
            None,
        ),
        Reason::Past { run } => {
            let before = run.map_or("the run before".to_owned(), |run| {
                format!("the run before, {run}")
            });
            reason(
                "past",
                format!(
                    "it waits until what it depends on has succeeded or was skipped in {before}"
                ),
                Some("clear or mark what failed there; or mark this one"),
            )
        }
        Reason::MaxActive { limit } => reason(
            "max_active",
            format!("as many instances of the task are active as its max_active allows ({limit})"),
            Some("raise max_active of the task to run more of them at once"),
        ),
        Reason::Expanding => reason(
            "expanding",
            "its number of instances is being worked out".into(),
            None,
        ),
        Reason::Blocked(blocked) => describe_block(blocked),
        Reason::Soon => reason(
            "soon",
            "nothing is in its way: it goes out with one of the next turns".into(),
            None,
        ),
        Reason::Queued { number } => reason(
            "queued",
            format!(
                "attempt {number} is queued, and a worker will take it as soon as it has a free slot"
            ),
            None,
        ),
        Reason::Retry { at } => reason(
            "retry",
            format!("its last attempt failed; it is tried again at {at}"),
            None,
        ),
        Reason::Deferred { until, wait } => {
            reason("deferred", describe_deferral(until, wait), None)
        }
    })
}

fn describe_deferral(until: Option<Timestamp>, wait: Option<Wait>) -> String {
    let what = wait.map(|wait| wait.describe());
    match (what, until) {
        (None, None) => "it deferred itself until somebody wakes it".into(),
        (None, Some(until)) => format!("it deferred itself until {until}"),
        (Some(what), None) => format!("it waits for {what}"),
        (Some(what), Some(until)) => format!("it waits for {what}, until {until} at the longest"),
    }
}

fn waits_for(rule: &str, unfinished: &[&str]) -> String {
    if unfinished.is_empty() {
        format!("its trigger rule ({rule}) does not hold yet")
    } else {
        format!(
            "it waits for {} (trigger rule {rule})",
            unfinished.join(", ")
        )
    }
}

fn describe_block(blocked: Blocked) -> ports::Reason {
    match blocked {
        Blocked::DagHeld => reason(
            "dag_held",
            "its DAG is paused and its runs are held: nothing of them is dispatched".to_owned(),
            Some("let them go on: wfctl dags unpause DAG"),
        ),
        Blocked::QueueHasNoWorkers { queue } => reason(
            "no_worker",
            format!("no worker serves the queue {queue}"),
            Some("start a worker for it, or let the task use another queue"),
        ),
        Blocked::Oversized {
            queue,
            needs,
            largest,
        } => reason(
            "too_large",
            format!(
                "no worker of the queue {queue} can hold it: it may take {} of memory, and the largest of them has {}",
                Unit::Bytes.show(needs),
                Unit::Bytes.show(largest)
            ),
            Some(
                "start a larger worker for the queue (--memory), or lower limits.memory of the task",
            ),
        ),
        Blocked::QueueFull { queue, slots: _ } => reason(
            "queue_full",
            format!("all slots of the workers of the queue {queue} are taken"),
            Some("it goes out as soon as one is free; more workers or slots run more at once"),
        ),
        Blocked::InstallationLimit { limit, active } => reason(
            "installation_limit",
            format!("{active} task instances are active, and the installation allows {limit}"),
            None,
        ),
        Blocked::TenantLimit { limit, active } => reason(
            "tenant_limit",
            format!("{active} task instances of the tenant are active, and {limit} are allowed"),
            None,
        ),
        Blocked::DagLimit { limit, active } => reason(
            "dag_limit",
            format!(
                "{active} task instances of the DAG are active over all its runs, and its max_active_tasks allows {limit}"
            ),
            Some("raise max_active_tasks of the DAG to run more of them at once"),
        ),
        Blocked::Pool {
            name,
            slots,
            taken,
            needs,
        } => describe_pool(&name, slots, taken, needs),
        Blocked::Behind { run, task: _ } => {
            reason("behind", format!("other work goes first (run {run})"), None)
        }
    }
}

/// A pool that has too few free slots, or none at all.
fn describe_pool(name: &str, slots: u32, taken: u64, needs: u32) -> ports::Reason {
    if slots == 0 {
        return reason(
            "no_pool",
            format!("there is no pool {name}, or it has no slots"),
            Some("make it: wfctl pools set NAME --slots N"),
        );
    }
    reason(
        "pool",
        format!("it needs {needs} of the {slots} slots of the pool {name}, and {taken} are taken"),
        Some(
            "it goes out as soon as enough are free; wfctl pools set NAME --slots N gives it more",
        ),
    )
}
