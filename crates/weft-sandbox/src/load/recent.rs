//! Guests that were used last, so that loading one again costs a digest only.

use crate::{Digest, Guest};
use std::collections::HashMap;

/// More guests than this are never kept, however small they are.
const MAX_GUESTS: usize = 1000;

/// Guests within a bound of bytes; the least recently used one goes first. A
/// guest that somebody still holds lives on after it went.
pub(crate) struct Recent {
    most: u64,
    used: u64,
    clock: u64,
    guests: HashMap<Digest, Entry>,
}

struct Entry {
    guest: Guest,
    bytes: u64,
    last: u64,
}

impl Recent {
    /// Holds at most so many bytes of files and code.
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most,
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

    pub(crate) fn put(&mut self, guest: Guest) {
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
        while (self.used > self.most || self.guests.len() > MAX_GUESTS) && self.guests.len() > 1 {
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
