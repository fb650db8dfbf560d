//! What tasks need to know of the run before theirs.

use super::{Tables, operating::is_dated};
use weft_core::{
    document::TaskIndex,
    run::{Instance, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, InstanceTag, RunBefore};

impl Tables {
    /// See `RunStore::runs_before`.
    pub fn runs_before(&self, dates: &[(DagKey, Timestamp)]) -> Vec<Option<RunBefore>> {
        let find = |(dag, date): &(DagKey, Timestamp)| {
            let earlier = self.runs.iter().filter(|(_, row)| {
                let stored = &row.stored;
                is_dated(stored.kind)
                    && row.state() != RunState::Pending
                    && stored.dag == *dag
                    && stored.logical_date < *date
            });
            let (run, row) = earlier.max_by_key(|(_, row)| row.stored.logical_date)?;
            Some(RunBefore {
                run: *run,
                version: row.stored.version,
                state: row.state(),
            })
        };
        dates.iter().map(find).collect()
    }

    /// See `RunStore::failed_tasks`.
    pub fn failed_tasks(&self, tasks: &[(RunId, TaskIndex)]) -> Vec<(RunId, TaskIndex)> {
        let has_failed = |(run, task): &&(RunId, TaskIndex)| {
            let instance = |index| (*run, Instance { task: *task, index });
            let rows = self.instances.range(instance(0)..=instance(u32::MAX));
            let mut states = rows.map(|(_, row)| row.state);
            let summary = self.summaries.get(&(*run, *task));
            states.any(|state| {
                matches!(
                    state,
                    InstanceTag::Failed | InstanceTag::UpstreamFailed | InstanceTag::Cancelled
                )
            }) || summary.is_some_and(|summary| {
                let counts = summary.counts;
                counts.failed + counts.upstream_failed + counts.cancelled > 0
            })
        };
        tasks.iter().filter(has_failed).copied().collect()
    }
}
