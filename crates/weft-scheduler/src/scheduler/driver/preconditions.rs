//! Looks up what tasks' conditions on other runs need.

use super::{Driver, held::unreadable_as_value};
use crate::{
    active_run::ActiveRun,
    limits::MAX_PRECONDITIONS_PER_TURN,
    shard::preconditions::Checked,
    steps::preconditions::{self, Verdict},
};
use std::collections::BTreeSet;
use weft_core::{document::TaskIndex, run_id::RunId, time::Timestamp, wait::TaskEnd};
use weft_store::{DagKey, RunBefore, StoreError};

/// What a task that asks the run before gets.
enum Answer {
    Runs,
    /// Once this run, the one before, has changed.
    Later(RunId),
    /// Unless one of these tasks of the run before, which has ended, failed.
    Unless(RunId, Vec<TaskIndex>),
}

impl Driver<'_> {
    /// Answers the tasks whose conditions on other runs are to be checked. What can't be looked up
    /// stays pending.
    pub(super) async fn check_preconditions(&mut self) -> Result<(), StoreError> {
        let most = MAX_PRECONDITIONS_PER_TURN;
        let (mut unknown, mut later) = (Vec::new(), Vec::new());
        let now = self.cx.now();
        for checked in self.shard.preconditions.take_pending(most) {
            match preconditions::judge(&self.shard.runs, checked, now) {
                None => {}
                Some(Verdict::Runs) => self.answer(checked, true),
                Some(Verdict::Skips) => self.answer(checked, false),
                // The run before may be created or begin in this turn as well, which the database
                // doesn't have yet.
                Some(Verdict::ByRunBefore) if !self.has_begun(checked.0) => {
                    later.push(checked);
                    self.shard.batch.set_urgent();
                }
                Some(Verdict::ByRunBefore) => unknown.push(checked),
            }
        }
        self.shard.preconditions.put_back(later);
        if unknown.is_empty() {
            return Ok(());
        }
        let answers = match self.look_up(&unknown).await {
            Ok(answers) => answers,
            Err(error) => {
                self.shard.preconditions.put_back(unknown);
                return Err(error);
            }
        };
        for (checked, before) in unknown.into_iter().zip(answers) {
            match before {
                None => self.answer(checked, true),
                Some(before) => {
                    if !self.check_in_memory(checked, before) {
                        self.wait_for(checked, before);
                    }
                }
            }
        }
        Ok(())
    }

    fn has_begun(&self, run: RunId) -> bool {
        self.shard.runs.get(run).is_some_and(ActiveRun::has_begun)
    }

    fn answer(&mut self, checked: Checked, runs: bool) {
        preconditions::answer(&mut self.events(), checked, runs);
    }

    fn wait_for(&mut self, checked: Checked, before: RunId) {
        if let Some(active) = self.shard.runs.get(checked.0) {
            let dag = active.dag;
            self.shard.preconditions.wait_for(dag, checked, before);
        }
    }

    /// Checks a task by the run before, if that is in memory.
    fn check_in_memory(&mut self, checked: Checked, before: RunId) -> bool {
        let (run, task) = checked;
        let runs = &self.shard.runs;
        let (Some(own), Some(other)) = (runs.get(run), runs.get(before)) else {
            return false;
        };
        if preconditions::allows(other, &own.version, task) {
            self.answer(checked, true);
        } else {
            self.wait_for(checked, before);
        }
        true
    }

    /// The runs before those of these tasks, by the database; none where it lets the task run.
    async fn look_up(&mut self, tasks: &[Checked]) -> Result<Vec<Option<RunId>>, StoreError> {
        let dates = tasks.iter().map(|(run, _)| {
            let active = self.shard.runs.get(*run);
            active.map_or((DagKey(0), Timestamp(0)), |active| {
                (active.dag, active.logical_date)
            })
        });
        let dates: Vec<(DagKey, Timestamp)> = dates.collect();
        let found = self.deps.store.runs_before(&dates).await?;
        let mut answers = Vec::with_capacity(tasks.len());
        for (checked, before) in tasks.iter().zip(found) {
            answers.push(match before {
                None => Answer::Runs,
                Some(before) => self.by_database(*checked, before).await?,
            });
        }
        let asked = answers.iter().flat_map(|answer| match answer {
            Answer::Unless(run, tasks) => tasks.iter().map(|task| (*run, *task)).collect(),
            Answer::Runs | Answer::Later(_) => Vec::new(),
        });
        let asked: BTreeSet<(RunId, TaskIndex)> = asked.collect();
        let asked: Vec<(RunId, TaskIndex)> = asked.into_iter().collect();
        let ends = if asked.is_empty() {
            Vec::new()
        } else {
            self.deps.store.task_ends(&asked).await?
        };
        let failed = ends.into_iter().filter_map(|(run, task, end)| {
            matches!(end, TaskEnd::Failed | TaskEnd::Cancelled).then_some((run, task))
        });
        let failed: BTreeSet<(RunId, TaskIndex)> = failed.collect();
        let answers = answers.into_iter().map(|answer| match answer {
            Answer::Runs => None,
            Answer::Later(run) => Some(run),
            Answer::Unless(run, tasks) => tasks
                .iter()
                .any(|task| failed.contains(&(run, *task)))
                .then_some(run),
        });
        Ok(answers.collect())
    }

    async fn by_database(
        &mut self,
        (run, task): Checked,
        before: RunBefore,
    ) -> Result<Answer, StoreError> {
        let runs = &self.shard.runs;
        let Some(own) = runs.get(run) else {
            return Ok(Answer::Runs);
        };
        // What is in memory is newer than what was read.
        if runs.contains(before.run) || !before.state.is_ended() {
            return Ok(Answer::Later(before.run));
        }
        let (own, tenant) = (std::sync::Arc::clone(&own.version), own.tenant.clone());
        let version = self.version(before.version, &tenant).await;
        Ok(match unreadable_as_value(version)? {
            Ok(version) => {
                let tasks = preconditions::tasks_before(&own, task, &version);
                Answer::Unless(before.run, tasks)
            }
            Err(error) => {
                tracing::error!(%run, before = %before.run, error, operation = "check preconditions", "the version of the run before can't be read; the task does not wait for it");
                Answer::Runs
            }
        })
    }
}
