//! Which shard a worker takes from next: each gets a share of what the worker takes that goes
//! by its weight, while it has something.
//!
//! Stride scheduling (C. A. Waldspurger and W. E. Weihl, MIT/LCS/TM-528, 1995): what is
//! taken from a shard moves it ahead by so much the less, the greater its weight, and who is
//! behind is next. One that had nothing for a while begins where the others are.

/// How far one attempt moves a shard of weight 1 ahead. Weights are at most 2^32.
const STRIDE: u64 = 1 << 32;

/// What is known of the shards.
#[derive(Debug)]
pub(super) struct Turns(Vec<Turn>);

#[derive(Debug, Clone, Copy)]
struct Turn {
    /// How far it is, in strides.
    at: u64,
    weight: u32,
    /// It was not empty when it was asked last, or something came since.
    may_have: bool,
}

impl Turns {
    /// Of so many shards, each of which may have something.
    pub(super) fn new(shards: usize) -> Self {
        let turn = Turn {
            at: 0,
            weight: 1,
            may_have: true,
        };
        Self(vec![turn; shards])
    }

    /// The shard to ask next, and for how many of so many: its share of them, at least one.
    pub(super) fn next(&self, of: u32) -> Option<(usize, u32)> {
        let (shard, turn) = self.open().min_by_key(|(shard, turn)| (turn.at, *shard))?;
        let all: u64 = self.open().map(|(_, turn)| u64::from(turn.weight)).sum();
        let share = (u64::from(of) * u64::from(turn.weight)).div_ceil(all.max(1));
        Some((
            shard,
            u32::try_from(share).unwrap_or(of).clamp(1, of.max(1)),
        ))
    }

    /// It was asked, or gave by itself, and said what it counts for.
    pub(super) fn gave(&mut self, shard: usize, count: usize, weight: Option<u32>) {
        if count == 0 {
            self.0[shard].may_have = false;
        } else {
            self.may_have(shard);
        }
        let turn = &mut self.0[shard];
        if let Some(weight) = weight {
            turn.weight = weight.max(1);
        }
        let ahead = STRIDE / u64::from(turn.weight);
        turn.at = turn.at.saturating_add(ahead.saturating_mul(count as u64));
    }

    /// Something may have come: it begins where the others are.
    pub(super) fn may_have(&mut self, shard: usize) {
        if !self.0[shard].may_have {
            let behind = self.open().map(|(_, turn)| turn.at).min();
            let turn = &mut self.0[shard];
            turn.at = turn.at.max(behind.unwrap_or(0));
            turn.may_have = true;
        }
    }

    fn open(&self) -> impl Iterator<Item = (usize, &Turn)> {
        let turns = self.0.iter().enumerate();
        turns.filter(|(_, turn)| turn.may_have)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `each` at a time from shards that never run dry; how many came of each.
    fn taken(weights: &[u32], each: u32, rounds: u32) -> Vec<u32> {
        let mut turns = Turns::new(weights.len());
        let mut taken = vec![0; weights.len()];
        for (shard, weight) in weights.iter().enumerate() {
            turns.gave(shard, 1, Some(*weight));
        }
        for _ in 0..rounds {
            let mut left = each;
            while left > 0 {
                let (shard, share) = turns.next(left).unwrap();
                let count = share.min(left);
                turns.gave(shard, count as usize, Some(weights[shard]));
                taken[shard] += count;
                left -= count;
            }
        }
        taken
    }

    #[test]
    fn shares_go_by_weight() {
        for each in [1, 3, 100] {
            let taken = taken(&[100, 300, 200], each, 6_000 / each);
            for (shard, due) in [(0, 1_000), (1, 3_000), (2, 2_000)] {
                assert!(taken[shard].abs_diff(due) <= 100, "{each}: {taken:?}");
            }
        }
    }

    #[test]
    fn who_had_nothing_is_owed_nothing() {
        let mut turns = Turns::new(2);
        turns.gave(0, 0, Some(100));
        assert_eq!(turns.next(8), Some((1, 8)), "all of the one that has");
        turns.gave(1, 1_000, Some(100));
        turns.may_have(0);
        let mut order = Vec::new();
        for _ in 0..4 {
            let (shard, _share) = turns.next(1).unwrap();
            turns.gave(shard, 1, None);
            order.push(shard);
        }
        assert_eq!(order, [0, 1, 0, 1], "in turns from now on");
        turns.gave(0, 0, None);
        turns.gave(1, 0, None);
        assert_eq!(turns.next(1), None);
    }
}
