//! One attempt: the request to the sandbox, and the future that runs it.

use crate::outputs::Outputs;
use crate::{code::Codes, grants::Grant};
use serde_json::{Map, Value};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::mpsc;
use weft_core::{
    contract::{AttemptDocument, DataInterval},
    document::{Code, Dag},
    inputs::{Inputs, Invocation},
    run::Attempt,
    time::{DurationMs, Timestamp},
    wait::Woken,
};
use weft_sandbox::{
    Artifacts, AttemptReport, AttemptRequest, CancelSignal, ConnectionScope, Entry, EventSink,
    EventStream, GuestEvent, Sandbox, Services, Variables,
};

/// How many of an attempt's log lines wait to be taken before the guest waits.
const EVENTS_AN_ATTEMPT: usize = 64;
/// There is one tenant on a laptop.
const TENANT: &str = "local";

/// What all attempts of a run share.
pub(crate) struct Shared {
    pub(crate) sandbox: Sandbox,
    pub(crate) dag: Arc<Dag>,
    pub(crate) codes: Codes,
    /// By task.
    pub(crate) grants: Vec<Grant>,
    pub(crate) run: String,
    pub(crate) logical_date: Timestamp,
    pub(crate) scratch: PathBuf,
    pub(crate) artifacts: Arc<dyn Artifacts>,
    pub(crate) variables: Arc<dyn Variables>,
}

/// An attempt that is ready to go.
pub(crate) struct Prepared {
    pub(crate) request: AttemptRequest,
    pub(crate) events: EventStream,
    pub(crate) cancel: CancelSignal,
}

/// What an attempt is besides its instance.
pub(crate) struct Circumstances {
    pub(crate) now: Timestamp,
    /// How often the task was cleared.
    pub(crate) generation: u32,
    /// What a deferral left.
    pub(crate) resumed: Option<Resume>,
}

/// What a deferral left for the next attempt.
pub(crate) struct Resume {
    /// JSON.
    pub(crate) state: String,
    /// What its timeout tells it, if it waited for something that only a server can bring.
    pub(crate) woken: Option<Woken>,
}

impl Shared {
    /// Gathers what an attempt needs. The error is for the author: an input
    /// that can't be resolved or a template that names nothing.
    pub(crate) fn prepare(
        &self,
        attempt: Attempt,
        circumstances: Circumstances,
        inputs: &mut Inputs,
        outputs: &mut Outputs,
    ) -> Result<Prepared, String> {
        let instance = attempt.instance;
        let task = &self.dag.tasks[instance.task.as_usize()];
        let Grant { granted, limits } = &self.grants[instance.task.as_usize()];
        let guest = self
            .codes
            .of(&task.code)
            .ok_or("the code of the task is not loaded")?
            .clone();
        let values = inputs
            .of(instance, outputs)
            .map_err(|error| error.to_string())?;
        let entry = match &task.code {
            Code::Own { task } | Code::Component { task, .. } => Entry::Task {
                name: task.clone(),
                inputs: values,
            },
            Code::Program(program) => Entry::Program(
                Invocation::new(program, &values, inputs.params())
                    .map_err(|error| error.to_string())?
                    .into(),
            ),
        };
        let (sink, events) = EventSink::channel(EVENTS_AN_ATTEMPT);
        let cancel = CancelSignal::new();
        let Circumstances {
            now,
            generation,
            resumed,
        } = circumstances;
        let (resumed, woken) =
            resumed.map_or((None, None), |resume| (Some(resume.state), resume.woken));
        let deadline = now.plus(DurationMs(limits.timeout_ms));
        let request = AttemptRequest {
            guest,
            entry,
            attempt: self.document(attempt, (generation, woken), deadline, inputs.params()),
            resumed,
            grants: granted.clone(),
            limits: *limits,
            deterministic: task.deterministic,
            services: Services {
                events: sink,
                artifacts: Arc::clone(&self.artifacts),
                variables: Arc::clone(&self.variables),
            },
            scratch_root: self.scratch.clone(),
            connection_scope: ConnectionScope::of_task(
                TENANT,
                self.dag.id.as_str(),
                task.id.as_str(),
            ),
            cancel: cancel.clone(),
        };
        Ok(Prepared {
            request,
            events,
            cancel,
        })
    }

    /// What `context.attempt()` answers.
    fn document(
        &self,
        attempt: Attempt,
        (generation, woken): (u32, Option<Woken>),
        deadline: Timestamp,
        params: &Map<String, Value>,
    ) -> String {
        let instance = attempt.instance;
        let task = &self.dag.tasks[instance.task.as_usize()];
        let map_index = (!task.expand.is_empty()).then_some(u64::from(instance.index));
        AttemptDocument {
            tenant: TENANT.to_owned(),
            dag: self.dag.id.clone(),
            run: self.run.clone(),
            task: task.id.clone(),
            map_index,
            number: attempt.number,
            logical_date: self.logical_date,
            data_interval: DataInterval {
                start: self.logical_date,
                end: self.logical_date,
            },
            params: params.clone(),
            deadline: Some(deadline),
            idempotency_key: format!("{}/{}/{}/{generation}", self.run, task.id, instance.index),
            woken: woken.map(|woken| woken.to_value()),
        }
        .to_json()
    }
}

/// What came of an attempt, with the events that were not received yet.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) attempt: Attempt,
    pub(crate) report: AttemptReport,
    pub(crate) events: Vec<GuestEvent>,
}

/// Runs an attempt, passing its events on as they come; the last ones travel
/// with the report, so that an attempt with few lines costs one message.
/// Dropping the future kills the attempt.
pub(crate) async fn run(
    sandbox: Sandbox,
    attempt: Attempt,
    request: AttemptRequest,
    mut stream: EventStream,
    pass_on: mpsc::Sender<(Attempt, GuestEvent)>,
) -> Done {
    let report = {
        let running = sandbox.run(request);
        tokio::pin!(running);
        loop {
            tokio::select! {
                biased;
                report = &mut running => break report,
                Some(event) = stream.next() => {
                    // The loop receives while attempts run; after its end the event has no receiver.
                    drop(pass_on.send((attempt, event)).await);
                }
            }
        }
    };
    let mut events = Vec::new();
    while let Some(event) = stream.try_next() {
        events.push(event);
    }
    Done {
        attempt,
        report,
        events,
    }
}
