//! The auditor's bound on work, in rows and calls: an event costs what it touches, whatever has
//! happened before.

use crate::installation::call::Call;
use std::collections::BTreeMap;
use weft_core::{
    run::{Attempt, Instance},
    run_id::RunId,
};
use weft_store::{InstanceTag, Turn};

/// Rows that a turn may write for each event and each thing that followed from it.
const ROWS_EACH: u64 = 4;
/// Rows for an attempt that is released: one that removes its worker, and one that records who
/// has it next.
const ROWS_FOR_RELEASED: u64 = 2;
/// Rows that a turn may write besides.
const ROWS_BESIDES: u64 = 4;

/// Calls and rows so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Work {
    /// By call: how many there were, and how many rows they read.
    pub calls: BTreeMap<&'static str, (u64, u64)>,
    /// Turns that were written.
    pub turns: u64,
    /// Rows that they wrote.
    pub rows_written: u64,
    /// Events that they recorded.
    pub events: u64,
    /// How often the row of an attempt was written as running, by epoch.
    shown: BTreeMap<(i64, RunId, Instance, u32), u64>,
    /// How many releases of attempts a scheduler received.
    released: BTreeMap<(RunId, Instance, u32), u64>,
}

impl Work {
    /// A read.
    pub fn read(&mut self, call: Call, rows: usize) {
        let (calls, total) = self.calls.entry(call.name()).or_default();
        *calls += 1;
        *total += rows as u64;
    }

    /// Records that a scheduler received a worker's release of this attempt.
    pub fn released(&mut self, run: RunId, attempt: Attempt) {
        let attempt = (run, attempt.instance, attempt.number);
        *self.released.entry(attempt).or_default() += 1;
    }

    /// A turn that was written. That an attempt runs is written later than the event that says
    /// so, and counts by itself.
    pub fn turn(&mut self, turn: &Turn, events: u64, actions: u64) -> Result<(), String> {
        let rows = turn.new_runs.len()
            + turn.runs.len()
            + turn.events.len()
            + turn.cleared.len()
            + turn.attempts.len()
            + turn.tasks.len();
        let (running, others): (Vec<_>, Vec<_>) = turn
            .instances
            .iter()
            .partition(|row| row.state == InstanceTag::Running);
        for row in &running {
            let attempt = (row.run, row.instance, row.number);
            let released = self.released.get(&attempt).copied().unwrap_or_default();
            let (run, instance, number) = attempt;
            let shown = (turn.lease.epoch, run, instance, number);
            let times = self.shown.entry(shown).or_default();
            *times += 1;
            if *times > ROWS_EACH + ROWS_FOR_RELEASED * released {
                return Err(format!("{attempt:?} was written as running {times} times"));
            }
        }
        let rows = (rows + others.len()) as u64;
        let others = (turn.commands.len() + turn.timetables.len() + turn.new_runs.len()) as u64;
        self.turns += 1;
        self.rows_written += rows + running.len() as u64 + others;
        self.events += events;
        let most = ROWS_EACH * (events + actions) + others + ROWS_BESIDES;
        if rows > most {
            return Err(format!(
                "a turn wrote {rows} rows for {events} events and {actions} things that followed"
            ));
        }
        Ok(())
    }

    /// Whether what was read besides recovery fits what happened: a few rows
    /// for each event, a few for each look, and some again for each fault.
    pub fn check(&self, faults: u64) -> Result<(), String> {
        let steady = [
            Call::QueuedRuns,
            Call::DagsWithQueuedRuns,
            Call::NextQueued,
            Call::Commands,
            Call::ShardState,
        ];
        let (mut looks, mut rows) = (0, 0);
        for call in steady {
            let (calls, read) = self.calls.get(call.name()).copied().unwrap_or_default();
            looks += calls;
            rows += read;
        }
        let most = 4 * looks + 4 * self.events + 40 * faults;
        if rows > most {
            return Err(format!(
                "{rows} rows were read in {looks} looks for {} events",
                self.events
            ));
        }
        Ok(())
    }
}
