//! A set of map indexes, stored as ranges.

use std::{collections::BTreeMap, ops::Range};

/// Ranges that neither overlap nor touch, by start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ranges(BTreeMap<u32, u32>);

impl Ranges {
    /// Adds indexes; existing ones stay.
    pub(super) fn add(&mut self, added: Range<u32>) {
        if added.is_empty() {
            return;
        }
        let Range { mut start, mut end } = added;
        if let Some((before, until)) = self.0.range(..start).next_back()
            && *until >= start
        {
            start = *before;
            end = end.max(*until);
        }
        while let Some((covered, until)) = self.0.range(start..=end).next() {
            let covered = *covered;
            end = end.max(*until);
            self.0.remove(&covered);
        }
        self.0.insert(start, end);
    }

    /// Removes indexes if they exist.
    pub(super) fn remove(&mut self, removed: &Range<u32>) {
        if removed.is_empty() {
            return;
        }
        if let Some((before, until)) = self.0.range_mut(..removed.start).next_back() {
            let end = *until;
            if end > removed.start {
                *until = removed.start;
                debug_assert!(*before < *until, "no range is empty");
                if end > removed.end {
                    self.0.insert(removed.end, end);
                }
            }
        }
        while let Some((start, end)) = self.0.range(removed.clone()).next() {
            let (start, end) = (*start, *end);
            self.0.remove(&start);
            if end > removed.end {
                self.0.insert(removed.end, end);
            }
        }
    }

    /// Removes and returns the smallest index.
    pub(super) fn pop(&mut self) -> Option<u32> {
        let (start, end) = self.0.pop_first()?;
        if start + 1 < end {
            self.0.insert(start + 1, end);
        }
        Some(start)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many indexes there are. O(ranges).
    pub(super) fn count(&self) -> u64 {
        self.0
            .iter()
            .map(|(start, end)| u64::from(end - start))
            .sum()
    }

    /// The ranges in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        self.0.iter().map(|(start, end)| *start..*end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ranges_hold_a_set_of_indexes_in_as_few_ranges_as_possible(
            steps in prop::collection::vec((0..3_u8, 0..30_u32, 0..8_u32), 0..60),
        ) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (kind, start, length) in steps {
                let range = start..start + length;
                match kind {
                    0 => {
                        ranges.add(range.clone());
                        set.extend(range);
                    }
                    1 => {
                        ranges.remove(&range);
                        set.retain(|index| !range.contains(index));
                    }
                    _ => prop_assert_eq!(ranges.pop(), set.pop_first()),
                }
                let listed: Vec<u32> = ranges.iter().flatten().collect();
                prop_assert_eq!(&listed, &set.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(ranges.count(), set.len() as u64);
                prop_assert_eq!(ranges.is_empty(), set.is_empty());
                let edges: Vec<_> = ranges.iter().collect();
                prop_assert!(edges.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
        }
    }
}
