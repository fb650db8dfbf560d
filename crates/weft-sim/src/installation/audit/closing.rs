//! When a healed world has come to rest: everything that was acknowledged ended
//! right, and nothing is left anywhere.

use super::Auditor;
use crate::installation::{truth::Truth, worker::Worker};
use std::collections::BTreeMap;
use weft_core::{
    run::{Instance, RunState},
    run_id::RunId,
};
use weft_store::{DagKey, RunKind};

impl Truth {
    /// What is still to be done, if anything is.
    pub fn unfinished(&self) -> Option<String> {
        let runs = self.tables.run_rows();
        let open = runs
            .filter(|(_, row)| !row.state().is_ended())
            .map(|(id, row)| format!("run {id} is {:?}", row.state()));
        let commands = self.tables.unanswered_commands();
        let commands = commands.map(|id| format!("command {} waits", id.0));
        let workers = self.workers.iter().filter_map(Worker::leftovers);
        let mut left = open
            .chain(commands)
            .chain(workers)
            .chain(self.unused_update())
            .chain(self.broker_state.leftovers());
        left.next()
    }

    /// How many runs have ended.
    pub fn ended_runs(&self) -> usize {
        let runs = self.tables.run_rows();
        runs.filter(|(_, row)| row.state().is_ended()).count()
    }

    /// What must hold at the end.
    pub fn close(&self) -> Result<(), String> {
        if let Some(left) = self.unfinished() {
            return Err(format!("the world was healed, and {left}"));
        }
        if let Some(shard) = self.tables.owned_shard() {
            let shard = shard.0;
            return Err(format!(
                "every scheduler has ended, and shard {shard} is owned"
            ));
        }
        self.auditor.work.check(self.coverage.faults())?;
        self.check_calls()?;
        for (id, row) in self.tables.run_rows() {
            if let Some(run) = self.auditor.runs.get(&id) {
                run.check_end(id, row.state(), &self.tables)?;
            }
        }
        let idle = &self.auditor.active;
        let kept: u64 = idle.shards.values().sum();
        if kept > 0 {
            return Err(format!(
                "all runs have ended, and {kept} instances are active"
            ));
        }
        Ok(())
    }

    /// Each call that was committed created at most one run.
    fn check_calls(&self) -> Result<(), String> {
        let mut called: BTreeMap<(RunId, Instance), usize> = BTreeMap::new();
        for caller in self.tables.callers() {
            *called.entry(caller).or_default() += 1;
        }
        for ((run, instance), runs) in called {
            let watched = self.auditor.runs.get(&run);
            let calls = watched.and_then(|watched| watched.calls.get(&instance));
            if watched.is_some_and(|watched| !watched.broken)
                && calls.is_none_or(|calls| *calls < runs)
            {
                return Err(format!(
                    "{instance:?} of run {run} called {runs} runs by {calls:?} deferrals"
                ));
            }
        }
        Ok(())
    }

    /// The dates of a timetable with catchup have a run each, without a gap.
    pub fn check_dates(&self, dag: DagKey, span_ms: i64) -> Result<(), String> {
        let mut dates: Vec<i64> = self
            .tables
            .run_rows()
            .filter(|(_, row)| row.stored.dag == dag && row.stored.kind == RunKind::Scheduled)
            .map(|(_, row)| row.stored.logical_date.0)
            .collect();
        dates.sort_unstable();
        match dates.windows(2).find(|pair| pair[1] - pair[0] != span_ms) {
            None => Ok(()),
            Some(gap) => Err(format!(
                "dates of {dag:?} between {} and {} have no run",
                gap[0], gap[1]
            )),
        }
    }
}

impl Auditor {
    /// Events that were committed so far.
    pub const fn events(&self) -> u64 {
        self.work.events
    }
}

impl super::state::Watched {
    fn check_end(
        &self,
        id: weft_core::run_id::RunId,
        state: RunState,
        tables: &crate::installation::tables::Tables,
    ) -> Result<(), String> {
        if self.broken {
            return Ok(());
        }
        if state != self.machine.state() {
            return Err(format!(
                "run {id} ended as {state:?}, its events as {:?}",
                self.machine.state()
            ));
        }
        if self.was_operated {
            // Numbers continue after a clear, so they do not count attempts.
            return Ok(());
        }
        for task in self.parsed.plan.tasks() {
            for index in 0..self.machine.instances_of(task) {
                let instance = weft_core::run::Instance { task, index };
                let attempted = self
                    .machine
                    .next_number(instance)
                    .is_some_and(|next| next > 1);
                let row = tables.instances.get(&(id, instance));
                if attempted && row.is_none_or(|row| row.ended.is_none()) {
                    return Err(format!(
                        "{instance:?} of run {id} has ended, and its row is {row:?}"
                    ));
                }
            }
        }
        Ok(())
    }
}
