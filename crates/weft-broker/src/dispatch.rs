//! A dispatch: one attempt on its way to a worker, complete except for secrets and code.

use crate::Ahead;
use std::sync::Arc;
use weft_core::{
    contract::AttemptDocument, digest::Digest, document::Code, id::TenantId, limit::Limits,
    policy::Granted, run::Attempt, run_id::RunId,
};

/// Names one attempt in the whole installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptKey {
    /// The shard of its scheduler, to which all calls about it go.
    pub shard: u32,
    /// Run that the attempt belongs to.
    pub run: RunId,
    /// Which instance, which number, and the nonce that fences it.
    pub attempt: Attempt,
}

/// One attempt to run. Cheap to clone: large parts are shared.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// The dispatched attempt.
    pub key: AttemptKey,
    /// Tenant of the attempt's run.
    pub tenant: TenantId,
    /// Which workers may take it.
    pub queue: Arc<str>,
    /// Higher goes first within the queue.
    pub priority: i32,
    /// The file that holds the code, by digest.
    pub digest: Digest,
    /// Where to enter it.
    pub code: Arc<Code>,
    /// By parameter name; each value is JSON text, which attempts with the same value share.
    /// Together at most [`Dispatch::MAX_INPUT_BYTES`]; the scheduler fails an attempt beyond it.
    pub inputs: Vec<(String, Arc<str>)>,
    /// What `context.attempt()` answers, but for the deadline, which the worker sets.
    pub document: Arc<AttemptDocument>,
    /// What `context.resumed()` answers: JSON, after a deferral.
    pub resumed: Option<Arc<str>>,
    /// What the task may reach: names, never values.
    pub granted: Arc<Granted>,
    /// What the task may use up; `timeout_ms` is the longest the attempt may take.
    pub limits: Limits,
    /// Runs on the deterministic engine.
    pub deterministic: bool,
    /// The W3C `traceparent` of the run's trace.
    pub trace: Option<Arc<str>>,
    /// It was running when a worker crashed. A worker starts no two such attempts close together,
    /// so that another crash has one suspect.
    pub watched: bool,
    /// What may run ahead: a chain on its success, or ready instances of its run after it. At most
    /// [`weft_core::run_ahead::MAX_TASKS`]. Empty of watched attempts.
    pub ahead: Vec<Ahead>,
}

impl Dispatch {
    /// The most bytes of JSON that the inputs of one attempt may have.
    pub const MAX_INPUT_BYTES: usize = weft_core::inputs::MAX_INPUT_BYTES;

    /// The bytes of its inputs and of the state that it resumes from: most of a large message.
    pub fn bytes(&self) -> usize {
        let inputs = self.inputs.iter();
        let inputs: usize = inputs.map(|(name, value)| name.len() + value.len()).sum();
        let ahead = self.ahead.iter().map(Ahead::bytes);
        inputs + self.resumed.as_ref().map_or(0, |state| state.len()) + ahead.sum::<usize>()
    }
}
