//! The instances of an expanded task: a range with a cursor, and pages of
//! cells for those that were touched.
//!
//! An instance is untouched until its first attempt, a mark or a cancel. What
//! an untouched one is follows from the cursor: before it released (ready),
//! behind it waiting. Instances of a task in a mapped group, whose rule decides for each by itself,
//! are not released by the cursor.

use super::cell::{Cell, Tag};
use crate::trigger_rule::Tally;
use std::{collections::VecDeque, ops::Range};

/// How many instances a mapped task can have.
pub const MAX_INSTANCES: u32 = 10_000_000;

/// Cells in a page: 4 KiB.
const PAGE: u32 = 256;

/// The instances of one expanded task.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Many {
    pub(super) total: u32,
    /// Untouched instances before this index are ready.
    pub(super) released: u32,
    /// Touched instances at or behind the cursor.
    pub(super) touched_ahead: u32,
    /// The run was stopped: all untouched instances are cancelled.
    pub(super) stopped: bool,
    /// The number of attempts to count on from.
    pub(super) base: u32,
    /// Due retries and deferrals that `max_active` blocks.
    pub(super) backlog: VecDeque<u32>,
    /// Where the rule decides for each instance by itself: what it counts beside the upstreams of the
    /// mapped group, as it was when the task was expanded.
    pub(super) outside: Option<Tally>,
    pages: Vec<Option<Box<[Cell; PAGE as usize]>>>,
}

impl Many {
    pub(super) fn new(total: u32, base: u32) -> Self {
        Self {
            total,
            released: 0,
            touched_ahead: 0,
            stopped: false,
            base,
            backlog: VecDeque::new(),
            outside: None,
            pages: Vec::new(),
        }
    }

    fn untouched(&self, index: u32) -> Cell {
        let tag = if self.stopped {
            Tag::Cancelled
        } else if index < self.released {
            Tag::Ready
        } else {
            Tag::Waiting
        };
        Cell::fresh(tag, self.base)
    }

    /// The instance; `None` beyond the total.
    pub(super) fn get(&self, index: u32) -> Option<Cell> {
        if index >= self.total {
            return None;
        }
        let cell = self
            .pages
            .get((index / PAGE) as usize)
            .and_then(Option::as_ref)
            .map(|page| page[(index % PAGE) as usize]);
        Some(
            cell.filter(|cell| cell.touched)
                .unwrap_or_else(|| self.untouched(index)),
        )
    }

    /// The instance to change, touched from now on. Its index is below the total.
    pub(super) fn touch(&mut self, index: u32) -> &mut Cell {
        let fresh = self.untouched(index);
        let at = (index / PAGE) as usize;
        if self.pages.len() <= at {
            self.pages.resize(at + 1, None);
        }
        let page = self.pages[at]
            .get_or_insert_with(|| Box::new([Cell::fresh(Tag::Waiting, 0); PAGE as usize]));
        let cell = &mut page[(index % PAGE) as usize];
        if !cell.touched {
            *cell = Cell {
                touched: true,
                ..fresh
            };
            if index >= self.released {
                self.touched_ahead += 1;
            }
        }
        cell
    }

    /// Moves the cursor over at most `max` untouched instances, which are
    /// ready now. Appends their ranges and returns how many they are.
    pub(super) fn release(&mut self, max: u32, ranges: &mut Vec<Range<u32>>) -> u32 {
        let mut left = max;
        while left > 0 && self.released < self.total {
            let start = self.released;
            if self.touched_ahead == 0 {
                let end = start + left.min(self.total - start);
                left -= end - start;
                self.released = end;
                ranges.push(start..end);
                continue;
            }
            if self.is_touched(start) {
                self.touched_ahead -= 1;
            } else {
                left -= 1;
                match ranges.last_mut() {
                    Some(last) if last.end == start => last.end += 1,
                    Some(_) | None => ranges.push(start..start + 1),
                }
            }
            self.released += 1;
        }
        max - left
    }

    pub(super) fn is_touched(&self, index: u32) -> bool {
        self.pages
            .get((index / PAGE) as usize)
            .and_then(Option::as_ref)
            .is_some_and(|page| page[(index % PAGE) as usize].touched)
    }

    /// The touched instances in order.
    pub(super) fn touched(&self) -> impl Iterator<Item = (u32, &Cell)> {
        self.pages
            .iter()
            .zip(0_u32..)
            .filter_map(|(page, at)| page.as_ref().map(|page| (page, at)))
            .flat_map(|(page, at)| {
                page.iter()
                    .zip(at * PAGE..)
                    .filter(|(cell, _)| cell.touched)
                    .map(|(cell, index)| (index, cell))
            })
    }

    /// The ranges of untouched instances in order.
    pub(super) fn untouched_ranges(&self) -> Vec<Range<u32>> {
        let mut ranges = Vec::new();
        let mut start = 0;
        for (index, _) in self.touched() {
            if start < index {
                ranges.push(start..index);
            }
            start = index + 1;
        }
        if start < self.total {
            ranges.push(start..self.total);
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::single_range_in_vec_init,
        reason = "one range is what is expected"
    )]
    fn a_million_instances_are_one_range_and_a_page_for_each_touched() {
        let mut many = Many::new(1_000_000, 0);
        let mut ranges = Vec::new();
        assert_eq!(many.release(u32::MAX, &mut ranges), 1_000_000);
        assert_eq!(ranges, [0..1_000_000]);
        many.touch(999_999).tag = Tag::Success;
        assert_eq!(many.pages.iter().flatten().count(), 1);
        assert_eq!(many.get(999_999).map(|cell| cell.tag), Some(Tag::Success));
        assert_eq!(many.get(999_998).map(|cell| cell.tag), Some(Tag::Ready));
        assert_eq!(many.get(1_000_000), None);
        assert_eq!(many.untouched_ranges(), [0..999_999]);
    }

    #[test]
    #[expect(
        clippy::single_range_in_vec_init,
        reason = "one range is what is expected"
    )]
    fn the_cursor_passes_over_touched_instances() {
        let mut many = Many::new(10, 0);
        many.touch(2).tag = Tag::Skipped;
        many.touch(3).tag = Tag::Skipped;
        let mut ranges = Vec::new();
        assert_eq!(many.release(4, &mut ranges), 4);
        assert_eq!(ranges, [0..2, 4..6]);
        assert_eq!(many.get(6).map(|cell| cell.tag), Some(Tag::Waiting));
        ranges.clear();
        assert_eq!(many.release(9, &mut ranges), 4);
        assert_eq!(ranges, [6..10]);
        assert_eq!(many.untouched_ranges(), [0..2, 4..10]);
    }
}
