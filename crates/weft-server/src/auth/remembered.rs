//! Tokens and the active versions of DAGs that were read before: what a trigger acts on at once, since the
//! statement that makes its run checks that both still hold.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
};
use weft_store::{DagKey, VersionId};
use weft_store_sql::TokenRow;

/// What is remembered of each kind; beyond it all is forgotten, which costs a read for each.
const MOST: usize = 4_096;

/// What was true once, and has to be checked with what follows from it.
#[derive(Default)]
pub(crate) struct Remembered {
    tokens: Entries<Digest, TokenRow>,
    dags: Entries<(TenantId, DagId), (DagKey, VersionId)>,
}

impl Remembered {
    /// The token with this digest.
    pub(crate) const fn tokens(&self) -> &Entries<Digest, TokenRow> {
        &self.tokens
    }

    /// Keys and active versions of DAGs.
    pub(crate) const fn dags(&self) -> &Entries<(TenantId, DagId), (DagKey, VersionId)> {
        &self.dags
    }
}

/// A bounded map.
pub(crate) struct Entries<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Entries<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.lock().get(key).cloned()
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        let mut entries = self.lock();
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(key, value);
    }

    pub(crate) fn remove(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, V>> {
        // Each change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let entries = Entries::default();
        for key in 0..=MOST {
            entries.insert(key, key);
        }
        assert_eq!(entries.get(&0), None);
        assert_eq!(entries.get(&MOST), Some(MOST));
        entries.remove(&MOST);
        assert_eq!(entries.get(&MOST), None);
    }
}
