//! The list of libraries that `dlopen` and `dlsym` look into, as `wit-component` has it: numbers and texts in memory, which
//! refer to each other by address.

use crate::merge::length;

/// The alignment of everything in it.
pub(super) const ALIGNMENT: u32 = 4;

/// The list of libraries while it is made.
pub(super) struct List {
    /// Its address.
    pub(super) base: u32,
    pub(super) bytes: Vec<u8>,
}

impl List {
    /// The address behind it.
    pub(super) fn next(&self) -> u32 {
        self.base + length(&self.bytes)
    }

    /// Adds a name; answers with its length and address.
    pub(super) fn text(&mut self, text: &str) -> (u32, u32) {
        let address = self.next();
        self.bytes.extend_from_slice(text.as_bytes());
        let end = self.bytes.len().next_multiple_of(ALIGNMENT as usize);
        self.bytes.resize(end, 0);
        (length(text.as_bytes()), address)
    }

    /// Adds numbers; answers with their address.
    pub(super) fn words(&mut self, words: &[u32]) -> u32 {
        let address = self.next();
        self.bytes
            .extend(words.iter().flat_map(|word| word.to_le_bytes()));
        address
    }
}
