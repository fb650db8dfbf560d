//! Components in memory, and the attempts that wait for them.
//!
//! A component that several attempts wait for is loaded once. Beyond the bound the least recently
//! used component is dropped; running attempts keep theirs. The cache loads nothing itself.

use crate::load::ComponentKey;
use std::{collections::HashMap, mem};
use weft_broker::AttemptKey;

/// The most components in memory.
const MAX_COMPONENTS: usize = 1_000;

/// Components by digest; `C` is cheap to clone.
#[derive(Debug)]
pub(crate) struct Components<C> {
    max_bytes: u64,
    bytes: u64,
    kept: usize,
    clock: u64,
    entries: HashMap<ComponentKey, Entry<C>>,
}

#[derive(Debug)]
enum Entry<C> {
    Loading(Vec<AttemptKey>),
    Kept { component: C, bytes: u64, last: u64 },
}

/// The result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<C> {
    /// The component is in memory.
    Kept(C),
    /// The component is being loaded; the attempt waits for it.
    Loading,
    /// The caller has to load the component; the attempt waits for it.
    Absent,
}

impl<C: Clone> Components<C> {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            bytes: 0,
            kept: 0,
            clock: 0,
            entries: HashMap::new(),
        }
    }

    /// Finds a component, or makes the attempt wait for it.
    pub(crate) fn find(&mut self, key: &ComponentKey, attempt: AttemptKey) -> Found<C> {
        self.clock += 1;
        match self.entries.get_mut(key) {
            Some(Entry::Kept {
                component, last, ..
            }) => {
                *last = self.clock;
                Found::Kept(component.clone())
            }
            Some(Entry::Loading(waiting)) => {
                waiting.push(attempt);
                Found::Loading
            }
            None => {
                self.entries
                    .insert(key.clone(), Entry::Loading(vec![attempt]));
                Found::Absent
            }
        }
    }

    /// Records the end of a load, with the component and its size if it succeeded; returns the
    /// attempts that waited for it. Failures are not cached.
    pub(crate) fn loaded(
        &mut self,
        key: &ComponentKey,
        component: Option<(C, u64)>,
    ) -> Vec<AttemptKey> {
        self.clock += 1;
        let waiting = match self.entries.get_mut(key) {
            Some(Entry::Loading(waiting)) => mem::take(waiting),
            Some(Entry::Kept { .. }) | None => return Vec::new(),
        };
        let Some((component, bytes)) = component else {
            self.entries.remove(key);
            return waiting;
        };
        let last = self.clock;
        self.entries.insert(
            key.clone(),
            Entry::Kept {
                component,
                bytes,
                last,
            },
        );
        self.bytes += bytes;
        self.kept += 1;
        while (self.bytes > self.max_bytes || self.kept > MAX_COMPONENTS) && self.kept > 1 {
            self.evict();
        }
        waiting
    }

    fn evict(&mut self) {
        let oldest = self
            .entries
            .iter()
            .filter_map(|(key, entry)| match entry {
                Entry::Kept { last, .. } => Some((*last, key)),
                Entry::Loading(_) => None,
            })
            .min_by_key(|(last, _)| *last)
            .map(|(_, key)| key.clone());
        if let Some(key) = oldest
            && let Some(Entry::Kept { bytes, .. }) = self.entries.remove(&key)
        {
            self.bytes -= bytes;
        }
        self.kept = self.kept.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::{
        digest::Digest,
        document::TaskIndex,
        id::TenantId,
        run::{Attempt, Instance},
        run_id::RunId,
    };

    fn key(nonce: u64) -> AttemptKey {
        let instance = Instance {
            task: TaskIndex(0),
            index: 0,
        };
        AttemptKey {
            shard: 0,
            run: RunId::from_i64(1).expect("not negative"),
            attempt: Attempt {
                instance,
                number: 1,
                nonce,
            },
        }
    }

    fn digest(number: u8) -> ComponentKey {
        ComponentKey {
            tenant: TenantId::default(),
            digest: Digest([number; 32]),
        }
    }

    #[test]
    fn one_load_serves_everybody_who_waited() {
        let mut components = Components::new(100);
        assert_eq!(components.find(&digest(1), key(1)), Found::Absent);
        assert_eq!(components.find(&digest(1), key(2)), Found::Loading);
        assert_eq!(
            components.loaded(&digest(1), Some(("a", 10))),
            [key(1), key(2)]
        );
        assert_eq!(components.find(&digest(1), key(3)), Found::Kept("a"));
    }

    #[test]
    fn a_failure_is_not_kept() {
        let mut components = Components::<&str>::new(100);
        components.find(&digest(1), key(1));
        assert_eq!(components.loaded(&digest(1), None), [key(1)]);
        assert_eq!(components.find(&digest(1), key(2)), Found::Absent);
    }

    #[test]
    fn the_least_recently_used_goes_first_and_the_last_one_stays() {
        let mut components = Components::new(100);
        for number in 1..=2 {
            components.find(&digest(number), key(1));
            components.loaded(&digest(number), Some((number, 50)));
        }
        components.find(&digest(1), key(1));
        components.find(&digest(3), key(1));
        components.loaded(&digest(3), Some((3, 50)));
        assert_eq!(components.find(&digest(1), key(1)), Found::Kept(1));
        assert_eq!(components.find(&digest(3), key(1)), Found::Kept(3));
        assert_eq!(components.find(&digest(2), key(1)), Found::Absent);
        components.loaded(&digest(2), Some((2, 1_000)));
        assert_eq!(components.find(&digest(2), key(1)), Found::Kept(2));
        assert_eq!((components.kept, components.bytes), (1, 1_000));
    }
}
