//! The state of one instance: 16 bytes.
//!
//! Times and counts of failures, which few instances have, are in [`super::pause`].

use super::{InstanceState, Outcome};

/// The states of an instance without what they carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    Waiting,
    Expanding,
    Ready,
    Queued,
    Running,
    UpForRetry,
    Deferred,
    Success,
    Failed,
    Skipped,
    UpstreamFailed,
    Cancelled,
}

/// How many tags there are.
pub(super) const TAGS: usize = 12;

/// How downstreams count an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Pending,
    Success,
    Skipped,
    Failed,
    UpstreamFailed,
}

impl Tag {
    pub(super) const ALL: [Self; TAGS] = [
        Self::Waiting,
        Self::Expanding,
        Self::Ready,
        Self::Queued,
        Self::Running,
        Self::UpForRetry,
        Self::Deferred,
        Self::Success,
        Self::Failed,
        Self::Skipped,
        Self::UpstreamFailed,
        Self::Cancelled,
    ];

    pub(super) const fn class(self) -> Class {
        match self {
            Self::Waiting
            | Self::Expanding
            | Self::Ready
            | Self::Queued
            | Self::Running
            | Self::UpForRetry
            | Self::Deferred => Class::Pending,
            Self::Success => Class::Success,
            Self::Skipped => Class::Skipped,
            Self::Failed | Self::Cancelled => Class::Failed,
            Self::UpstreamFailed => Class::UpstreamFailed,
        }
    }

    pub(super) const fn is_ended(self) -> bool {
        !matches!(self.class(), Class::Pending)
    }

    /// Whether an attempt is queued or running.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }

    /// Whether it counts towards `max_active`.
    pub(super) const fn is_active(self) -> bool {
        matches!(self, Self::Ready | Self::Queued | Self::Running)
    }

    /// The public state of an ended instance.
    pub(super) const fn ended_state(self) -> Option<InstanceState> {
        match self {
            Self::Success => Some(InstanceState::Success),
            Self::Failed => Some(InstanceState::Failed),
            Self::Skipped => Some(InstanceState::Skipped),
            Self::UpstreamFailed => Some(InstanceState::UpstreamFailed),
            Self::Cancelled => Some(InstanceState::Cancelled),
            Self::Waiting
            | Self::Expanding
            | Self::Ready
            | Self::Queued
            | Self::Running
            | Self::UpForRetry
            | Self::Deferred => None,
        }
    }
}

/// The end of the attempt that a cell stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Report {
    /// Nothing yet.
    Open,
    Success,
    Branch,
    Skipped,
    Deferred,
    Failed,
    /// Its worker was lost.
    Lost,
    /// A cancel, a clear or a mark ended it; nothing it reports counts.
    Revoked,
}

impl Report {
    pub(super) const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Success,
            Outcome::Branch { .. } => Self::Branch,
            Outcome::Skipped => Self::Skipped,
            Outcome::Deferred { .. } => Self::Deferred,
            Outcome::Failed { .. } => Self::Failed,
        }
    }
}

/// One instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// Of the last attempt.
    pub(super) nonce: u64,
    /// Of the last attempt; 0 before the first.
    pub(super) number: u32,
    pub(super) tag: Tag,
    /// What became of the last attempt.
    pub(super) report: Report,
    /// Within a page: whether it says anything. An untouched instance is
    /// described by its task's range.
    pub(super) touched: bool,
}

impl Cell {
    /// An instance that no attempt of this generation was made of.
    pub(super) const fn fresh(tag: Tag, number: u32) -> Self {
        Self {
            nonce: 0,
            number,
            tag,
            report: Report::Revoked,
            touched: false,
        }
    }
}

const _: () = assert!(
    size_of::<Cell>() == 16,
    "a million finished instances are 16 MB"
);
