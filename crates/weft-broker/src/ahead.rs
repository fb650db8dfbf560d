//! Instances that may run ahead of a commit (`weft_core::run_ahead`): they travel with the dispatch of
//! an attempt, and their ends with its report.

use crate::{AttemptKey, Dispatch, ReportedOutcome, Usage};
use std::sync::Arc;
use weft_core::{
    asset::AssetUpdate,
    document::Code,
    id::TaskId,
    inputs::{AheadInput, PickError, resolve_ahead},
    limit::Limits,
    policy::Granted,
    run::{Attempt, Instance},
};

/// An instance that may run ahead: what differs from the dispatch that it travels with. It has that
/// one's file, queue, parameters and dates; what it is granted reaches nothing outside its sandbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    /// The instance.
    pub instance: Instance,
    /// It runs on a success of the one before it, as the next task of a chain. Any other instance runs
    /// however those before it end.
    pub on_success: bool,
    /// Its task is mapped.
    pub is_mapped: bool,
    /// The name of its task in the DAG.
    pub id: TaskId,
    /// The number of the attempt.
    pub number: u32,
    /// Where to enter the file.
    pub code: Arc<Code>,
    /// By parameter name.
    pub inputs: Vec<(String, AheadInput)>,
    /// As in `context.attempt()`.
    pub idempotency_key: String,
    /// What it may use up: no more memory than the attempt that it travels with.
    pub limits: Limits,
    /// Runs on the deterministic engine.
    pub deterministic: bool,
}

/// How an attempt ended that ran ahead. It counts only if the report that it travels with does.
#[derive(Debug, Clone, PartialEq)]
pub struct AheadReport {
    /// The instance.
    pub instance: Instance,
    /// The number of the attempt.
    pub number: u32,
    /// How it ended.
    pub outcome: ReportedOutcome,
    /// Its resource usage.
    pub usage: Usage,
    /// As of [`crate::Report`].
    pub log: Option<Arc<str>>,
    /// As of [`crate::Report`].
    pub artifacts: Vec<String>,
    /// As of [`crate::Report`].
    pub updates: Vec<AssetUpdate>,
}

impl Ahead {
    /// The bytes of the inputs that are known.
    pub fn bytes(&self) -> usize {
        let inputs = self.inputs.iter();
        let bytes = inputs.map(|(name, input)| match input {
            AheadInput::Value(value) => name.len() + value.len(),
            AheadInput::Output { pointer: _ } => name.len(),
        });
        bytes.sum()
    }
}

impl Dispatch {
    /// The attempt of an instance that runs ahead, as a dispatch; the next task of a chain runs on this
    /// output. It bears the nonce of this dispatch; its own is drawn when it counts.
    ///
    /// # Errors
    /// The output lacks a part that the task takes.
    pub fn ahead_on(&self, ahead: &Ahead, output: &Arc<str>) -> Result<Self, PickError> {
        let mut document = (*self.document).clone();
        document.task = ahead.id.clone();
        document.map_index = ahead.is_mapped.then_some(u64::from(ahead.instance.index));
        document.number = ahead.number;
        document.idempotency_key.clone_from(&ahead.idempotency_key);
        document.woken = None;
        Ok(Self {
            key: AttemptKey {
                attempt: Attempt {
                    instance: ahead.instance,
                    number: ahead.number,
                    nonce: self.key.attempt.nonce,
                },
                ..self.key
            },
            tenant: self.tenant.clone(),
            queue: Arc::clone(&self.queue),
            priority: self.priority,
            digest: self.digest,
            code: Arc::clone(&ahead.code),
            inputs: resolve_ahead(&ahead.inputs, output)?,
            document: Arc::new(document),
            resumed: None,
            granted: Arc::new(Granted::default()),
            limits: ahead.limits,
            deterministic: ahead.deterministic,
            trace: self.trace.clone(),
            watched: false,
            ahead: Vec::new(),
        })
    }
}
