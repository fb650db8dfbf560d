//! All timers of a run in one heap, so that the loop sleeps once.

use std::{cmp::Reverse, collections::BinaryHeap};
use weft_core::{run::Timer, time::Timestamp};

/// Timers by the time they are due; equal times keep the order they were set in.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    set: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    at: Timestamp,
    order: u64,
    timer: Timer,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Timers {
    /// Remembers a timer. Timers are never removed: one that no longer fits is
    /// refused by the run when it is due.
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        self.heap.push(Reverse(Entry {
            at,
            order: self.set,
            timer,
        }));
        self.set += 1;
    }

    /// When the first one is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes one that is due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::{document::TaskIndex, run::Instance};

    #[test]
    fn the_earliest_comes_first_and_equal_ones_keep_their_order() {
        let timer = |task| Timer::Instance {
            instance: Instance {
                task: TaskIndex(task),
                index: 0,
            },
            number: 1,
        };
        let mut timers = Timers::default();
        timers.set(timer(0), Timestamp(20));
        timers.set(timer(1), Timestamp(10));
        timers.set(timer(2), Timestamp(10));
        assert_eq!(timers.next(), Some(Timestamp(10)));
        assert_eq!(timers.due(Timestamp(9)), None);
        assert_eq!(timers.due(Timestamp(15)), Some(timer(1)));
        assert_eq!(timers.due(Timestamp(15)), Some(timer(2)));
        assert_eq!(timers.due(Timestamp(15)), None);
        assert_eq!(timers.due(Timestamp(20)), Some(timer(0)));
        assert_eq!(timers.next(), None);
    }
}
