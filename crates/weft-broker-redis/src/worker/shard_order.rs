//! The order in which a worker claims from shards: each shard's share of the claims follows
//! its weight while it has work ([`weft_core::stride`]).

use weft_core::stride::{StrideClient, StrideScheduler};

/// The shards, by index.
#[derive(Debug)]
pub(super) struct ShardOrder {
    shards: Vec<StrideClient>,
    /// A shard is eligible while it may have work.
    order: StrideScheduler<usize>,
}

impl ShardOrder {
    /// An order of `count` shards, each of which may have work.
    pub(super) fn new(count: usize) -> Self {
        let mut all = Self {
            shards: vec![StrideClient::new(1); count],
            order: StrideScheduler::default(),
        };
        for shard in 0..count {
            all.may_have_work(shard);
        }
        all
    }

    /// The shard to claim from next, and its share of `max` claims, at least one.
    pub(super) fn next(&self, max: u32) -> Option<(usize, u32)> {
        let shard = self.order.first()?;
        let share = self.order.share_of(&self.shards[shard], max);
        Some((shard, share.clamp(1, max.max(1))))
    }

    /// Records the claims from a shard, and the weight that it answered with.
    pub(super) fn record(&mut self, shard: usize, count: usize, weight: Option<u32>) {
        let client = &mut self.shards[shard];
        self.order.set_eligible(shard, client, count > 0);
        if let Some(weight) = weight {
            self.order.set_weight(shard, client, weight);
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.order.charge(shard, client, count);
    }

    /// Work may have come to the shard.
    pub(super) fn may_have_work(&mut self, shard: usize) {
        self.order
            .set_eligible(shard, &mut self.shards[shard], true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claims `each` at a time from shards that always have work; the claims by shard.
    fn claimed(weights: &[u32], each: u32, rounds: u32) -> Vec<u32> {
        let mut order = ShardOrder::new(weights.len());
        let mut claimed = vec![0; weights.len()];
        for (shard, weight) in weights.iter().enumerate() {
            order.record(shard, 1, Some(*weight));
        }
        for _ in 0..rounds {
            let mut left = each;
            while left > 0 {
                let (shard, share) = order.next(left).unwrap();
                let count = share.min(left);
                order.record(shard, count as usize, Some(weights[shard]));
                claimed[shard] += count;
                left -= count;
            }
        }
        claimed
    }

    #[test]
    fn shares_follow_the_weights() {
        for each in [1, 3, 100] {
            let claimed = claimed(&[100, 300, 200], each, 6_000 / each);
            for (shard, due) in [(0, 1_000), (1, 3_000), (2, 2_000)] {
                assert!(claimed[shard].abs_diff(due) <= 100, "{each}: {claimed:?}");
            }
        }
    }

    #[test]
    fn a_shard_earns_no_credit_while_it_has_no_work() {
        let mut order = ShardOrder::new(2);
        order.record(0, 0, Some(100));
        assert_eq!(order.next(8), Some((1, 8)), "the only shard with work");
        order.record(1, 1_000, Some(100));
        order.may_have_work(0);
        let mut of_first = 0;
        for _ in 0..100 {
            let (shard, _share) = order.next(1).unwrap();
            order.record(shard, 1, None);
            of_first += u32::from(shard == 0);
        }
        assert!((50..=51).contains(&of_first), "{of_first}");
        order.record(0, 0, None);
        order.record(1, 0, None);
        assert_eq!(order.next(1), None);
    }
}
