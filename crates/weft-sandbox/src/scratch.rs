//! The scratch folder: the only part of a file system that a task can see.
//!
//! Made at first use, bounded in bytes, removed with the attempt.

/// One attempt's scratch folder.
#[derive(Default)]
pub(crate) struct ScratchState {}
