//! Instances that wait for the end of another run, by the run that they wait for.
//!
//! All runs of a tenant belong to one shard, so the shard sees every end that one of its instances
//! may wait for. A wait is *pending* while the database is to be asked whether it has ended: when it
//! is new, after a takeover, and when a turn that ended its run is committed. Nothing is stored but
//! the wait itself, beside the instance.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use weft_core::{
    document::TaskIndex,
    id::{DagId, TenantId},
    run::Instance,
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};

/// An instance that waits.
pub(crate) type Waiter = (RunId, Instance);
/// A run that there need not be yet.
pub(crate) type Dated = (TenantId, DagId, Timestamp);

/// The waits of a shard.
#[derive(Debug, Default)]
pub(crate) struct RunWaits {
    /// What each waits for. An instance that waits no more may still be here.
    waits: BTreeMap<Waiter, Wait>,
    by_run: HashMap<RunId, BTreeSet<Waiter>>,
    by_date: HashMap<Dated, BTreeSet<Waiter>>,
    pending: BTreeSet<Waiter>,
}

impl RunWaits {
    pub(crate) fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    /// Adds a wait whose run may have ended already.
    pub(crate) fn add(&mut self, waiter: Waiter, wait: Wait) {
        self.waits.insert(waiter, wait);
        self.pending.insert(waiter);
    }

    /// Adds a wait for a run that this turn creates.
    pub(crate) fn add_called(&mut self, waiter: Waiter, run: RunId) {
        self.waits.insert(waiter, Wait::Call(run));
        self.by_run.entry(run).or_default().insert(waiter);
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Up to `most` waits that are pending.
    pub(crate) fn pending(&self, most: usize) -> Vec<(Waiter, Wait)> {
        let pending = self.pending.iter().take(most);
        pending
            .filter_map(|waiter| Some((*waiter, self.waits.get(waiter)?.clone())))
            .collect()
    }

    /// Records that this run, which a wait is for, has not ended.
    pub(crate) fn wait_for_run(&mut self, waiter: Waiter, run: RunId) {
        self.pending.remove(&waiter);
        self.by_run.entry(run).or_default().insert(waiter);
    }

    /// Records that there is no run yet that a wait is for.
    pub(crate) fn wait_for_date(&mut self, waiter: Waiter, dated: Dated) {
        self.pending.remove(&waiter);
        self.by_date.entry(dated).or_default().insert(waiter);
    }

    /// Removes a wait that is over.
    pub(crate) fn remove(&mut self, waiter: Waiter) {
        self.pending.remove(&waiter);
        self.waits.remove(&waiter);
    }

    /// A run's end is committed: what waits for it, or for a run of its DAG and date, is pending.
    pub(crate) fn run_ended(&mut self, run: RunId, dated: Option<&Dated>) {
        let mut ended = self.by_run.remove(&run).unwrap_or_default();
        match dated {
            Some(dated) => ended.extend(self.by_date.remove(dated).unwrap_or_default()),
            // Its DAG and date are not in memory, so that it may be any of them.
            None => ended.extend(self.by_date.drain().flat_map(|(_, waiters)| waiters)),
        }
        // Some wait no more.
        let waits = &self.waits;
        let ended = ended.into_iter();
        self.pending
            .extend(ended.filter(|waiter| waits.contains_key(waiter)));
    }

    /// Has everything that is waited for looked up again.
    pub(crate) fn look_up_all(&mut self) {
        self.by_run.clear();
        self.by_date.clear();
        self.pending.extend(self.waits.keys());
    }

    /// A run that was called gets another id; returns what waits for it.
    pub(crate) fn rename_called_run(&mut self, old: RunId, new: RunId) -> BTreeSet<Waiter> {
        let waiters = self.by_run.remove(&old).unwrap_or_default();
        for waiter in &waiters {
            self.add_called(*waiter, new);
        }
        waiters
    }

    /// Removes the waits of a run that leaves memory.
    pub(crate) fn forget_run(&mut self, run: RunId) {
        let first = Instance {
            task: TaskIndex(0),
            index: 0,
        };
        let from_run = self.waits.range((run, first)..).map(|(waiter, _)| *waiter);
        let of_run: Vec<Waiter> = from_run.take_while(|(of, _)| *of == run).collect();
        let mut has_dates = false;
        for waiter in of_run {
            let Some(wait) = self.waits.remove(&waiter) else {
                continue;
            };
            self.pending.remove(&waiter);
            has_dates |= matches!(wait, Wait::Dag { .. });
            if let Wait::Run(target) | Wait::Call(target) = wait
                && let Some(waiters) = self.by_run.get_mut(&target)
            {
                waiters.remove(&waiter);
                if waiters.is_empty() {
                    self.by_run.remove(&target);
                }
            }
        }
        if has_dates {
            self.by_date.retain(|_, waiters| {
                waiters.retain(|(of, _)| *of != run);
                !waiters.is_empty()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: i64) -> RunId {
        RunId::from_i64(number).unwrap()
    }

    fn waiter(number: i64) -> Waiter {
        let task = TaskIndex(0);
        (run(number), Instance { task, index: 0 })
    }

    fn dated(date: i64) -> Dated {
        let dag = "daily".parse().unwrap();
        (TenantId::default(), dag, Timestamp(date))
    }

    fn pending(waits: &RunWaits) -> Vec<Waiter> {
        let pending = waits.pending(10).into_iter();
        pending.map(|(waiter, _)| waiter).collect()
    }

    #[test]
    fn a_wait_is_looked_up_when_it_is_new_and_when_its_run_has_ended() {
        let mut waits = RunWaits::default();
        waits.add(waiter(1), Wait::Run(run(9)));
        assert_eq!(pending(&waits), [waiter(1)]);
        waits.wait_for_run(waiter(1), run(9));
        assert!(!waits.has_pending());
        waits.run_ended(run(8), Some(&dated(0)));
        assert!(!waits.has_pending());
        waits.run_ended(run(9), Some(&dated(0)));
        assert_eq!(pending(&waits), [waiter(1)]);
        waits.remove(waiter(1));
        assert!(waits.is_empty() && !waits.has_pending());
    }

    #[test]
    fn a_wait_for_a_date_is_looked_up_when_a_run_of_the_date_has_ended() {
        let mut waits = RunWaits::default();
        let (_, dag, logical_date) = dated(5);
        waits.add(waiter(1), Wait::Dag { dag, logical_date });
        waits.wait_for_date(waiter(1), dated(5));
        waits.run_ended(run(9), Some(&dated(4)));
        assert!(!waits.has_pending());
        waits.run_ended(run(9), Some(&dated(5)));
        assert_eq!(pending(&waits), [waiter(1)]);
        waits.wait_for_date(waiter(1), dated(5));
        waits.run_ended(run(9), None);
        assert_eq!(pending(&waits), [waiter(1)], "its date is unknown");
    }

    #[test]
    fn a_wait_that_ended_otherwise_is_not_looked_up_again() {
        let mut waits = RunWaits::default();
        waits.add_called(waiter(1), run(9));
        waits.remove(waiter(1));
        waits.run_ended(run(9), None);
        assert!(!waits.has_pending());
    }

    #[test]
    fn a_called_run_that_gets_another_id_ends_the_wait_under_that_one() {
        let mut waits = RunWaits::default();
        waits.add_called(waiter(1), run(9));
        assert!(!waits.has_pending());
        assert_eq!(
            waits.rename_called_run(run(9), run(10)),
            [waiter(1)].into_iter().collect()
        );
        waits.run_ended(run(10), None);
        assert_eq!(waits.pending(10), [(waiter(1), Wait::Call(run(10)))]);
    }

    #[test]
    fn a_run_that_leaves_memory_leaves_nothing_behind() {
        let mut waits = RunWaits::default();
        waits.add_called(waiter(1), run(9));
        waits.add_called(waiter(2), run(9));
        let (_, dag, logical_date) = dated(5);
        waits.add(waiter(3), Wait::Dag { dag, logical_date });
        waits.wait_for_date(waiter(3), dated(5));
        for number in 1..=3 {
            waits.forget_run(run(number));
        }
        assert!(waits.is_empty() && waits.by_run.is_empty() && waits.by_date.is_empty());
        waits.run_ended(run(9), None);
        assert!(!waits.has_pending());
    }
}
