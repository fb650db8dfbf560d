//! The documents that cross the boundary while an attempt runs: what a guest
//! reads about it (`context.attempt`), what it may return instead of an
//! output (`control`), what comes with a failure, and artifacts inside JSON.
//!
//! These are wire types with parsers; what a control document *means* for a
//! run is the state machine's. Texts from a guest are capped before they are
//! parsed. An unknown field in a guest's answer is an error: a newer contract
//! must never be half understood.

mod artifact;
mod attempt;
mod control;

pub use artifact::{ARTIFACT_KEY, ArtifactRef, artifact_refs, artifact_refs_in};
pub use attempt::{AttemptDocument, DataInterval};
pub use control::{
    Control, ControlError, FailureDetails, MAX_CONTROL_BYTES, MAX_DETAILS_BYTES, MAX_REASON_BYTES,
    Wake,
};
