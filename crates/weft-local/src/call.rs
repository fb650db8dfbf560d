//! Calls of a component's task without a run of its DAG, for components that are part of `wfctl` itself.
//!
//! A task is granted nothing. Each call is an attempt in an instance of its own, with its own limits.

use serde_json::{Map, Value};
use std::{path::Path, sync::Arc};
use tokio::{sync::Semaphore, task::JoinSet};
use weft_api::problem::{Code, Problem, Problems};
use weft_core::{
    contract::{AttemptDocument, DataInterval},
    limit::Limits,
    policy::Granted,
    time::Timestamp,
};
use weft_dagfile::engine;
use weft_sandbox::{
    AttemptFailure, AttemptOutcome, AttemptRequest, CancelSignal, ConnectionScope, Entry,
    EventSink, FailureKind, Guest, GuestEvent, NoArtifacts, NoVariables, Sandbox, Services,
};

/// How many of a call's log lines wait to be read before the guest waits.
const EVENTS_A_CALL: usize = 64;
/// The id of the DAG that calls are part of, as far as the task can see.
const DAG: &str = "wfctl";

/// A component whose tasks are called.
pub struct Callee {
    sandbox: Sandbox,
    guest: Guest,
    runtime: tokio::runtime::Runtime,
    jobs: usize,
    scratch: tempfile::TempDir,
}

/// The inputs of one call: JSON by parameter.
pub type CallInputs = Vec<(String, Arc<str>)>;

impl Callee {
    /// Loads a component; `name` is what errors call it.
    ///
    /// # Errors
    /// What is wrong with the component or with this machine.
    pub fn load(name: &str, component: Vec<u8>) -> Result<Self, Problems> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = engine::runtime()?;
        let sandbox = engine::sandbox(u32::try_from(jobs).unwrap_or(1))?;
        let guest = runtime
            .block_on(sandbox.load(component))
            .map_err(|error| engine::load_problem(name, &error))?;
        let scratch = tempfile::tempdir()
            .map_err(|error| Problem::io("write", &std::env::temp_dir(), &error))?;
        Ok(Self {
            sandbox,
            guest,
            runtime,
            jobs,
            scratch,
        })
    }

    /// Calls a task once for each of several inputs, and returns its outputs in their order.
    ///
    /// # Errors
    /// A defect of this program; a call that fails is an item of the result.
    pub fn call(
        &self,
        task: &str,
        inputs: Vec<CallInputs>,
        limits: Limits,
    ) -> Result<Vec<Result<Value, AttemptFailure>>, Problem> {
        let slots = Arc::new(Semaphore::new(self.jobs));
        self.runtime.block_on(async {
            let mut calls = JoinSet::new();
            let mut results: Vec<_> = inputs.iter().map(|_| None).collect();
            for (index, inputs) in inputs.into_iter().enumerate() {
                let (request, events) = self.request(task, inputs, limits)?;
                let (sandbox, slots) = (self.sandbox.clone(), Arc::clone(&slots));
                calls.spawn(async move {
                    let _slot = slots.acquire_owned().await;
                    (index, run(sandbox, request, events).await)
                });
            }
            while let Some(ended) = calls.join_next().await {
                let (index, result) = ended.map_err(|error| {
                    Problem::new(Code::Internal, format!("a call stopped: {error}"))
                })?;
                results[index] = Some(result);
            }
            Ok(results
                .into_iter()
                .map(|result| result.expect("every call ended"))
                .collect())
        })
    }

    fn request(
        &self,
        task: &str,
        inputs: CallInputs,
        limits: Limits,
    ) -> Result<(AttemptRequest, weft_sandbox::EventStream), Problem> {
        let (sink, events) = EventSink::channel(EVENTS_A_CALL);
        let request = AttemptRequest {
            guest: self.guest.clone(),
            entry: Entry::Task {
                name: task.to_owned(),
                inputs,
            },
            attempt: document(task)?,
            resumed: None,
            grants: Granted::default(),
            limits,
            deterministic: false,
            services: Services {
                events: sink,
                artifacts: Arc::new(NoArtifacts),
                variables: Arc::new(NoVariables),
            },
            scratch_root: Path::to_owned(self.scratch.path()),
            connection_scope: ConnectionScope::of_task("local", DAG, task),
            cancel: CancelSignal::new(),
        };
        Ok((request, events))
    }
}

/// What `context.attempt()` answers.
fn document(task: &str) -> Result<String, Problem> {
    let invalid =
        |error: weft_core::id::IdError| Problem::new(Code::Internal, format!("{task}: {error}"));
    let epoch = Timestamp(0);
    Ok(AttemptDocument {
        tenant: "local".to_owned(),
        dag: DAG.parse().map_err(invalid)?,
        run: DAG.to_owned(),
        task: task.parse().map_err(invalid)?,
        map_index: None,
        number: 1,
        logical_date: epoch,
        data_interval: DataInterval {
            start: epoch,
            end: epoch,
        },
        params: Map::new(),
        deadline: None,
        idempotency_key: task.to_owned(),
        woken: None,
    }
    .to_json())
}

/// Runs a call; what it logs is dropped.
async fn run(
    sandbox: Sandbox,
    request: AttemptRequest,
    mut events: weft_sandbox::EventStream,
) -> Result<Value, AttemptFailure> {
    let report = {
        let running = sandbox.run(request);
        tokio::pin!(running);
        loop {
            tokio::select! {
                biased;
                report = &mut running => break report,
                Some(event) = events.next() => drop::<GuestEvent>(event),
            }
        }
    };
    let internal = |message: String| AttemptFailure::new(FailureKind::InvalidOutput, message);
    match report.outcome {
        AttemptOutcome::Success { output } => {
            serde_json::from_str(&output).map_err(|error| internal(error.to_string()))
        }
        AttemptOutcome::Failed(failure) => Err(failure),
        AttemptOutcome::Skipped { .. }
        | AttemptOutcome::Branch { .. }
        | AttemptOutcome::Deferred { .. } => {
            Err(internal("the task ended without an output".to_owned()))
        }
    }
}
