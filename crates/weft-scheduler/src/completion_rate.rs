//! How many attempts of each queue end during a turn, estimated from the turns before. As many
//! slots of the queue's workers become free before the next turn publishes.

use std::{collections::HashMap, sync::Arc};

/// Attempts that ended since the last turn, and the estimate from the turns before it.
#[derive(Debug, Default)]
pub(crate) struct CompletionRate(HashMap<Arc<str>, Ends>);

#[derive(Debug, Default)]
struct Ends {
    since_turn: u32,
    /// The most of one turn. It decays with each further turn.
    peak: u32,
}

impl CompletionRate {
    /// Counts an attempt of this queue that has ended.
    pub(crate) fn record_end(&mut self, queue: &Arc<str>) {
        match self.0.get_mut(queue) {
            Some(ends) => ends.since_turn += 1,
            None => drop(self.0.insert(
                Arc::clone(queue),
                Ends {
                    since_turn: 1,
                    peak: 0,
                },
            )),
        }
    }

    /// Begins a turn. Attempts that began together end together, so that one turn may count none
    /// of them and the next one all: hence the peak of several turns.
    pub(crate) fn start_turn(&mut self) {
        self.0.retain(|_queue, ends| {
            let decayed = ends.peak - ends.peak.div_ceil(4);
            ends.peak = decayed.max(std::mem::take(&mut ends.since_turn));
            ends.peak > 0
        });
    }

    /// How many attempts the queue holds beyond its workers' free slots, so that no slot is idle
    /// until the next turn: a turn takes up to twice as long as others.
    pub(crate) fn prefetch(&self, queue: &str) -> u32 {
        let peak = self.0.get(queue).map_or(0, |ends| ends.peak);
        peak.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefetch_is_twice_the_peak_and_decays() {
        let queue: Arc<str> = "default".into();
        let mut rate = CompletionRate::default();
        for _end in 0..8 {
            rate.record_end(&queue);
        }
        assert_eq!(rate.prefetch(&queue), 0, "the turn has not begun");
        let mut prefetches = Vec::new();
        for turn in 0..6 {
            if turn == 3 {
                rate.record_end(&queue);
            }
            rate.start_turn();
            prefetches.push(rate.prefetch(&queue));
        }
        assert_eq!(prefetches, [16, 12, 8, 6, 4, 2]);
        rate.start_turn();
        assert!(rate.0.is_empty());
    }
}
