//! Suspects of crashes: tasks whose attempts were in guest code when a worker died.
//! The rules are `weft_core::suspicion`'s.

use crate::active_run::ActiveRun;
use std::{fmt::Write as _, sync::Arc};
use weft_broker::Failure;
use weft_core::{
    document::TaskIndex,
    failure_code::FailureCode,
    run::Instance,
    run_id::RunId,
    suspicion::{Blamed, Crash, ENOUGH, Evidence, Suspects, Verdict},
    time::Timestamp,
};
use weft_store::CrashUpdate;

/// The suspects of a shard, and what the database does not have of them yet.
#[derive(Debug)]
pub(crate) struct Crashes {
    suspects: Suspects,
    unwritten: Vec<CrashUpdate>,
}

/// Why no further attempt of an instance is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Default for Crashes {
    fn default() -> Self {
        Self {
            suspects: Suspects::new(ENOUGH),
            unwritten: Vec::new(),
        }
    }
}

impl Crashes {
    /// What the database does not have yet.
    pub(crate) fn unwritten(&self) -> &[CrashUpdate] {
        &self.unwritten
    }

    /// Records that the database has everything.
    pub(crate) fn clear_unwritten(&mut self) {
        self.unwritten.clear();
    }

    /// Takes over what the database has, from which people may have removed entries.
    pub(crate) fn replace(&mut self, stored: Vec<(Blamed, Crash)>) {
        self.suspects.replace(stored);
    }

    /// Counts a crash.
    pub(crate) fn record_crash(&mut self, blamed: Blamed, crash: Crash, evidence: Evidence) {
        if self
            .suspects
            .crashed(blamed.clone(), crash.clone(), evidence)
        {
            self.unwritten.push(CrashUpdate::Counted(blamed, crash));
        }
    }

    /// Absolves a task, since one of its attempts ended by itself.
    pub(crate) fn record_end(&mut self, active: &ActiveRun, instance: Instance) {
        if self.suspects.is_empty() {
            return;
        }
        if let Some(blamed) = blamed(active, instance.task)
            && self.suspects.ended(&blamed, active.id, instance)
        {
            self.unwritten.push(CrashUpdate::Absolved(blamed));
        }
    }

    /// Forgets a run's crashes of a task that a person had cleared.
    pub(crate) fn clear_task(&mut self, active: &ActiveRun, task: TaskIndex) {
        if self.suspects.is_empty() {
            return;
        }
        if let Some(blamed) = blamed(active, task)
            && self.suspects.cleared(&blamed, active.id, task)
        {
            let run = active.id;
            self.unwritten.push(CrashUpdate::Cleared { run, task });
        }
    }

    /// Forgets a run that has ended.
    pub(crate) fn forget_run(&mut self, run: RunId) {
        if !self.suspects.is_empty() {
            self.suspects.forget_run(run);
        }
    }

    /// Whether the next attempt of an instance is watched.
    pub(crate) fn is_watched(&self, active: &ActiveRun, instance: Instance) -> bool {
        !self.suspects.is_empty()
            && blamed(active, instance.task)
                .is_some_and(|blamed| self.suspects.is_watched(&blamed, active.id, instance))
    }

    /// Why no further attempt of an instance is made, if none is.
    pub(crate) fn refusal(&self, active: &ActiveRun, instance: Instance) -> Option<Refusal> {
        if self.suspects.is_empty() {
            return None;
        }
        let blamed = blamed(active, instance.task)?;
        let (dag, task) = (&active.version.dag.id, &blamed.task);
        Some(match self.suspects.verdict(&blamed, active.id, instance)? {
            Verdict::Instance(deaths) => Refusal {
                code: Failure::CRASHED,
                message: format!(
                    "the worker died {ENOUGH} times while it ran this and nothing else that was suspected: {}; \
                     a retry does not help, and the task's next version may (look for memory that it takes outside its limits, \
                     or a defect of the engine that it meets)",
                    list_deaths(&deaths)
                ),
            },
            Verdict::Quarantine(deaths) => Refusal {
                code: FailureCode::Quarantined.as_str(),
                message: format!(
                    "the task {task} of this version is in quarantine, since {ENOUGH} workers died while they ran it: {}; \
                     deploy a version that doesn't do that, or let it run again with `wfctl dags unquarantine {dag}`",
                    list_deaths(&deaths)
                ),
            },
        })
    }
}

/// What is blamed for the crashes of a task's attempts.
pub(crate) fn blamed(active: &ActiveRun, task: TaskIndex) -> Option<Blamed> {
    Some(Blamed {
        dag: active.dag.0,
        digest: active.version.tasks.get(task.as_usize())?.digest?,
        task: active.version.dag.tasks.get(task.as_usize())?.id.clone(),
    })
}

fn list_deaths(deaths: &[(Arc<str>, Timestamp)]) -> String {
    let mut text = String::new();
    for (worker, at) in deaths {
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}{worker} at {at}").expect("a String accepts every write");
    }
    text
}
