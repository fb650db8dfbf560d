//! Instances that wait for another run, for a task of one, or for an update of an asset, by what they wait for.
//!
//! All runs of a tenant belong to one shard, so the shard sees every end that one of its instances
//! may wait for, and every update by a task. A wait is *pending* while the database is to be asked whether
//! it is over: when it is new, after a takeover, and when a turn is committed that ended its run or task, or
//! updated its asset. Updates that are reported from outside are found by the count of changes of each asset.
//! Nothing is stored but the wait itself, beside the instance.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
    ops::Bound,
};
use weft_core::{
    asset::AssetName,
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
/// An asset that there need not be yet.
pub(crate) type AssetOf = (TenantId, AssetName);

/// The waits of a shard.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    /// What each waits for. An instance that waits no more may still be here.
    all: BTreeMap<Waiter, Waiting>,
    by_run: HashMap<RunId, BTreeSet<Waiter>>,
    by_date: HashMap<Dated, BTreeSet<Waiter>>,
    /// Those that wait for a task, by its run; they are in `by_run` as well.
    by_task: HashMap<RunId, BTreeMap<Waiter, TaskIndex>>,
    by_asset: BTreeMap<AssetOf, AssetWaits>,
    /// The asset whose changes were looked up last.
    last_asset: Option<AssetOf>,
    pending: BTreeSet<Waiter>,
}

/// One wait.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// The tenant of the instance, and of what it waits for.
    pub(crate) tenant: TenantId,
    pub(crate) wait: Wait,
}

/// The waits for one asset.
#[derive(Debug, Default)]
struct AssetWaits {
    /// How often it had changed when that was looked up last.
    changes: Option<i64>,
    waiters: BTreeSet<Waiter>,
}

impl Waits {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Adds a wait that may be over already.
    pub(crate) fn add(&mut self, waiter: Waiter, waiting: Waiting) {
        self.all.insert(waiter, waiting);
        self.pending.insert(waiter);
    }

    /// Adds a wait for a run that this turn creates.
    pub(crate) fn add_called(&mut self, waiter: Waiter, tenant: TenantId, run: RunId) {
        let wait = Wait::Call(run);
        self.all.insert(waiter, Waiting { tenant, wait });
        self.by_run.entry(run).or_default().insert(waiter);
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Up to `most` waits that are pending.
    pub(crate) fn pending(&self, most: usize) -> Vec<(Waiter, Waiting)> {
        let pending = self.pending.iter().take(most);
        pending
            .filter_map(|waiter| Some((*waiter, self.all.get(waiter)?.clone())))
            .collect()
    }

    /// Records that this run, which a wait is for, has not ended.
    pub(crate) fn wait_for_run(&mut self, waiter: Waiter, run: RunId) {
        self.pending.remove(&waiter);
        self.by_run.entry(run).or_default().insert(waiter);
    }

    /// Records that this task of a run, which a wait is for, has not ended.
    pub(crate) fn wait_for_task(&mut self, waiter: Waiter, run: RunId, task: TaskIndex) {
        self.wait_for_run(waiter, run);
        self.by_task.entry(run).or_default().insert(waiter, task);
    }

    /// Records that the update that a wait is for has not come.
    pub(crate) fn wait_for_asset(&mut self, waiter: Waiter, asset: AssetOf) {
        self.pending.remove(&waiter);
        self.by_asset
            .entry(asset)
            .or_default()
            .waiters
            .insert(waiter);
    }

    /// Records that there is no run yet that a wait is for.
    pub(crate) fn wait_for_date(&mut self, waiter: Waiter, dated: Dated) {
        self.pending.remove(&waiter);
        self.by_date.entry(dated).or_default().insert(waiter);
    }

    /// Removes a wait that is over.
    pub(crate) fn remove(&mut self, waiter: Waiter) {
        self.pending.remove(&waiter);
        let Some(Waiting { tenant, wait }) = self.all.remove(&waiter) else {
            return;
        };
        match wait {
            Wait::Run(run) | Wait::Call(run) => remove_from(&mut self.by_run, &run, waiter),
            Wait::RunTask { run, task: _ } => {
                remove_from(&mut self.by_run, &run, waiter);
                if let Some(waiting) = self.by_task.get_mut(&run) {
                    waiting.remove(&waiter);
                    if waiting.is_empty() {
                        self.by_task.remove(&run);
                    }
                }
            }
            // The run that was found for the date keeps the waiter until it ends.
            Wait::Dag { dag, logical_date }
            | Wait::DagTask {
                dag, logical_date, ..
            } => remove_from(&mut self.by_date, &(tenant, dag, logical_date), waiter),
            Wait::Asset { asset, .. } => {
                let asset = (tenant, asset);
                if let Some(waits) = self.by_asset.get_mut(&asset) {
                    waits.waiters.remove(&waiter);
                    if waits.waiters.is_empty() {
                        self.by_asset.remove(&asset);
                    }
                }
            }
            Wait::Event(_) | Wait::Approval { .. } => {}
        }
    }

    /// A run's end is committed: what waits for it, or for a run of its DAG and date, is pending.
    pub(crate) fn run_ended(&mut self, run: RunId, dated: Option<&Dated>) {
        let mut ended = self.by_run.remove(&run).unwrap_or_default();
        self.by_task.remove(&run);
        match dated {
            Some(dated) => ended.extend(self.by_date.remove(dated).unwrap_or_default()),
            // Its DAG and date are not in memory, so that it may be any of them.
            None => ended.extend(self.by_date.drain().flat_map(|(_, waiters)| waiters)),
        }
        self.look_up(ended);
    }

    /// Changes of a run are committed: what waits for a task of it that has ended is pending.
    pub(crate) fn run_changed(&mut self, run: RunId, has_ended: impl Fn(TaskIndex) -> bool) {
        let Some(waiting) = self.by_task.get_mut(&run) else {
            return;
        };
        let ended = waiting.extract_if(.., |_, task| has_ended(*task));
        let ended: BTreeSet<Waiter> = ended.map(|(waiter, _)| waiter).collect();
        if waiting.is_empty() {
            self.by_task.remove(&run);
        }
        self.look_up(ended);
    }

    /// A run of this DAG and date is committed: what waited before there was one is pending.
    pub(crate) fn run_appeared(&mut self, dated: &Dated) {
        if let Some(waiters) = self.by_date.remove(dated) {
            self.look_up(waiters);
        }
    }

    /// Whether something waits for an asset.
    pub(crate) fn has_assets(&self) -> bool {
        !self.by_asset.is_empty()
    }

    /// An update of an asset is committed: what waits for it is pending.
    pub(crate) fn asset_updated(&mut self, asset: &AssetOf) {
        if let Some(waits) = self.by_asset.remove(asset) {
            self.look_up(waits.waiters);
        }
    }

    /// The next assets whose changes are to be looked up, at most so many. Several calls go round all of them.
    pub(crate) fn next_assets(&mut self, most: usize) -> Vec<AssetOf> {
        // What waited for these is over.
        self.by_asset.retain(|_, waits| !waits.waiters.is_empty());
        let after = match self.last_asset.take() {
            Some(last) => Bound::Excluded(last),
            None => Bound::Unbounded,
        };
        let later = self.by_asset.range((after, Bound::Unbounded));
        let later: Vec<AssetOf> = later.take(most).map(|(asset, _)| asset.clone()).collect();
        if later.len() == most {
            self.last_asset = later.last().cloned();
        }
        later
    }

    /// Records how often an asset has changed. Unless that is known, what waits for it is pending.
    pub(crate) fn asset_changes(&mut self, asset: &AssetOf, changes: i64) {
        let Some(waits) = self.by_asset.get_mut(asset) else {
            return;
        };
        if waits.changes.replace(changes) != Some(changes) {
            let waiters = std::mem::take(&mut waits.waiters);
            self.look_up(waiters);
        }
    }

    /// Makes waits pending.
    fn look_up(&mut self, waiters: BTreeSet<Waiter>) {
        // Some wait no more.
        let all = &self.all;
        let waiters = waiters.into_iter();
        self.pending
            .extend(waiters.filter(|waiter| all.contains_key(waiter)));
    }

    /// Has everything that is waited for looked up again.
    pub(crate) fn look_up_all(&mut self) {
        self.by_run.clear();
        self.by_date.clear();
        self.by_task.clear();
        self.by_asset.clear();
        self.pending.extend(self.all.keys());
    }

    /// A run that was called gets another id; returns what waits for it.
    pub(crate) fn rename_called_run(&mut self, old: RunId, new: RunId) -> BTreeSet<Waiter> {
        let waiters = self.by_run.remove(&old).unwrap_or_default();
        for waiter in &waiters {
            if let Some(waiting) = self.all.get(waiter) {
                self.add_called(*waiter, waiting.tenant.clone(), new);
            }
        }
        waiters
    }

    /// Removes the waits of a run that leaves memory.
    pub(crate) fn forget_run(&mut self, run: RunId) {
        let first = Instance {
            task: TaskIndex(0),
            index: 0,
        };
        let from_run = self.all.range((run, first)..).map(|(waiter, _)| *waiter);
        let of_run: Vec<Waiter> = from_run.take_while(|(of, _)| *of == run).collect();
        for waiter in of_run {
            self.remove(waiter);
        }
    }
}

fn remove_from<K: Eq + Hash>(all: &mut HashMap<K, BTreeSet<Waiter>>, key: &K, waiter: Waiter) {
    if let Some(waiters) = all.get_mut(key) {
        waiters.remove(&waiter);
        if waiters.is_empty() {
            all.remove(key);
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

    fn waiting(wait: Wait) -> Waiting {
        let tenant = TenantId::default();
        Waiting { tenant, wait }
    }

    fn dated(date: i64) -> Dated {
        let dag = "daily".parse().unwrap();
        (TenantId::default(), dag, Timestamp(date))
    }

    fn pending(waits: &Waits) -> Vec<Waiter> {
        let pending = waits.pending(10).into_iter();
        pending.map(|(waiter, _)| waiter).collect()
    }

    #[test]
    fn a_wait_is_looked_up_when_it_is_new_and_when_its_run_has_ended() {
        let mut waits = Waits::default();
        waits.add(waiter(1), waiting(Wait::Run(run(9))));
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
        let mut waits = Waits::default();
        let (_, dag, logical_date) = dated(5);
        waits.add(waiter(1), waiting(Wait::Dag { dag, logical_date }));
        waits.wait_for_date(waiter(1), dated(5));
        waits.run_ended(run(9), Some(&dated(4)));
        assert!(!waits.has_pending());
        waits.run_ended(run(9), Some(&dated(5)));
        assert_eq!(pending(&waits), [waiter(1)]);
        waits.wait_for_date(waiter(1), dated(5));
        waits.run_ended(run(9), None);
        assert_eq!(pending(&waits), [waiter(1)], "its date is unknown");
        waits.wait_for_date(waiter(1), dated(5));
        waits.run_appeared(&dated(4));
        assert!(!waits.has_pending());
        waits.run_appeared(&dated(5));
        assert_eq!(pending(&waits), [waiter(1)], "there is a run now");
    }

    #[test]
    fn a_wait_that_ended_otherwise_is_not_looked_up_again() {
        let mut waits = Waits::default();
        waits.add_called(waiter(1), TenantId::default(), run(9));
        waits.remove(waiter(1));
        waits.run_ended(run(9), None);
        assert!(!waits.has_pending());
    }

    #[test]
    fn a_called_run_that_gets_another_id_ends_the_wait_under_that_one() {
        let mut waits = Waits::default();
        waits.add_called(waiter(1), TenantId::default(), run(9));
        assert!(!waits.has_pending());
        assert_eq!(
            waits.rename_called_run(run(9), run(10)),
            [waiter(1)].into_iter().collect()
        );
        waits.run_ended(run(10), None);
        let pending = waits.pending(10).into_iter();
        let pending: Vec<_> = pending.map(|(who, waiting)| (who, waiting.wait)).collect();
        assert_eq!(pending, [(waiter(1), Wait::Call(run(10)))]);
    }

    #[test]
    fn a_run_that_leaves_memory_leaves_nothing_behind() {
        let mut waits = Waits::default();
        waits.add_called(waiter(1), TenantId::default(), run(9));
        waits.add_called(waiter(2), TenantId::default(), run(9));
        let (_, dag, logical_date) = dated(5);
        waits.add(waiter(3), waiting(Wait::Dag { dag, logical_date }));
        waits.wait_for_date(waiter(3), dated(5));
        for number in 1..=3 {
            waits.forget_run(run(number));
        }
        assert!(waits.is_empty() && waits.by_run.is_empty() && waits.by_date.is_empty());
        waits.run_ended(run(9), None);
        assert!(!waits.has_pending());
    }

    #[test]
    fn a_wait_for_a_task_is_looked_up_when_the_task_or_its_run_has_ended() {
        let mut waits = Waits::default();
        let task: weft_core::id::TaskId = "load".parse().unwrap();
        let wait = || Wait::RunTask {
            run: run(9),
            task: task.clone(),
        };
        waits.add(waiter(1), waiting(wait()));
        waits.add(waiter(2), waiting(wait()));
        let wait_again = |waits: &mut Waits| {
            waits.wait_for_task(waiter(1), run(9), TaskIndex(3));
            waits.wait_for_task(waiter(2), run(9), TaskIndex(4));
        };
        wait_again(&mut waits);
        waits.run_changed(run(8), |_| true);
        waits.run_changed(run(9), |_| false);
        assert!(!waits.has_pending());
        waits.run_changed(run(9), |task| task == TaskIndex(4));
        assert_eq!(pending(&waits), [waiter(2)]);
        wait_again(&mut waits);
        waits.run_ended(run(9), None);
        assert_eq!(pending(&waits), [waiter(1), waiter(2)]);
        assert!(waits.by_task.is_empty());
        wait_again(&mut waits);
        waits.forget_run(run(1));
        waits.forget_run(run(2));
        assert!(waits.is_empty() && waits.by_task.is_empty() && waits.by_run.is_empty());
    }

    #[test]
    fn a_wait_for_an_asset_is_looked_up_when_the_asset_has_changed() {
        let mut waits = Waits::default();
        let asset = |name: &str| (TenantId::default(), name.parse::<AssetName>().unwrap());
        for (number, name) in [(1, "a"), (2, "b"), (3, "b")] {
            let (_, asset) = asset(name);
            let wait = Wait::Asset {
                asset,
                partition: None,
                since: Timestamp(0),
            };
            waits.add(waiter(number), waiting(wait));
        }
        let wait_again = |waits: &mut Waits| {
            waits.wait_for_asset(waiter(1), asset("a"));
            waits.wait_for_asset(waiter(2), asset("b"));
            waits.wait_for_asset(waiter(3), asset("b"));
        };
        wait_again(&mut waits);
        assert_eq!(waits.next_assets(1), [asset("a")]);
        assert_eq!(waits.next_assets(1), [asset("b")]);
        assert_eq!(waits.next_assets(1), [], "a round is over");
        assert_eq!(waits.next_assets(2), [asset("a"), asset("b")]);
        // The update may have come before the first number was read.
        waits.asset_changes(&asset("b"), 7);
        assert_eq!(pending(&waits), [waiter(2), waiter(3)]);
        wait_again(&mut waits);
        waits.asset_changes(&asset("b"), 7);
        assert!(!waits.has_pending());
        waits.asset_changes(&asset("b"), 8);
        assert_eq!(pending(&waits), [waiter(2), waiter(3)]);
        wait_again(&mut waits);
        waits.asset_updated(&asset("a"));
        assert_eq!(pending(&waits), [waiter(1)]);
        for number in 1..=3 {
            waits.remove(waiter(number));
        }
        waits.asset_changes(&asset("b"), 9);
        assert!(waits.is_empty() && !waits.has_assets());
    }
}
