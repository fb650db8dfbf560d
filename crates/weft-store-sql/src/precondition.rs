//! Conditional changes (`If-Match`): the transaction that makes the change refuses it
//! if the object is no longer in the expected state.

use weft_store::StoreError;

/// Who makes a change, and the state that the change requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition<'a, S> {
    /// The actor, for the audit.
    pub actor: &'a str,
    /// The required state; none if any state will do.
    pub expected: Option<S>,
}

impl<'a, S> From<&'a str> for Precondition<'a, S> {
    fn from(actor: &'a str) -> Self {
        Self {
            actor,
            expected: None,
        }
    }
}

impl<'a, S> From<&'a String> for Precondition<'a, S> {
    fn from(actor: &'a String) -> Self {
        Self::from(actor.as_str())
    }
}

/// Why something was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The object is no longer in the expected state.
    #[error("it was changed meanwhile")]
    ChangedMeanwhile,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
