//! Compiled functions of libraries, as wasmtime's incremental compiler stores and finds them.
//!
//! As bytes: for each function 32 bytes of its hash, its length (u32, little-endian), and its code. Two of
//! these, one after the other, are the functions of both.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use wasmtime::CacheStore;

/// The hash of everything that a function's code depends on.
type Key = [u8; 32];

/// Functions that were compiled before, for reading alone.
#[derive(Debug, Default)]
pub(crate) struct KnownFunctions {
    bytes: Vec<u8>,
    by_key: HashMap<Key, Range<usize>>,
    hits: AtomicU64,
}

impl KnownFunctions {
    /// Whatever follows something that is no function is left out.
    pub(crate) fn read(bytes: Vec<u8>) -> Self {
        let mut by_key = HashMap::new();
        let mut rest = &bytes[..];
        while let Some((key, after)) = rest.split_first_chunk::<32>()
            && let Some((length, after)) = after.split_first_chunk::<4>()
            && let Ok(length) = usize::try_from(u32::from_le_bytes(*length))
            && let Some((_code, after)) = after.split_at_checked(length)
        {
            let end = bytes.len() - after.len();
            by_key.insert(*key, end - length..end);
            rest = after;
        }
        Self {
            bytes,
            by_key,
            hits: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many functions were found so far.
    #[cfg(test)]
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

impl CacheStore for KnownFunctions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let range = self.by_key.get(key)?.clone();
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(Cow::Borrowed(&self.bytes[range]))
    }

    fn insert(&self, _key: &[u8], _code: Vec<u8>) -> bool {
        false
    }
}

/// Gathers all functions that are compiled.
#[derive(Debug, Default)]
pub(crate) struct NewFunctions(Mutex<BTreeMap<Key, Vec<u8>>>);

impl NewFunctions {
    /// The functions as bytes, sorted by their hashes.
    pub(crate) fn take(&self) -> Vec<u8> {
        let functions = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let length = functions.values().map(|code| 32 + 4 + code.len()).sum();
        let mut bytes = Vec::with_capacity(length);
        for (key, code) in functions {
            let Ok(length) = u32::try_from(code.len()) else {
                // No function is as large; it would be compiled again.
                continue;
            };
            bytes.extend_from_slice(&key);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&code);
        }
        bytes
    }
}

impl CacheStore for NewFunctions {
    fn get(&self, _key: &[u8]) -> Option<Cow<'_, [u8]>> {
        None
    }

    fn insert(&self, key: &[u8], code: Vec<u8>) -> bool {
        let Ok(key) = key.try_into() else {
            return false;
        };
        let mut functions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        functions.insert(key, code);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_read_back_and_add_up() {
        let new = NewFunctions::default();
        assert!(new.insert(&[2; 32], b"two".to_vec()));
        assert!(new.insert(&[1; 32], Vec::new()));
        assert!(!new.insert(b"short", Vec::new()));
        let first = new.take();
        assert!(new.take().is_empty());
        assert!(new.insert(&[3; 32], b"three".to_vec()));
        let known = KnownFunctions::read([first, new.take()].concat());
        assert_eq!(known.get(&[1; 32]).as_deref(), Some(&b""[..]));
        assert_eq!(known.get(&[2; 32]).as_deref(), Some(&b"two"[..]));
        assert_eq!(known.get(&[3; 32]).as_deref(), Some(&b"three"[..]));
        assert_eq!(known.get(&[4; 32]), None);
        assert_eq!(known.hits(), 3);
        assert!(!known.insert(&[4; 32], Vec::new()));
    }

    #[test]
    fn truncated_and_oversized_functions_are_left_out() {
        let new = NewFunctions::default();
        new.insert(&[1; 32], b"one".to_vec());
        new.insert(&[2; 32], b"two".to_vec());
        let whole = new.take();
        for end in 0..whole.len() {
            let known = KnownFunctions::read(whole[..end].to_vec());
            assert_eq!(known.by_key.len(), usize::from(end >= 39), "cut at {end}");
        }
        let mut large = whole;
        large[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(KnownFunctions::read(large).is_empty());
    }
}
