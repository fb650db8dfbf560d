//! What a worker tells of the process before it: which attempts were in guest code
//! when it died, and what follows for them. The rules are `weft_core::suspicion`'s.

use crate::{
    actions,
    active_run::ActiveRun,
    shard::{Context, Shard},
};
use std::{fmt::Write as _, sync::Arc};
use weft_broker::{AttemptKey, Failure};
use weft_core::{
    document::TaskIndex,
    failure_code::FailureCode,
    run::{Instance, InstanceState},
    run_id::RunId,
    suspicion::{Blamed, Crash, ENOUGH, Evidence, Verdict},
    time::Timestamp,
};
use weft_store::{CrashUpdate, StoreError};

impl Shard {
    /// A worker died with this attempt in guest code. It is lost, unless it has taken
    /// down too many.
    pub(crate) fn crashed(
        &mut self,
        cx: &mut Context,
        key: AttemptKey,
        worker: Arc<str>,
        evidence: Evidence,
        failure: &Failure,
    ) {
        let instance = key.attempt.instance;
        let Some((active, blamed)) = self.runs.get_mut(&key.run).and_then(|active| {
            let blamed = active.blamed(instance.task)?;
            Some((active, blamed))
        }) else {
            return;
        };
        let crash = Crash {
            run: key.run,
            instance,
            number: key.attempt.number,
            worker,
            at: cx.now(),
            absolved: false,
        };
        tracing::warn!(run = %key.run, task = %blamed.task, number = key.attempt.number, worker = %crash.worker, ?evidence, "a worker died while it ran an attempt");
        let is_current = match active.run.instance(instance) {
            Some(
                InstanceState::Queued { attempt: current }
                | InstanceState::Running { attempt: current },
            ) => current == key.attempt,
            Some(_) | None => false,
        };
        if is_current {
            active.record(instance).error = Some(actions::error(&failure.code, &failure.message));
        }
        if self
            .suspects
            .crashed(blamed.clone(), crash.clone(), evidence)
        {
            self.crash_news.push(CrashUpdate::Counted(blamed, crash));
        }
        if !is_current {
            return;
        }
        match self.condemned(key.run, instance) {
            Some((code, why)) => self.fail_attempt(cx, key.run, key.attempt, code, &why),
            None => self.lost(cx, key),
        }
    }

    /// An attempt ended by itself.
    pub(crate) fn ended_by_itself(&mut self, run: RunId, instance: Instance) {
        if self.suspects.is_empty() {
            return;
        }
        let blamed = self
            .runs
            .get(&run)
            .and_then(|active| active.blamed(instance.task));
        if let Some(blamed) = blamed
            && self.suspects.ended(&blamed, run, instance)
        {
            self.crash_news.push(CrashUpdate::Absolved(blamed));
        }
    }

    /// Somebody wants a task of a run tried again.
    pub(crate) fn forgive(&mut self, run: RunId, task: TaskIndex) {
        if self.suspects.is_empty() {
            return;
        }
        let blamed = self.runs.get(&run).and_then(|active| active.blamed(task));
        if let Some(blamed) = blamed
            && self.suspects.cleared(&blamed, run, task)
        {
            self.crash_news.push(CrashUpdate::Cleared { run, task });
        }
    }

    /// Whether the next attempt of an instance is to be watched.
    pub(crate) fn is_watched(&self, run: RunId, instance: Instance) -> bool {
        !self.suspects.is_empty()
            && self
                .runs
                .get(&run)
                .and_then(|active| active.blamed(instance.task))
                .is_some_and(|blamed| self.suspects.is_watched(&blamed, run, instance))
    }

    /// Why no attempt of an instance is made any more: a code, and the words for people.
    pub(crate) fn condemned(
        &self,
        run: RunId,
        instance: Instance,
    ) -> Option<(&'static str, String)> {
        if self.suspects.is_empty() {
            return None;
        }
        let active = self.runs.get(&run)?;
        let blamed = active.blamed(instance.task)?;
        let (dag, task) = (&active.version.dag.id, &blamed.task);
        Some(match self.suspects.verdict(&blamed, run, instance)? {
            Verdict::Instance(deaths) => (
                Failure::CRASHED,
                format!(
                    "the worker died {ENOUGH} times while it ran this and nothing else that was suspected: {}; \
                     a retry does not help, and the task's next version may (look for memory that it takes outside its limits, \
                     or a defect of the engine that it meets)",
                    told(&deaths)
                ),
            ),
            Verdict::Quarantine(deaths) => (
                FailureCode::Quarantined.as_str(),
                format!(
                    "the task {task} of this version is in quarantine, since {ENOUGH} workers died while they ran it: {}; \
                     deploy a version that doesn't do that, or let it run again with `wfctl dags unquarantine {dag}`",
                    told(&deaths)
                ),
            ),
        })
    }

    /// Writes what became known of crashes.
    pub(crate) async fn keep_crashes(&mut self, cx: &Context) -> Result<(), StoreError> {
        if self.crash_news.is_empty() {
            return Ok(());
        }
        cx.deps.store.record_crashes(&self.crash_news).await?;
        self.crash_news.clear();
        Ok(())
    }

    /// Reads what counts against tasks, which people may have lifted.
    pub(crate) async fn read_crashes(&mut self, cx: &Context) -> Result<(), StoreError> {
        self.keep_crashes(cx).await?;
        let kept = cx.deps.store.crashes(self.lease.shard).await?;
        self.suspects.replace(kept);
        Ok(())
    }
}

impl ActiveRun {
    /// What is blamed where a task takes its worker down.
    fn blamed(&self, task: TaskIndex) -> Option<Blamed> {
        Some(Blamed {
            dag: self.dag.0,
            digest: self.version.tasks.get(task.as_usize())?.digest?,
            task: self.version.dag.tasks.get(task.as_usize())?.id.clone(),
        })
    }
}

fn told(deaths: &[(Arc<str>, Timestamp)]) -> String {
    let mut text = String::new();
    for (worker, at) in deaths {
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}{worker} at {at}").expect("a text takes what is written to it");
    }
    text
}
