//! Crash records of tasks.

use super::Tables;
use weft_core::{
    run::RunState,
    suspicion::{Blamed, Crash},
};
use weft_store::{CrashUpdate, DagKey, ShardId};

impl Tables {
    /// See `RunStore::crashes`.
    pub fn crashes(&self, shard: ShardId) -> Vec<(Blamed, Crash)> {
        let is_of_shard = |dag| {
            self.dags
                .get(&DagKey(dag))
                .is_some_and(|row| row.shard == shard)
        };
        let goes_on = |run| {
            self.runs
                .get(run)
                .is_some_and(|row| row.state() == RunState::Running)
        };
        self.crashes
            .values()
            .filter(|(blamed, _)| is_of_shard(blamed.dag))
            .filter(|(_, crash)| !crash.absolved || goes_on(&crash.run))
            .cloned()
            .collect()
    }

    /// See `RunStore::record_crashes`.
    pub fn record_crashes(&mut self, news: &[CrashUpdate]) {
        for one in news {
            match one {
                CrashUpdate::Counted(blamed, crash) => {
                    self.crashes
                        .entry((crash.run, crash.instance, crash.number))
                        .or_insert_with(|| (blamed.clone(), crash.clone()));
                }
                CrashUpdate::Absolved(blamed) => {
                    for (_, crash) in self.crashes.values_mut().filter(|(of, _)| of == blamed) {
                        crash.absolved = true;
                    }
                }
                CrashUpdate::Cleared { run, task } => {
                    self.crashes.retain(|(of, instance, _), (_, crash)| {
                        of != run || instance.task != *task || !crash.absolved
                    });
                }
            }
        }
    }
}
