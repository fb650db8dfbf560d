//! How many attempts of each queue end while a turn lasts, as the turns before say: so many of
//! their workers' places will be free before the next turn's attempts are published.

use std::{collections::HashMap, sync::Arc};

/// Counted since the last turn, and what the turns before it say.
#[derive(Debug, Default)]
pub(crate) struct CompletionRate(HashMap<Arc<str>, Ends>);

#[derive(Debug, Default)]
struct Ends {
    now: u32,
    /// The most of a turn; what it says fades with each further one.
    most: u32,
}

impl CompletionRate {
    /// An attempt of this queue has ended.
    pub(crate) fn ended(&mut self, queue: &Arc<str>) {
        match self.0.get_mut(queue) {
            Some(ends) => ends.now += 1,
            None => drop(self.0.insert(Arc::clone(queue), Ends { now: 1, most: 0 })),
        }
    }

    /// A turn begins: what ended before it is known. Attempts that began together end together,
    /// so that a turn may see none of them and the next one all: hence the most of some turns.
    pub(crate) fn turn(&mut self) {
        self.0.retain(|_queue, ends| {
            let faded = ends.most - ends.most.div_ceil(4);
            ends.most = faded.max(std::mem::take(&mut ends.now));
            ends.most > 0
        });
    }

    /// How many are to wait in this queue beyond free places, so that none of them stands empty
    /// until the next turn: a turn takes up to twice as long as others.
    pub(crate) fn prefetch(&self, queue: &str) -> u32 {
        let most = self.0.get(queue).map_or(0, |ends| ends.most);
        most.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_some_turns_counts_twice_and_fades() {
        let queue: Arc<str> = "default".into();
        let mut rate = CompletionRate::default();
        for _end in 0..8 {
            rate.ended(&queue);
        }
        assert_eq!(rate.prefetch(&queue), 0, "the turn has not begun");
        let mut said = Vec::new();
        for turn in 0..6 {
            if turn == 3 {
                rate.ended(&queue);
            }
            rate.turn();
            said.push(rate.prefetch(&queue));
        }
        assert_eq!(said, [16, 12, 8, 6, 4, 2]);
        rate.turn();
        assert!(rate.0.is_empty());
    }
}
