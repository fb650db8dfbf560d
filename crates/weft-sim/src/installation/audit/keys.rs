//! Bounds on runs by key: how many are active, and how many start in a span of time.

use super::{Auditor, Seen, bounds::within, state::Done};
use std::sync::Arc;
use weft_core::{concurrency::Concurrency, run_id::RunId, time::Timestamp};
use weft_store::DagKey;

impl Auditor {
    /// Checks the keys of the runs that a turn started.
    pub(super) fn check_keys(&self, done: &Done, seen: &mut Seen<'_>) -> Result<(), String> {
        for (dag, run) in &done.started {
            let Some(row) = seen.tables.run_row(*run) else {
                continue;
            };
            let (Some(bounds), Some(key)) = (
                self.concurrency.get(dag),
                row.stored.concurrency_key.clone(),
            ) else {
                continue;
            };
            let started = row.update.as_ref().and_then(|update| update.started);
            self.check_active(*dag, &key, bounds, seen)?;
            self.check_rate(*dag, &key, bounds, started, seen)?;
        }
        Ok(())
    }

    fn check_active(
        &self,
        dag: DagKey,
        key: &Arc<str>,
        bounds: &Concurrency,
        seen: &mut Seen<'_>,
    ) -> Result<(), String> {
        let Some(most) = bounds.max_per_key() else {
            return Ok(());
        };
        let has_key = |run: &&RunId| {
            let row = seen.tables.run_row(**run);
            row.is_some_and(|row| row.stored.concurrency_key.as_ref() == Some(key))
        };
        let running = self.running.get(&dag).into_iter().flatten();
        let active = running.filter(has_key).count() as u64;
        seen.coverage.add("audited: active runs of a key");
        within(active, most.into(), || {
            format!("runs of the DAG {dag:?} with the key {key}")
        })
    }

    /// A run that people cleared before its start begins without one, whatever the rate is.
    fn check_rate(
        &self,
        dag: DagKey,
        key: &Arc<str>,
        bounds: &Concurrency,
        started: Option<Timestamp>,
        seen: &mut Seen<'_>,
    ) -> Result<(), String> {
        let (Some(rate), Some(last)) = (bounds.rate_limit, started) else {
            return Ok(());
        };
        let first = last.minus(rate.per);
        let is_counted = |run: &RunId| {
            let row = seen.tables.run_row(*run);
            let own = row.filter(|row| row.stored.concurrency_key.as_ref() == Some(key));
            let started = own.and_then(|row| row.update.as_ref()?.started);
            started.is_some_and(|at| at > first && at <= last)
        };
        let runs = self.runs.iter();
        let of_dag = runs.filter(|(_, run)| run.dag == dag && !run.was_operated);
        let count = of_dag.filter(|(run, _)| is_counted(run)).count() as u64;
        seen.coverage.add("audited: starts of a key");
        if count <= rate.runs.into() {
            return Ok(());
        }
        Err(format!(
            "{count} runs of the DAG {dag:?} with the key {key:?} started within {}, and {} may",
            rate.per, rate.runs
        ))
    }
}
