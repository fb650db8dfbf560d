//! One attempt from slot to report: makes the store, calls the guest under its
//! limits, reads what came of it.
//!
//! The wall-clock bound is held twice: by a timer around everything, host calls
//! included, and by the guest's own ticks, where it also yields to its
//! neighbours, so that a busy loop neither starves the runtime nor its timers.

use super::{
    AttemptFailure, AttemptOutcome, AttemptReport, AttemptRequest, Entry, FailureKind, Usage,
    reading::{self, Returned},
};
use crate::{
    Guest, GuestKind, LoadError,
    artifacts::{ArtifactState, references_in},
    dag::DagState,
    engine::{Profile, Runtime},
    failure,
    guest::{Callable, Prepared},
    http::{ConnectionScope, HttpState},
    limiter::Limiter,
    load,
    log::LogBook,
    meter::{Meter, Metered, Panicked},
    program::{self, ProgramState},
    scratch::ScratchState,
    shared::Shared,
    state::{HostState, handle_table},
    wasi::{Determinism, Wasi},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{path::PathBuf, pin::pin, sync::Arc, time::Duration};
use wasmtime::{Store, UpdateDeadline};
use weft_core::{limit::Limits, time::Timestamp};

/// What a millisecond of CPU time is worth in fuel on the deterministic engine.
/// (About one unit is burned for each instruction; a processor does about as
/// many in that time.)
const FUEL_PER_MS: u64 = 1_000_000;

/// Everything that a store is made of.
pub(crate) struct Setup {
    pub(crate) attempt: Arc<str>,
    pub(crate) resumed: Option<Arc<str>>,
    pub(crate) cancel: super::CancelSignal,
    pub(crate) granted: Arc<weft_core::policy::Granted>,
    pub(crate) limits: Limits,
    pub(crate) services: super::Services,
    pub(crate) inputs: Vec<crate::ArtifactRef>,
    pub(crate) scratch_root: Option<PathBuf>,
    pub(crate) connection_scope: ConnectionScope,
    pub(crate) determinism: Option<Determinism>,
}

/// A store under every limit.
pub(crate) fn store(
    shared: &Shared,
    runtime: &Runtime,
    setup: Setup,
) -> wasmtime::Result<Store<HostState>> {
    let limits = setup.limits;
    let cpu = setup
        .determinism
        .is_none()
        .then(|| Duration::from_millis(limits.cpu_ms));
    let meter = Arc::new(Meter::start(Duration::from_millis(limits.timeout_ms), cpu));
    let log = Arc::new(LogBook::new(setup.services.events, &limits));
    let http = HttpState::new(
        Arc::clone(&shared.http),
        Arc::clone(&setup.granted),
        &limits,
        Arc::clone(&log),
        setup.connection_scope,
    );
    let state = HostState {
        table: handle_table(limits.handles),
        wasi: Wasi::new(setup.determinism),
        limiter: Limiter::new(&limits),
        dag: DagState {
            attempt: setup.attempt,
            resumed: setup.resumed,
            cancel: setup.cancel,
            variables: setup.services.variables,
            granted: setup.granted,
            denied: None,
        },
        meter: Arc::clone(&meter),
        http,
        scratch: match setup.scratch_root {
            Some(root) => ScratchState::new(root, &limits),
            None => ScratchState::default(),
        },
        artifacts: ArtifactState::new(setup.services.artifacts, setup.inputs, &limits),
        program: ProgramState::new(&limits),
        log,
    };
    let mut store = Store::try_new(&runtime.engine, state)?;
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(failure::call_bytes(&limits));
    store.set_max_component_handles(usize::try_from(limits.handles).unwrap_or(usize::MAX));
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(concurrent_entries(&limits));
    }
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_store| {
        meter.check()?;
        // Tokio's own yield lets its timers and sockets have their turn too.
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    });
    if runtime.profile == Profile::Deterministic {
        store.set_fuel(fuel(&limits))?;
    }
    Ok(store)
}

/// How many calls, threads of calls, ends of streams, and sets of them an async guest
/// may have at once. wasmtime keeps two or three of these for what is one handle in the
/// guest, and keeps them where the guest has given its handle to the host.
fn concurrent_entries(limits: &Limits) -> usize {
    /// Entries for one handle, and one for the host's end of it.
    const PER_HANDLE: u64 = 4;
    usize::try_from(limits.handles.saturating_mul(PER_HANDLE)).unwrap_or(usize::MAX)
}

fn fuel(limits: &Limits) -> u64 {
    limits.cpu_ms.saturating_mul(FUEL_PER_MS)
}

/// Runs an attempt; see [`crate::Sandbox::run`].
pub(crate) async fn execute(shared: &Arc<Shared>, request: AttemptRequest) -> AttemptReport {
    match prepare(shared, &request).await {
        Ok(ready) => run(shared, ready, request).await,
        Err(failure) => AttemptReport {
            outcome: AttemptOutcome::Failed(failure),
            usage: Usage::default(),
            artifacts: Vec::new(),
            updates: Vec::new(),
        },
    }
}

/// Everything that an attempt needs before it begins.
struct Ready {
    runtime: Arc<Runtime>,
    determinism: Option<Determinism>,
}

async fn prepare(shared: &Arc<Shared>, request: &AttemptRequest) -> Result<Ready, AttemptFailure> {
    let profile = if request.deterministic {
        Profile::Deterministic
    } else {
        request.guest.kind().profile()
    };
    let host = |error: LoadError| AttemptFailure::new(FailureKind::Internal, error.to_string());
    let runtime = shared.runtime(profile).map_err(host)?;
    let determinism = if request.deterministic {
        if request.guest.kind().profile() == Profile::Concurrent {
            return Err(AttemptFailure::new(
                FailureKind::InvalidEntry,
                "a component with async tasks can't run deterministically: which of its waits ends first is not the guest's to say; take `deterministic` from the task, or export weft:dag/tasks",
            ));
        }
        let guest = &request.guest.0;
        // A failure is not cached: the next attempt tries again.
        guest
            .deterministic
            .get_or_try_init(|| load::prepare(shared, &runtime, &guest.file))
            .await
            .map_err(host)?;
        Some(determinism(&request.attempt)?)
    } else {
        None
    };
    Ok(Ready {
        runtime,
        determinism,
    })
}

/// The guest's code on the engine that `prepare` chose.
fn prepared<'a>(guest: &'a Guest, runtime: &Runtime) -> Option<&'a Prepared> {
    let guest = &guest.0;
    match runtime.profile {
        Profile::Fast | Profile::Concurrent => Some(&guest.home),
        Profile::Deterministic => guest.deterministic.get(),
    }
}

/// Clock and seed from the attempt's document.
fn determinism(attempt: &str) -> Result<Determinism, AttemptFailure> {
    #[derive(Deserialize)]
    struct Fields {
        logical_date: String,
        idempotency_key: String,
    }
    let internal = |problem: String| {
        AttemptFailure::new(
            FailureKind::Internal,
            format!("the attempt's document gives no clock and seed: {problem}"),
        )
    };
    let fields: Fields =
        serde_json::from_str(attempt).map_err(|error| internal(error.to_string()))?;
    let start: Timestamp = fields
        .logical_date
        .parse()
        .map_err(|error| internal(format!("{error}")))?;
    Ok(Determinism {
        start,
        seed: blake3::hash(fields.idempotency_key.as_bytes()).into(),
    })
}

async fn run(shared: &Arc<Shared>, ready: Ready, request: AttemptRequest) -> AttemptReport {
    let report = call_guest(shared, ready, request).await;
    report.unwrap_or_else(|failure| AttemptReport {
        outcome: AttemptOutcome::Failed(failure),
        usage: Usage::default(),
        artifacts: Vec::new(),
        updates: Vec::new(),
    })
}

/// An error means that the guest was never called.
async fn call_guest(
    shared: &Arc<Shared>,
    ready: Ready,
    request: AttemptRequest,
) -> Result<AttemptReport, AttemptFailure> {
    let Ready {
        runtime,
        determinism,
    } = ready;
    let prepared = prepared(&request.guest, &runtime)
        .ok_or_else(|| AttemptFailure::new(FailureKind::Internal, "the code is gone"))?;
    fits(&request.entry, request.guest.kind())?;
    let _slot = runtime
        .pool
        .take(prepared.slots)
        .await
        .map_err(|error| AttemptFailure::new(FailureKind::NoSlot, error.to_string()))?;
    let _running = shared.ticker.running();
    let mut limits = request.limits;
    limits.memory_bytes = limits.memory_bytes.min(shared.options.max_memory_bytes);
    let inputs = inputs(&request.entry, request.resumed.as_deref(), &request.attempt);
    let setup = Setup {
        attempt: request.attempt.into(),
        resumed: request.resumed.map(Arc::from),
        cancel: request.cancel.clone(),
        granted: Arc::new(request.grants),
        limits,
        inputs,
        services: request.services,
        scratch_root: Some(request.scratch_root),
        connection_scope: request.connection_scope,
        determinism,
    };
    let mut store = store(shared, &runtime, setup)
        .map_err(|error| AttemptFailure::new(FailureKind::Internal, format!("{error:#}")))?;
    let meter = Arc::clone(&store.data().meter);
    let ended = {
        let call = pin!(call(&mut store, &prepared.callable, &request.entry));
        let limit = Duration::from_millis(limits.timeout_ms);
        tokio::time::timeout(limit, Metered::new(&meter, call)).await
    };
    let wall = meter.wall();
    let fuel_burned = (runtime.profile == Profile::Deterministic)
        .then(|| fuel(&limits).saturating_sub(store.get_fuel().unwrap_or(0)));
    let Returned {
        mut outcome,
        updates,
    } = outcome(ended, store.data(), &limits);
    if request.cancel.is_cancelled()
        && let AttemptOutcome::Failed(failure) = &mut outcome
    {
        failure.kind = FailureKind::Cancelled;
        failure.retryable = false;
    }
    // No reference to the state lives over the wait, or this future could not move between threads.
    let log = Arc::clone(&store.data().log);
    let log_bytes = log.finish().await;
    let state = store.data();
    let report = AttemptReport {
        outcome,
        usage: Usage {
            wall,
            cpu: meter.cpu(),
            fuel: fuel_burned,
            log_bytes,
            ..state_usage(state)
        },
        artifacts: state.artifacts.created().to_vec(),
        updates,
    };
    store.data_mut().scratch.remove().await;
    Ok(report)
}

/// What the attempt used of its memory and of the network.
fn state_usage(state: &HostState) -> Usage {
    let (http_in, http_out) = state.http.bytes();
    let (artifacts_in, artifacts_out) = state.artifacts.bytes();
    Usage {
        memory_peak_bytes: state.limiter.memory_peak(),
        bytes_in: http_in + artifacts_in,
        bytes_out: http_out + artifacts_out,
        ..Usage::default()
    }
}

/// Whether the entry is one that this kind of guest has.
fn fits(entry: &Entry, kind: GuestKind) -> Result<(), AttemptFailure> {
    match (entry, kind) {
        (Entry::Task { .. }, GuestKind::Tasks | GuestKind::AsyncTasks)
        | (Entry::Program(_), GuestKind::Command | GuestKind::Module) => Ok(()),
        (Entry::Task { name, .. }, GuestKind::Command | GuestKind::Module) => {
            Err(AttemptFailure::new(
                FailureKind::InvalidEntry,
                format!("the file is a program and has no task {name:?}; name it as `program`"),
            ))
        }
        (Entry::Program(_), GuestKind::Tasks | GuestKind::AsyncTasks) => Err(AttemptFailure::new(
            FailureKind::InvalidEntry,
            "the file is a component with tasks, not a program; name it as `component`",
        )),
    }
}

/// The outputs of a called run in an attempt document. What an event brings is somebody's text, which
/// gives access to nothing.
#[derive(Deserialize)]
struct WokenByCall<'a> {
    #[serde(borrow)]
    outputs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Resumed<'a> {
    #[serde(borrow)]
    woken: Option<WokenByCall<'a>>,
}

/// Artifacts that the attempt was given: by its inputs, by the state that its deferral left, and by the
/// run that it called.
fn inputs(entry: &Entry, resumed: Option<&str>, attempt: &str) -> Vec<crate::ArtifactRef> {
    match entry {
        Entry::Task { inputs, .. } => {
            let texts = inputs.iter().map(|(_, json)| &**json);
            let woken = serde_json::from_str::<Resumed<'_>>(attempt).ok();
            let outputs = woken.and_then(|resumed| resumed.woken?.outputs);
            let texts = texts.chain(resumed).chain(outputs.map(RawValue::get));
            texts.flat_map(references_in).collect()
        }
        Entry::Program(program) => program
            .files_in
            .iter()
            .map(|(_, reference)| reference.clone())
            .collect(),
    }
}

/// What a guest's call gives.
enum Called {
    Task(Result<crate::dag::RawOutcome, crate::dag::RawFailure>),
    Program(AttemptOutcome),
}

async fn call(
    store: &mut Store<HostState>,
    callable: &Callable,
    entry: &Entry,
) -> wasmtime::Result<Called> {
    match (callable, entry) {
        (Callable::Tasks(tasks), Entry::Task { name, inputs }) => {
            Ok(Called::Task(tasks.run(store, name, inputs).await?))
        }
        (Callable::Command(guest), Entry::Program(entry)) => Ok(Called::Program(
            program::run_command(store, guest, entry).await?,
        )),
        (Callable::Module(guest), Entry::Program(entry)) => Ok(Called::Program(
            program::run_module(store, guest, entry).await?,
        )),
        (Callable::Tasks(_), Entry::Program(_))
        | (Callable::Command(_) | Callable::Module(_), Entry::Task { .. }) => {
            wasmtime::bail!("the entry was checked before")
        }
    }
}

type Ended = Result<Result<wasmtime::Result<Called>, Panicked>, tokio::time::error::Elapsed>;

fn outcome(ended: Ended, state: &HostState, limits: &Limits) -> Returned {
    let outcome = match ended {
        Ok(Ok(Ok(Called::Task(Ok(raw))))) => return reading::returned(raw, state, limits),
        Ok(Ok(Ok(Called::Task(Err(raw))))) => {
            AttemptOutcome::Failed(reading::failure(raw, state, limits))
        }
        Ok(Ok(Ok(Called::Program(outcome)))) => reading::checked(outcome, state, limits),
        Ok(Ok(Err(error))) => AttemptOutcome::Failed(failure::read(&error, state, limits)),
        Ok(Err(panic)) => AttemptOutcome::Failed(failure::panicked(&panic)),
        Err(_elapsed) => AttemptOutcome::Failed(failure::timeout(limits)),
    };
    outcome.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_come_by_inputs_a_state_and_a_called_run_but_not_by_an_event() {
        let entry = Entry::Task {
            name: "a".into(),
            inputs: vec![("x".into(), r#"{"$artifact":"input"}"#.into())],
        };
        let given = |resumed, attempt| -> Vec<String> {
            let inputs = inputs(&entry, resumed, attempt).into_iter();
            inputs.map(|input| input.to_string()).collect()
        };
        let called = r#"{"woken":{"run":"r","outputs":{"report":[{"$artifact":"output"}]}}}"#;
        assert_eq!(
            given(Some(r#"{"$artifact":"state"}"#), called),
            ["input", "state", "output"]
        );
        let event = r#"{"woken":{"event":"paid","payload":{"outputs":{"$artifact":"forged"}}}}"#;
        assert_eq!(given(None, event), ["input"]);
        assert_eq!(given(None, "{}"), ["input"]);
    }
}
