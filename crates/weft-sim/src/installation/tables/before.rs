//! What tasks need to know of the run before theirs.

use super::{Tables, operating::is_dated};
use weft_core::{
    document::TaskIndex,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::Timestamp,
    wait::TaskEnd,
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

    /// See `RunStore::task_ends`.
    pub fn task_ends(&self, tasks: &[(RunId, TaskIndex)]) -> Vec<(RunId, TaskIndex, TaskEnd)> {
        let end = |(run, task): &(RunId, TaskIndex)| {
            let instance = |index| (*run, Instance { task: *task, index });
            let rows = self.instances.range(instance(0)..=instance(u32::MAX));
            let summary = self.summaries.get(&(*run, *task));
            // The summary of a task that is not mapped is as old as its last clear: only ends count.
            let mut counts = summary.map_or_else(Counts::default, |summary| Counts {
                success: summary.counts.success,
                failed: summary.counts.failed,
                skipped: summary.counts.skipped,
                upstream_failed: summary.counts.upstream_failed,
                cancelled: summary.counts.cancelled,
                ..Counts::default()
            });
            for (_, row) in rows {
                match row.state {
                    InstanceTag::Success => counts.success += 1,
                    InstanceTag::Failed => counts.failed += 1,
                    InstanceTag::Skipped => counts.skipped += 1,
                    InstanceTag::UpstreamFailed => counts.upstream_failed += 1,
                    InstanceTag::Cancelled => counts.cancelled += 1,
                    _ => {}
                }
            }
            Some((*run, *task, TaskEnd::of(&counts)?))
        };
        tasks.iter().filter_map(end).collect()
    }
}
