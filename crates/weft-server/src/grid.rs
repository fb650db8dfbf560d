//! The states of many runs as columns of small numbers, computed once for runs that have ended.

mod rows;
mod states;

pub(crate) use {
    rows::{Rows, group_of, upstreams_first},
    states::{GridStates, RunStates},
};

use weft_core::run::Counts;
use weft_store::InstanceTag;

/// The number of a state in answers; see `weft_api::Grid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u8);

impl Code {
    /// The task is not in the run's version.
    pub(crate) const ABSENT: Self = Self(0);
    /// It waits for its upstreams.
    pub(crate) const WAITING: Self = Self(1);
    /// It may run, and has no row.
    pub(crate) const READY: Self = Self(3);
    /// It succeeded.
    pub(crate) const SUCCESS: Self = Self(8);

    /// The code of a stored state.
    pub(crate) const fn of(state: InstanceTag) -> Self {
        Self(match state {
            InstanceTag::Ready => 3,
            InstanceTag::Queued => 4,
            InstanceTag::Running => 5,
            InstanceTag::UpForRetry => 6,
            InstanceTag::Deferred => 7,
            InstanceTag::Success => 8,
            InstanceTag::Failed => 9,
            InstanceTag::Skipped => 10,
            InstanceTag::UpstreamFailed => 11,
            InstanceTag::Cancelled => 12,
        })
    }

    /// The state of a mapped task that must not be missed among these of its instances.
    pub(crate) fn worst(counts: &Counts) -> Option<Self> {
        // Failed, upstream failed, up for retry, running, deferred, queued, ready, expanding, waiting, cancelled, skipped, success.
        let order = [9, 11, 6, 5, 7, 4, 3, 2, 1, 12, 10, 8];
        let counts = counts.in_order();
        order
            .into_iter()
            .find(|code| counts[usize::from(*code) - 1] > 0)
            .map(Self)
    }
}

/// States one after another, equal neighbours together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RunLengths(Vec<u32>);

impl RunLengths {
    /// Adds so many of a state.
    pub(crate) fn push(&mut self, code: Code, length: u32) {
        if length == 0 {
            return;
        }
        let code = u32::from(code.0);
        if let [.., last, count] = &mut self.0[..]
            && *last == code
        {
            *count += length;
            return;
        }
        self.0.extend([code, length]);
    }

    /// Each state, as often as it is there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Code> {
        self.0.chunks_exact(2).flat_map(|pair| {
            let code = u8::try_from(pair[0]).expect("a code was put in");
            std::iter::repeat_n(Code(code), pair[1] as usize)
        })
    }

    /// Pairs of a code and a length.
    pub(crate) fn into_pairs(self) -> Vec<u32> {
        self.0
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_pair() {
        let mut states = RunLengths::default();
        for (code, length) in [(8, 2), (8, 1), (9, 0), (9, 1), (8, 4)] {
            states.push(Code(code), length);
        }
        let codes: Vec<u8> = states.iter().map(|code| code.0).collect();
        assert_eq!(codes, [8, 8, 8, 9, 8, 8, 8, 8]);
        assert_eq!(states.into_pairs(), [8, 3, 9, 1, 8, 4]);
    }

    #[test]
    fn a_failure_is_never_averaged_away() {
        let mut counts = Counts {
            success: 100_000,
            failed: 1,
            running: 50,
            ..Counts::default()
        };
        assert_eq!(Code::worst(&counts), Some(Code(9)));
        counts.failed = 0;
        assert_eq!(Code::worst(&counts), Some(Code(5)));
        counts.running = 0;
        assert_eq!(Code::worst(&counts), Some(Code::SUCCESS));
        assert_eq!(Code::worst(&Counts::default()), None);
    }
}
