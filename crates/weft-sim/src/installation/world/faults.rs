//! Faults of a world as a whole.

use super::World;
use crate::installation::truth::Truth;
use std::time::Duration;
use tokio::time::Instant;

impl World {
    /// Injects one fault.
    pub(super) fn inject_fault(&mut self, now: Instant) {
        let shared = self.shared.clone();
        let mut truth = shared.lock();
        self.next_fault = now + truth.random.next_fault();
        let who = truth.random.rng.usize(0..self.schedulers.len());
        match truth.random.rng.u32(0..20) {
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
