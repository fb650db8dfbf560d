//! Ownership of shards.

use crate::ShardId;
use weft_core::time::Timestamp;

/// A shard that is owned, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardLease {
    /// Which shard.
    pub shard: ShardId,
    /// Rises with each change of owner; every transaction compares it.
    pub epoch: i64,
    /// By the database's clock.
    pub until: Timestamp,
    /// The number of the shard's last turn, as of this lease.
    pub turn: i64,
}

/// What the database holds of a shard besides its tenants' data: compared with what its
/// scheduler knows, it shows whether the database lost what it acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShardState {
    /// [`crate::ShardSettings::version`].
    pub settings: i64,
    /// The epoch of the last takeover.
    pub epoch: i64,
    /// The number of the last committed turn; after a takeover that of its first turn, less one.
    pub turn: i64,
    /// The last committed turn, whichever epoch it was in: a takeover does not change it. After lost
    /// turns were recorded it is a later one than those.
    pub committed: TurnId,
}

/// A turn of a shard. Later turns are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TurnId {
    /// The epoch of its scheduler.
    pub epoch: i64,
    /// Its number in that epoch.
    pub turn: i64,
}

/// What a database lost of a shard although it had acknowledged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Turns.
    pub turns: u64,
    /// Takeovers, at the most.
    pub epochs: u32,
}

/// A scheduler's fair share of the shards, given what each live scheduler holds now. Shares are
/// equal; the remainder goes to the schedulers that hold the most, so that as few shards as
/// possible move. Shares computed from the same holdings add up to all shards.
pub fn share_of(scheduler: &str, mut schedulers: Vec<(String, u32)>, shards: u32) -> u32 {
    schedulers.sort_by(|(one, of_one), (other, of_other)| {
        of_other.cmp(of_one).then_with(|| one.cmp(other))
    });
    let count = u32::try_from(schedulers.len()).unwrap_or(u32::MAX).max(1);
    let rank = schedulers.iter().position(|(id, _)| id == scheduler);
    let rank = rank.and_then(|rank| u32::try_from(rank).ok());
    let is_larger = rank.is_some_and(|rank| rank < shards % count);
    shards / count + u32::from(is_larger)
}

#[cfg(test)]
mod tests {
    use super::share_of;

    /// Lets every scheduler release and take shards until none changes; returns how many moved.
    fn settle(schedulers: &mut [(String, u32)], shards: u32) -> u32 {
        let mut moved = 0;
        for _round in 0..100 {
            let mut changed = false;
            for at in 0..schedulers.len() {
                let share = share_of(&schedulers[at].0, schedulers.to_vec(), shards);
                let free = shards - schedulers.iter().map(|(_, held)| held).sum::<u32>();
                let held = &mut schedulers[at].1;
                let then = share.min(*held + free);
                moved += held.abs_diff(then);
                changed |= then != *held;
                *held = then;
            }
            if !changed {
                return moved;
            }
        }
        panic!("they go on for ever: {schedulers:?}");
    }

    #[test]
    fn shares_are_equal_and_little_moves() {
        for shards in 0..20 {
            let mut schedulers = Vec::new();
            for count in 1..8_u32 {
                schedulers.push((format!("s{count}"), 0));
                let moved = settle(&mut schedulers, shards);
                let (least, most) = (shards / count, shards.div_ceil(count));
                let all_fair = schedulers
                    .iter()
                    .all(|(_, held)| (least..=most).contains(held));
                assert!(all_fair, "{shards}: {schedulers:?}");
                let held: u32 = schedulers.iter().map(|(_, held)| held).sum();
                assert_eq!(held, shards, "nothing is left over");
                // Given back by one, taken by the other, and the first takes all.
                let due = if count == 1 { shards } else { 2 * least };
                assert!(moved <= due, "{shards} {count}: {moved}");
            }
        }
    }

    #[test]
    fn a_scheduler_that_is_not_listed_gets_the_share_of_one_alone() {
        assert_eq!(share_of("a", vec![("a".into(), 0)], 5), 5);
        assert_eq!(share_of("a", Vec::new(), 5), 5, "alone until it is written");
    }
}
