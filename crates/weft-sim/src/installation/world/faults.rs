//! Faults of a world as a whole.

use super::World;
use crate::installation::{audit::Past, operators::Operators, tables::Tables, truth::Truth};
use std::time::Duration;
use tokio::time::Instant;

impl World {
    /// Injects one fault.
    pub(super) fn inject_fault(&mut self, now: Instant) {
        let shared = self.shared.clone();
        let mut truth = shared.lock();
        self.next_fault = now + truth.random.next_fault();
        if let Some(span) = truth.random.blobs_away() {
            truth.fault("fault: blob store away");
            truth.note(|| format!("the blob store is away for {span:?}"));
            truth.blobs_down_until = Some(now + span);
        }
        let who = truth.random.rng.usize(0..self.schedulers.len());
        match truth.random.rng.u32(0..21) {
            0..=6 => {
                if let Some(process) = &mut self.schedulers[who].process {
                    process.crash_in.get_or_insert(truth.random.rng.u32(0..80));
                }
            }
            7..=8 => {
                let span = truth.random.span(200, 9_000);
                if let Some(process) = &mut self.schedulers[who].process {
                    truth.fault("fault: process suspended");
                    truth.note(|| format!("scheduler {who} is suspended for {span:?}"));
                    process.suspended_until = Some(now + span);
                    truth.hinder_renewals(who, span);
                }
            }
            9 => {
                truth.fault("fault: scheduler restarted");
                if let Some(process) = &mut self.schedulers[who].process {
                    process.request_stop();
                }
            }
            10..=11 => {
                let by = truth.random.rng.i64(-20_000..30_000);
                let kind = if by < 0 {
                    "fault: database's clock set back"
                } else {
                    "fault: database's clock set forth"
                };
                truth.fault(kind);
                truth.note(|| format!("the database's clock jumps by {by} ms"));
                truth.clock.jump(by);
                truth.hinder_all_renewals(Duration::ZERO);
            }
            12..=13 => {
                let span = truth.random.span(100, 7_000);
                truth.fault("fault: database away");
                truth.note(|| format!("the database is away for {span:?}"));
                truth.store_down_until = Some(now + span);
                truth.hinder_all_renewals(span);
            }
            14 => {
                let span = truth.random.span(100, 7_000);
                truth.fault("fault: broker away");
                truth.broker_down_until = Some(now + span);
            }
            15 => poison(&mut truth),
            20 if self.failovers >= MAX_FAILOVERS => {}
            20 => {
                let replica = Replica {
                    tables: truth.tables.clone(),
                    past: truth.auditor.past(),
                    people: self.people.clone(),
                    takes_over: now + truth.random.span(5, 2_000),
                };
                self.replica.get_or_insert(replica);
            }
            _ if self.embedded => {}
            16..=17 => {
                truth.fault("fault: broker lost everything");
                truth.note(|| "the broker loses everything".into());
                truth.broker_state.lose_everything(now);
            }
            18 => {
                truth.fault("fault: worker killed");
                let workers = truth.workers.len();
                let at = truth.random.rng.usize(0..workers);
                self.lives += 1;
                truth.kill_worker(at, self.lives);
            }
            _ => {
                truth.fault("fault: worker cut off");
                let span = truth.random.span(500, 9_000);
                let workers = truth.workers.len();
                let at = truth.random.rng.usize(0..workers);
                truth.workers[at].cut_until = Some(now + span);
            }
        }
    }
}

/// How often the database of one world may lose what it acknowledged: a world that does nothing
/// else gets nowhere.
const MAX_FAILOVERS: u32 = 3;

/// A copy of the database that stopped following it, and takes its place later.
pub(super) struct Replica {
    tables: Tables,
    past: Past,
    people: Operators,
    takes_over: Instant,
}

impl World {
    /// When the replica takes the database's place, if there is one.
    pub(super) fn next_failover(&self) -> Option<Instant> {
        self.replica.as_ref().map(|replica| replica.takes_over)
    }

    /// Puts the replica in the database's place: what was committed since it stopped to follow
    /// is lost, although it was acknowledged.
    pub(super) fn fail_over(&mut self, now: Instant) {
        let Some(replica) = self.replica.take_if(|replica| replica.takes_over <= now) else {
            return;
        };
        self.failovers += 1;
        let shared = self.shared.clone();
        let mut truth = shared.lock();
        truth.auditor.go_back(replica.past);
        self.people.go_back(replica.people);
        if truth.tables.go_back(replica.tables) {
            truth.fault("fault: database lost what it acknowledged");
        }
        // Renewals among it.
        truth.hinder_all_renewals(Duration::ZERO);
        truth.note(|| "the database loses what it acknowledged".into());
    }
}

/// From now on the database refuses what is written of one run.
fn poison(truth: &mut Truth) {
    if !truth.tables.unwritable.is_empty() || !truth.random.percent(10) {
        return;
    }
    let open = truth
        .tables
        .run_rows()
        .find(|(_, row)| !row.state().is_ended())
        .map(|(id, _)| id);
    if let Some(id) = open {
        truth.note(|| format!("run {id} can't be written any more"));
        truth.tables.unwritable.insert(id);
    }
}
