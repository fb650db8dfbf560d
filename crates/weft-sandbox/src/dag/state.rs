//! The state of `weft:dag` for one attempt.

use crate::{CancelSignal, Variables};
use std::sync::Arc;
use weft_core::policy::Granted;

/// What the guest can read about its attempt.
pub(crate) struct DagState {
    /// What `context.attempt` answers.
    pub(crate) attempt: Arc<str>,
    /// What `context.resumed` answers.
    pub(crate) resumed: Option<Arc<str>>,
    /// What `context.cancelled` answers.
    pub(crate) cancel: CancelSignal,
    /// Where granted variables come from.
    pub(crate) variables: Arc<dyn Variables>,
    /// The grants, which decide what may be read of them.
    pub(crate) granted: Arc<Granted>,
    /// The message of the first refusal, which names the grant to add.
    pub(crate) denied: Option<String>,
}
