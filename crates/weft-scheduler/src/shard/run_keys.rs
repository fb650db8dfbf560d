//! Bounds of one DAG by key: how many of its runs of one key are active, and how many started in
//! the last span of its rate.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use weft_core::{
    concurrency::{Concurrency, RateLimit},
    time::Timestamp,
};

/// The most starts that are read when a shard is taken over. Those of a DAG with more keys than
/// this allows for are counted from the latest ones.
pub(crate) const MAX_STARTS_READ: u32 = 100_000;

/// What runs of a DAG count by. Runs without a key are in no bound by key.
pub(crate) type Key = Arc<str>;

/// The runs of a DAG that count by key.
#[derive(Debug, Default)]
pub(crate) struct RunKeys {
    max_active: Option<u32>,
    rate: Option<RateLimit>,
    /// How many active runs have a key.
    active: BTreeMap<Key, u32>,
    /// The starts of the last span of the rate, by time. `None` until those before this scheduler's
    /// lease are read.
    starts: Option<VecDeque<(Timestamp, Key)>>,
    /// How many of them have a key.
    started: BTreeMap<Key, u32>,
}

impl RunKeys {
    /// Takes over the bounds of the DAG's active version; what was counted stays.
    pub(crate) fn set_bounds(&mut self, concurrency: &Concurrency) {
        self.max_active = concurrency.max_per_key();
        if self.rate != concurrency.rate_limit {
            self.rate = concurrency.rate_limit;
            // A longer span counts starts that this one has left out.
            self.starts = None;
            self.started.clear();
        }
    }

    /// After which time starts are to be read before another run starts; `None` if they are known.
    pub(crate) fn reads_starts_after(&self, now: Timestamp) -> Option<Timestamp> {
        let rate = self.rate?;
        self.starts.is_none().then(|| now.minus(rate.per))
    }

    /// Takes in the starts that were read, by time.
    pub(crate) fn set_starts(&mut self, starts: Vec<(Timestamp, Key)>) {
        self.started.clear();
        for (_at, key) in &starts {
            *self.started.entry(Arc::clone(key)).or_default() += 1;
        }
        self.starts = Some(starts.into());
    }

    /// Whether a run with this key may start now. One whose starts are not read may not.
    pub(crate) fn may_start(&mut self, key: Option<&Key>, now: Timestamp) -> bool {
        let Some(key) = key else {
            return true;
        };
        self.forget_old_starts(now);
        let is_unknown = self.rate.is_some() && self.starts.is_none();
        !is_unknown && !self.is_full(key)
    }

    fn is_full(&self, key: &Key) -> bool {
        let count = |counts: &BTreeMap<Key, u32>| counts.get(key).copied().unwrap_or(0);
        let is_active = self
            .max_active
            .is_some_and(|most| count(&self.active) >= most);
        is_active
            || self
                .rate
                .is_some_and(|rate| count(&self.started) >= rate.runs)
    }

    /// The keys of which no run may start now.
    pub(crate) fn full(&mut self, now: Timestamp) -> Vec<Key> {
        self.forget_old_starts(now);
        let keys = self.active.keys().chain(self.started.keys());
        let mut full: Vec<Key> = keys.filter(|key| self.is_full(key)).cloned().collect();
        full.sort_unstable();
        full.dedup();
        full
    }

    /// When the first of the keys that the rate holds back may start a run again.
    pub(crate) fn next_start(&self) -> Option<Timestamp> {
        let rate = self.rate?;
        let is_held = |key: &Key| {
            self.started
                .get(key)
                .is_some_and(|count| *count >= rate.runs)
        };
        let mut starts = self.starts.iter().flatten();
        let (first, _key) = starts.find(|(_at, key)| is_held(key))?;
        Some(first.plus(rate.per))
    }

    pub(crate) fn add_active(&mut self, key: &Key) {
        *self.active.entry(Arc::clone(key)).or_default() += 1;
    }

    pub(crate) fn remove_active(&mut self, key: &Key) {
        if let Some(count) = self.active.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.active.remove(key);
            }
        }
    }

    /// Records that a run starts now.
    pub(crate) fn add_start(&mut self, key: &Key, now: Timestamp) {
        if self.rate.is_some()
            && let Some(starts) = &mut self.starts
        {
            starts.push_back((now, Arc::clone(key)));
            *self.started.entry(Arc::clone(key)).or_default() += 1;
        }
    }

    fn forget_old_starts(&mut self, now: Timestamp) {
        let (Some(rate), Some(starts)) = (self.rate, &mut self.starts) else {
            return;
        };
        while let Some((_at, key)) = starts.pop_front_if(|(at, _key)| at.plus(rate.per) <= now) {
            if let Some(count) = self.started.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.started.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::time::DurationMs;

    fn keys(max_active: u32, rate: Option<(u32, u64)>) -> RunKeys {
        let mut keys = RunKeys::default();
        keys.set_bounds(&Concurrency {
            key: Some("{{ params.k }}".into()),
            max_active_runs_per_key: Some(max_active),
            rate_limit: rate.map(|(runs, per)| RateLimit {
                runs,
                per: DurationMs(per),
            }),
        });
        keys
    }

    #[test]
    fn only_so_many_runs_of_one_key_are_active() {
        let (mut keys, now) = (keys(2, None), Timestamp(0));
        let (a, b): (Key, Key) = ("a".into(), "b".into());
        assert_eq!(keys.reads_starts_after(now), None);
        keys.add_active(&a);
        assert!(keys.may_start(Some(&a), now));
        keys.add_active(&a);
        assert!(!keys.may_start(Some(&a), now));
        assert!(keys.may_start(Some(&b), now) && keys.may_start(None, now));
        assert_eq!(keys.full(now), [Arc::clone(&a)]);
        keys.remove_active(&a);
        assert!(keys.may_start(Some(&a), now));
        assert!(keys.full(now).is_empty());
    }

    #[test]
    fn only_so_many_runs_of_one_key_start_within_any_span() {
        let mut keys = keys(100, Some((2, 1_000)));
        let (a, b): (Key, Key) = ("a".into(), "b".into());
        let at = Timestamp;
        assert_eq!(keys.reads_starts_after(at(5_000)), Some(at(4_000)));
        assert!(
            !keys.may_start(Some(&a), at(5_000)),
            "what started is unknown"
        );
        keys.set_starts(vec![
            (at(4_100), Arc::clone(&a)),
            (at(4_500), Arc::clone(&b)),
        ]);
        assert!(keys.may_start(Some(&a), at(5_000)));
        keys.add_start(&a, at(5_000));
        assert!(!keys.may_start(Some(&a), at(5_000)));
        assert!(keys.may_start(Some(&b), at(5_000)));
        assert_eq!(keys.full(at(5_000)), [Arc::clone(&a)]);
        assert_eq!(keys.next_start(), Some(at(5_100)));
        assert!(!keys.may_start(Some(&a), at(5_099)));
        assert!(keys.may_start(Some(&a), at(5_100)));
        assert_eq!(keys.next_start(), None, "no key is held back");
        // Another span is another question to the database.
        keys.set_bounds(&Concurrency::default());
        assert_eq!(keys.reads_starts_after(at(5_100)), None);
    }
}
