//! Rows that this version of Weft can't read: one bad row stops one thing, never a whole query.

/// A row that can't be read: it was damaged, or a later version wrote what this one does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable<K> {
    /// Which row.
    pub key: K,
    /// Why, for people.
    pub why: String,
}

/// The rows of a query: those that can be read, and the others. Each part is in the query's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T, K> {
    /// What was read.
    pub readable: Vec<T>,
    /// What can't be read.
    pub unreadable: Vec<Unreadable<K>>,
}

impl<T, K> Rows<T, K> {
    /// How many rows the query found.
    pub const fn len(&self) -> usize {
        self.readable.len() + self.unreadable.len()
    }

    /// Whether the query found no row.
    pub const fn is_empty(&self) -> bool {
        self.readable.is_empty() && self.unreadable.is_empty()
    }

    /// The greatest key of all rows: where the next page of a query in the order of keys begins.
    pub fn last_key(&self, key: impl Fn(&T) -> K) -> Option<K>
    where
        K: Ord + Copy,
    {
        let readable = self.readable.iter().map(key);
        readable
            .chain(self.unreadable.iter().map(|row| row.key))
            .max()
    }
}

impl<T, K> Default for Rows<T, K> {
    fn default() -> Self {
        Self {
            readable: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}

impl<T, K> From<Vec<T>> for Rows<T, K> {
    fn from(readable: Vec<T>) -> Self {
        Self {
            readable,
            unreadable: Vec::new(),
        }
    }
}
