//! The dispatch of an attempt: its grants, limits, inputs and code.

use super::{OutputsNeeded, ahead, events::RunEvents};
use crate::{
    active_run::ActiveRun,
    faults::FaultPoints,
    grants::Grant,
    outputs::NotInMemory,
    shard::{
        attempt_key,
        crashes::{Crashes, Refusal},
        settings::Settings,
    },
};
use serde_json::Value;
use std::sync::Arc;
use weft_broker::Dispatch;
use weft_core::{
    contract::AttemptDocument,
    document::TaskIndex,
    failure_code::FailureCode,
    inputs::{self, InputError, NamedInputs},
    run::{Attempt, Instance},
    run_id::RunId,
};
use weft_store::ShardId;

/// Why an attempt has no dispatch.
pub(crate) enum Unprepared {
    /// Outputs of upstream tasks are not in memory.
    OutputsNeeded,
    /// The attempt fails.
    Failed { code: &'static str, message: String },
}

impl Unprepared {
    fn failed(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Failed { code, message }
    }
}

/// The inputs of the next attempt of an instance, or why the attempt will fail. The error names the
/// outputs that are missing: no attempt is made before they are in memory.
pub(crate) fn find_inputs(
    events: &mut RunEvents<'_>,
    run: RunId,
    instance: Instance,
) -> Result<Option<Result<NamedInputs, Unprepared>>, OutputsNeeded> {
    let Some(active) = events.runs.get_mut(run) else {
        return Ok(None);
    };
    match active.inputs_of(instance) {
        Err(Unprepared::OutputsNeeded) => Err(active.outputs_needed(instance)),
        inputs => Ok(Some(inputs)),
    }
}

/// Builds the dispatch of an attempt that is committed or part of this turn, and has it published
/// with the turn. An attempt that can't be made fails. Returns the outputs that are missing.
/// `inputs` are those that were found for it, if that was tried.
pub(crate) fn prepare_attempt(
    events: &mut RunEvents<'_>,
    run: RunId,
    attempt: Attempt,
    inputs: Option<Result<NamedInputs, Unprepared>>,
) -> Option<OutputsNeeded> {
    let active = events.runs.get_mut(run)?;
    let dispatch = build_dispatch(
        active,
        (attempt, inputs),
        events.shard,
        events.settings,
        events.crashes,
        events.cx.faults,
    );
    match dispatch {
        Ok(mut dispatch) => {
            ahead::add_ahead(events, &mut dispatch);
            let may_run_ahead = ahead::may_be_sent_ahead(events, &dispatch);
            events.batch.publish(dispatch, may_run_ahead);
            None
        }
        Err(Unprepared::Failed { code, message }) => {
            events.fail_attempt(run, attempt, code, &message);
            None
        }
        Err(Unprepared::OutputsNeeded) => Some(active.outputs_needed(attempt.instance)),
    }
}

fn build_dispatch(
    active: &mut ActiveRun,
    (attempt, inputs): (Attempt, Option<Result<NamedInputs, Unprepared>>),
    shard: ShardId,
    settings: &Settings,
    crashes: &Crashes,
    faults: FaultPoints,
) -> Result<Dispatch, Unprepared> {
    let instance = attempt.instance;
    if let Some(Refusal { code, message }) = crashes.refusal(active, instance) {
        return Err(Unprepared::Failed { code, message });
    }
    let watched = crashes.is_watched(active, instance);
    let Grant { granted, limits } = active.grant(instance.task, settings)?;
    let inputs = inputs.unwrap_or_else(|| active.inputs_of(instance))?;
    let resumed = active.records.get(&instance);
    let resumed = faults.resume_state(resumed.and_then(|record| record.resume.clone()));
    let task = active.task(instance.task);
    let facts = active.task_facts(instance.task);
    let digest = facts.digest.ok_or_else(|| {
        Unprepared::failed(
            FailureCode::Internal.as_str(),
            "the version names no file for the task; deploy it again",
        )
    })?;
    Ok(Dispatch {
        key: attempt_key(shard, active.id, attempt),
        tenant: active.tenant.clone(),
        queue: Arc::clone(&facts.account.queue),
        priority: task.priority.unwrap_or(0),
        digest,
        code: Arc::clone(&facts.code),
        inputs,
        document: Arc::new(active.document(attempt)),
        resumed,
        granted,
        limits,
        deterministic: task.deterministic,
        trace: active.trace.clone(),
        watched,
        ahead: Vec::new(),
    })
}

impl ActiveRun {
    /// What the tenant's policy grants a task.
    pub(super) fn grant(
        &mut self,
        task: TaskIndex,
        settings: &Settings,
    ) -> Result<Grant, Unprepared> {
        let policy = settings.policy(&self.tenant).ok_or_else(|| {
            let tenant = &self.tenant;
            Unprepared::failed(
                FailureCode::Denied.as_str(),
                format!("the tenant {tenant} has no settings"),
            )
        })?;
        self.grants
            .evaluate(&self.version.dag, task, policy)
            .map_err(|refusals| {
                Unprepared::failed(
                    FailureCode::Denied.as_str(),
                    format!("the policy no longer allows what the task asks for: {refusals}"),
                )
            })
    }

    pub(super) fn inputs_of(&mut self, instance: Instance) -> Result<NamedInputs, Unprepared> {
        // After a recovery the lists that a mapped task expands over are not in memory.
        let expanded =
            if self.run.is_expanded(instance.task) && !self.inputs.is_expanded(instance.task) {
                self.inputs
                    .expand(instance.task, &mut self.outputs)
                    .map(|_instances| ())
            } else {
                Ok(())
            };
        let inputs = expanded.and_then(|()| self.inputs.of(instance, &mut self.outputs));
        self.count_prepared();
        inputs.map_err(|error| {
            let code = match error {
                InputError::Output(NotInMemory) => return Unprepared::OutputsNeeded,
                InputError::TooLarge { .. } => FailureCode::InputLimit,
                InputError::Pick { .. }
                | InputError::TooMany { .. }
                | InputError::Unlike { .. } => FailureCode::Input,
            };
            Unprepared::failed(code.as_str(), error.to_string())
        })
    }

    /// What the inputs of an instance consist of and is not in memory.
    pub(super) fn outputs_needed(&self, instance: Instance) -> OutputsNeeded {
        let needed = inputs::needs(&self.version.dag, instance.task);
        OutputsNeeded(
            needed
                .filter(|task| self.outputs.missing(*task).is_some())
                .collect(),
        )
    }

    /// What ended the wait that an instance resumes from.
    fn woken(&self, instance: Instance) -> Option<Value> {
        let woken = self.records.get(&instance)?.woken.as_deref()?;
        // Weft wrote it.
        serde_json::from_str(woken).ok()
    }

    /// Equal over the retries of an instance, new after it was cleared, with its task or by itself.
    pub(super) fn idempotency_key(&self, instance: Instance) -> String {
        let task = &self.task(instance.task).id;
        let generation = self.run.generation(instance.task);
        let key = format!("{}/{task}/{}/{generation}", self.id, instance.index);
        match self.run.repeats(instance) {
            0 => key,
            repeats => format!("{key}.{repeats}"),
        }
    }

    fn document(&self, attempt: Attempt) -> AttemptDocument {
        let instance = attempt.instance;
        let task = self.task(instance.task);
        AttemptDocument {
            tenant: self.tenant.to_string(),
            dag: self.version.dag.id.clone(),
            run: self.id.to_string(),
            task: task.id.clone(),
            map_index: (!task.expand.is_empty()).then_some(u64::from(instance.index)),
            number: attempt.number,
            logical_date: self.logical_date,
            data_interval: self.interval,
            params: self.inputs.params().clone(),
            deadline: None,
            idempotency_key: self.idempotency_key(instance),
            woken: self.woken(instance),
        }
    }
}
