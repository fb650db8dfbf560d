//! The cache of loaded guests: loading a cached one again costs a digest only.
//!
//! Not `moka`: at most 1000 entries need no concurrent eviction, a least recently
//! used list behind the lock of [`crate::shared`] bounds the bytes exactly, and
//! single flight needs the result of a failed load for all who wait but not after
//! them, which `load` does with one `OnceCell` for each load in progress.

use crate::{Digest, Guest};
use std::collections::HashMap;

/// The most guests in the cache, however small they are.
const MAX_GUESTS: usize = 1000;

/// Guests within a bound of bytes; the least recently used one is removed first. A guest
/// that is still in use stays valid after its removal.
pub(crate) struct GuestCache {
    max_bytes: u64,
    used: u64,
    clock: u64,
    guests: HashMap<Digest, Entry>,
}

struct Entry {
    guest: Guest,
    bytes: u64,
    last: u64,
}

impl GuestCache {
    /// A cache of at most `max_bytes` bytes of files and code.
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            used: 0,
            clock: 0,
            guests: HashMap::new(),
        }
    }

    pub(crate) fn get(&mut self, digest: &Digest) -> Option<Guest> {
        self.clock += 1;
        let entry = self.guests.get_mut(digest)?;
        entry.last = self.clock;
        Some(entry.guest.clone())
    }

    pub(crate) fn insert(&mut self, guest: Guest) {
        self.clock += 1;
        let bytes = guest.0.home.code_bytes + guest.0.file.wasm.len() as u64;
        let entry = Entry {
            bytes,
            last: self.clock,
            guest,
        };
        self.used += bytes;
        if let Some(before) = self.guests.insert(entry.guest.digest(), entry) {
            self.used -= before.bytes;
        }
        while (self.used > self.max_bytes || self.guests.len() > MAX_GUESTS)
            && self.guests.len() > 1
        {
            let oldest = self
                .guests
                .iter()
                .min_by_key(|(_, entry)| entry.last)
                .map(|(digest, _)| *digest)
                .expect("there are at least two");
            if let Some(gone) = self.guests.remove(&oldest) {
                self.used -= gone.bytes;
            }
        }
    }
}
