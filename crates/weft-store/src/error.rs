//! Why the store refuses.

use crate::{ShardId, ShardState};
use weft_core::run_id::RunId;

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Does not answer, or is busy for too long: the same call may succeed later.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// No space is left, or it can't be written.
    #[error("the database can't be written: {0}")]
    Full(String),
    /// The stored data is not what this version of Weft wrote.
    #[error("the database holds something unexpected: {0}")]
    Corrupt(String),
    /// A statement or type that doesn't fit the schema: a defect of Weft.
    #[error("a defect in Weft's use of the database: {0}")]
    Defect(String),
}

/// Why a turn was not committed. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else owns the shard: stop at once.
    #[error("the shard {0:?} is owned by another scheduler")]
    Fenced(ShardId),
    /// The database lost turns that it had acknowledged: everything in memory of the shard is
    /// void.
    #[error("the database lost acknowledged turns: it is at turn {} of epoch {}", .0.turn, .0.epoch)]
    TurnsLost(ShardState),
    /// A run for this date exists already: leave the new run out.
    #[error("there is a run for the date of {0} already")]
    RunExists(RunId),
    /// Another run has the id that was drawn for a new one, or two new ones have the same:
    /// draw another.
    #[error("the id {0} is taken by another run")]
    IdTaken(RunId),
    /// Another reason; [`StoreError::Unavailable`] and [`StoreError::Full`] may pass,
    /// anything else lies in the turn itself: find the run that breaks it by halving.
    #[error(transparent)]
    Store(#[from] StoreError),
}
