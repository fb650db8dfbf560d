//! Changes that are meant for one state of a thing: where it is in another one by
//! now, they are refused in the transaction that would have made them.

use crate::PolicyRow;
use weft_core::time::Timestamp;
use weft_store::{DagKey, StoreError, VersionId};

/// Who changes something, and which state they saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant<'a, S> {
    /// Who, for the audit.
    pub by: &'a str,
    /// The state that the change is meant for; none where any will do.
    pub state: Option<S>,
}

impl<'a, S> From<&'a str> for Meant<'a, S> {
    fn from(by: &'a str) -> Self {
        Self { by, state: None }
    }
}

impl<'a, S> From<&'a String> for Meant<'a, S> {
    fn from(by: &'a String) -> Self {
        Self::from(by.as_str())
    }
}

/// The state of a DAG that people change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DagStamp {
    pub(crate) key: DagKey,
    pub(crate) paused: bool,
    pub(crate) active: Option<VersionId>,
    pub(crate) updated: Timestamp,
}

/// A tenant's policy as it was seen; none where the default held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStamp(pub Option<PolicyRow>);

/// Why something was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is in another state than the one that the change was meant for.
    #[error("it was changed meanwhile")]
    ChangedMeanwhile,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}
