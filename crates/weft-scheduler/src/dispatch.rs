//! Which ready instances become attempts, and what their workers are told.

use crate::{
    active_run::{ActiveRun, AttemptFacts},
    fault::planted,
    grants::Grant,
    options::DISPATCHES_A_TURN,
    outputs::{NotHere, OutputError},
    shard::{Context, Shard, key_in},
};
use std::{collections::HashSet, sync::Arc};
use weft_broker::{Demand, Dispatch};
use weft_core::{
    contract::AttemptDocument,
    document::TaskIndex,
    failure_code::FailureCode,
    fair_queue::QueueBounds,
    inputs::{self, InputError},
    run::{Attempt, Event, Instance},
    run_id::RunId,
};
use weft_store::StoreError;

/// Why an attempt can't be made.
enum Unmade {
    /// For the author or the operator: the attempt fails.
    Failed { code: &'static str, why: String },
    /// The database does not answer: later.
    Store(StoreError),
}

impl From<OutputError> for Unmade {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Store(error) => Self::Store(error),
            error @ (OutputError::Blob(_) | OutputError::Text) => Self::Failed {
                code: FailureCode::Internal.as_str(),
                why: error.to_string(),
            },
        }
    }
}

impl Shard {
    /// Works out how many instances mapped tasks have.
    pub(crate) async fn expand(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        while let Some((run, task, generation)) = self.to_expand.pop_front() {
            let event = match self.instances(cx, run, task).await {
                Ok(Some(instances)) => Event::Expanded {
                    task,
                    generation,
                    instances,
                },
                Ok(None) => continue,
                Err(Unmade::Failed { code, why }) => {
                    let placeholder = Instance { task, index: 0 };
                    if let Some(active) = self.runs.get_mut(&run) {
                        active.record(placeholder).error = Some(crate::actions::error(code, &why));
                    }
                    Event::ExpandFailed {
                        task,
                        generation,
                        message: String::new(),
                    }
                }
                Err(Unmade::Store(error)) => {
                    self.to_expand.push_front((run, task, generation));
                    return Err(error);
                }
            };
            // Rejected: it was cleared, marked or cancelled in the meantime.
            let _outdated = self.apply(cx, run, event);
        }
        Ok(())
    }

    /// How many instances a task has; `None` where its run is gone.
    async fn instances(
        &mut self,
        cx: &mut Context,
        run: RunId,
        task: TaskIndex,
    ) -> Result<Option<u32>, Unmade> {
        let Some(active) = self.runs.get_mut(&run) else {
            return Ok(None);
        };
        loop {
            match active.inputs.expand(task, &mut active.outputs) {
                Ok(instances) => return Ok(Some(instances)),
                Err(InputError::Output(NotHere)) => active.fetch_needed(cx, task).await?,
                Err(error) => {
                    return Err(Unmade::Failed {
                        code: FailureCode::Expansion.as_str(),
                        why: format!("the task can't be mapped: {error}"),
                    });
                }
            }
        }
    }

    /// Makes attempts while there is room for them.
    pub(crate) async fn dispatch(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        self.completion_rate.turn();
        if self.order.is_empty() {
            return Ok(());
        }
        match self.broker.demand().await {
            Ok(demands) => self.take_demand(&demands),
            // Nothing is handed out while the broker is away; the next turn asks again.
            Err(error) => {
                tracing::warn!(%error, "the broker was asked for free places");
                return Ok(());
            }
        }
        // Each of them counts as active now: one that fails must not drop the others.
        let mut failed = None;
        for taken in self.order.take(DISPATCHES_A_TURN) {
            if let Some(active) = self.runs.get_mut(&taken.run) {
                active.live.insert(taken.instance);
                if let Err(error) = self.attempt(cx, taken.run, taken.instance).await {
                    failed = Some(error);
                }
            } else {
                self.order.release(&taken.account);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Tries again to hand out attempts whose inputs could not be read.
    pub(crate) async fn hand_out_unprepared(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        let mut failed = None;
        for (run, attempt) in std::mem::take(&mut self.to_prepare) {
            if let Err(error) = self.hand_out(cx, run, attempt).await {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Tells the order how many attempts each queue's workers can take: now, and until the next
    /// turn's are published. So many wait in the queue at most, for whoever is free first.
    fn take_demand(&mut self, demands: &[Demand]) {
        let served: HashSet<&str> = demands.iter().map(|demand| &*demand.queue).collect();
        let deserted: Vec<Arc<str>> = self
            .order
            .queues()
            .filter(|(name, bounds)| bounds.workers > 0 && !served.contains(&***name))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        for queue in deserted {
            self.order.set_queue(&queue, QueueBounds::default());
        }
        for demand in demands {
            let ahead = self
                .completion_rate
                .prefetch(&demand.queue)
                .saturating_sub(demand.prefetched);
            let bounds = QueueBounds {
                free_slots: demand.free_slots.saturating_add(ahead),
                workers: demand.workers,
                memory_bytes: demand.memory_bytes.unwrap_or(u64::MAX),
            };
            self.order.set_queue(&demand.queue, bounds);
        }
    }

    async fn attempt(
        &mut self,
        cx: &mut Context,
        run: RunId,
        instance: Instance,
    ) -> Result<(), StoreError> {
        let nonce = cx.random.u64(..);
        let dispatched = self.apply(cx, run, Event::Dispatched { instance, nonce });
        let Some(active) = self.runs.get_mut(&run) else {
            return Ok(());
        };
        if dispatched.is_err() {
            // An earlier attempt of this turn ended its run: nothing of it is active.
            active.release(instance, &mut self.order);
            return Ok(());
        }
        let number = active.run.next_number(instance).map_or(1, |next| next - 1);
        let attempt = Attempt {
            instance,
            number,
            nonce,
        };
        let now = cx.now();
        let record = active.record(instance);
        record.error = None;
        record.attempt = Some(AttemptFacts {
            number,
            nonce,
            queued: Some(now),
            ..AttemptFacts::default()
        });
        self.changes.urgent = true;
        self.hand_out(cx, run, attempt).await
    }

    /// Puts a committed or about to be committed attempt among what is published after the turn.
    pub(crate) async fn hand_out(
        &mut self,
        cx: &mut Context,
        run: RunId,
        attempt: Attempt,
    ) -> Result<(), StoreError> {
        match self.prepare(cx, run, attempt).await {
            Ok(Some(dispatch)) => {
                self.changes.publish.push(dispatch);
                // After a recovery there may be nothing else to commit.
                self.changes.urgent = true;
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(Unmade::Failed { code, why }) => {
                self.fail_attempt(cx, run, attempt, code, &why);
                Ok(())
            }
            Err(Unmade::Store(error)) => {
                self.to_prepare.push((run, attempt));
                Err(error)
            }
        }
    }

    async fn prepare(
        &mut self,
        cx: &mut Context,
        run: RunId,
        attempt: Attempt,
    ) -> Result<Option<Dispatch>, Unmade> {
        let instance = attempt.instance;
        if let Some((code, why)) = self.condemned(run, instance) {
            return Err(Unmade::Failed { code, why });
        }
        let watched = self.is_watched(run, instance);
        let Some(active) = self.runs.get_mut(&run) else {
            return Ok(None);
        };
        let policy = self
            .policies
            .get(&active.tenant)
            .ok_or_else(|| Unmade::Failed {
                code: FailureCode::Denied.as_str(),
                why: format!("the tenant {} has no settings", active.tenant),
            })?;
        let Grant { granted, limits } = active
            .grants
            .of(&active.version.dag, instance.task, policy)
            .map_err(|why| Unmade::Failed {
                code: FailureCode::Denied.as_str(),
                why: format!("the policy no longer allows what the task asks for: {why}"),
            })?;
        let inputs = active.inputs_of(cx, instance).await?;
        let bytes: usize = inputs
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if bytes > Dispatch::MAX_INPUT_BYTES {
            return Err(Unmade::Failed {
                code: FailureCode::InputLimit.as_str(),
                why: format!(
                    "the inputs have {bytes} bytes of JSON, and {} are allowed; pass large data on as artifacts",
                    Dispatch::MAX_INPUT_BYTES
                ),
            });
        }
        let resumed = active.resumed(cx, attempt);
        let task = &active.version.dag.tasks[instance.task.as_usize()];
        let facts = &active.version.tasks[instance.task.as_usize()];
        let digest = facts.digest.ok_or_else(|| Unmade::Failed {
            code: FailureCode::Internal.as_str(),
            why: "the version names no file for the task; deploy it again".into(),
        })?;
        Ok(Some(Dispatch {
            key: key_in(self.lease.shard, run, attempt),
            tenant: active.tenant.clone(),
            queue: Arc::clone(&facts.queue),
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
        }))
    }
}

impl ActiveRun {
    async fn inputs_of(
        &mut self,
        cx: &mut Context,
        instance: Instance,
    ) -> Result<Vec<(String, String)>, Unmade> {
        loop {
            // After a recovery the lists that a task is mapped over are not known any more.
            let expanded =
                self.run.is_expanded(instance.task) && !self.inputs.is_expanded(instance.task);
            let inputs = if expanded {
                self.inputs
                    .expand(instance.task, &mut self.outputs)
                    .map(|_| None)
            } else {
                self.inputs.of(instance, &mut self.outputs).map(Some)
            };
            match inputs {
                Ok(Some(inputs)) => return Ok(inputs),
                Ok(None) => {}
                Err(InputError::Output(NotHere)) => self.fetch_needed(cx, instance.task).await?,
                Err(error) => {
                    return Err(Unmade::Failed {
                        code: FailureCode::Input.as_str(),
                        why: error.to_string(),
                    });
                }
            }
        }
    }

    /// Reads what a task's inputs are made of and isn't in memory.
    async fn fetch_needed(&mut self, cx: &mut Context, task: TaskIndex) -> Result<(), OutputError> {
        let version = Arc::clone(&self.version);
        for needed in inputs::needs(&version.dag, task) {
            cx.output_bytes += self
                .outputs
                .fetch(
                    needed,
                    self.id,
                    &self.tenant,
                    &*cx.deps.store,
                    &cx.deps.blobs,
                )
                .await?;
        }
        Ok(())
    }

    /// What a deferral left for this attempt.
    fn resumed(&self, cx: &Context, attempt: Attempt) -> Option<Arc<str>> {
        if planted!(cx, ResumeForgotten) {
            return None;
        }
        self.records.get(&attempt.instance)?.resume.clone()
    }

    fn document(&self, attempt: Attempt) -> AttemptDocument {
        let instance = attempt.instance;
        let task = &self.version.dag.tasks[instance.task.as_usize()];
        let generation = self.run.generation(instance.task);
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
            idempotency_key: format!("{}/{}/{}/{generation}", self.id, task.id, instance.index),
        }
    }
}
