//! One attempt in a task of its own: from the dispatch to the report.
//!
//! The attempt ends by itself or is killed; either way it has a report, with its log. The
//! scheduler decides whether the report counts.

use crate::{
    ahead, artifacts,
    deps::{Deps, now},
    failure,
    load::Component,
    log::{AttemptLines, WAITING_LINES, log_name},
    outcome, span,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};
use tracing::Instrument as _;
use weft_blob::logs::LogKey;
use weft_broker::{
    AttemptKey, ClaimSecret, Dispatch, Failure, HeldClaim, Report, ReportedOutcome, Usage,
};
use weft_core::{
    asset::AssetUpdate,
    document::Code,
    id::TenantId,
    inputs::Invocation,
    time::{DurationMs, Timestamp},
};
use weft_sandbox::{
    ArtifactError, ArtifactReader, ArtifactRef, ArtifactWriter, Artifacts, AttemptReport,
    AttemptRequest, CancelSignal, ConnectionScope, Entry, EventSink, EventStream, Services,
    VariableError, Variables,
};

/// Everything that one attempt needs.
pub(crate) struct Job {
    /// How long it was queued.
    pub(crate) queue_wait: Duration,
    pub(crate) dispatch: Dispatch,
    /// What proves the claim.
    pub(crate) secret: Option<ClaimSecret>,
    pub(crate) component: Component,
    pub(crate) cancel: CancelSignal,
    /// Completes when the attempt is to be killed.
    pub(crate) killed: oneshot::Receiver<()>,
    pub(crate) deps: Arc<Deps>,
}

/// How an attempt's task ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With an outcome.
    ByItself(Report),
    /// It was killed.
    Killed(Report),
}

impl Ended {
    /// Its report.
    pub(crate) const fn report(&self) -> &Report {
        match self {
            Self::ByItself(report) | Self::Killed(report) => report,
        }
    }
}

/// What all executions under one claim share.
pub(crate) struct Execution {
    component: Component,
    pub(crate) cancel: CancelSignal,
    deps: Arc<Deps>,
}

/// How an execution ended by itself.
pub(crate) struct End {
    pub(crate) outcome: ReportedOutcome,
    pub(crate) usage: Usage,
    pub(crate) log: Option<Arc<str>>,
    pub(crate) artifacts: Vec<String>,
    pub(crate) updates: Vec<AssetUpdate>,
}

/// It was killed, or had no more time.
pub(crate) struct Killed {
    started: Timestamp,
    log: Option<Arc<str>>,
}

/// Runs an attempt, and what may run ahead on its success. Dropping the future kills it.
pub(crate) async fn run(job: Job) -> Ended {
    let Job {
        queue_wait,
        mut dispatch,
        secret,
        component,
        cancel,
        mut killed,
        deps,
    } = job;
    let claim = HeldClaim {
        key: dispatch.key,
        secret,
    };
    let span = span::attempt(&dispatch, queue_wait);
    let execution = Execution {
        component,
        cancel,
        deps,
    };
    let before = (!dispatch.ahead.is_empty()).then(|| dispatch.clone());
    dispatch.ahead.clear();
    let run = execution.run(dispatch, &mut killed, None);
    let ended = match run.instrument(span.clone()).await {
        Ok(end) => Ended::ByItself(execution.report(claim, end)),
        Err(Killed { started, log }) => {
            let mut report = execution.deps.failed(claim, failure::killed());
            report.log = log;
            report.usage = Usage {
                started,
                wall_us: u64::try_from(now().0.saturating_sub(started.0)).unwrap_or(0) * 1_000,
                ..Usage::default()
            };
            Ended::Killed(report)
        }
    };
    span::ended(&span, &ended.report().outcome);
    match (ended, before) {
        (Ended::ByItself(mut report), Some(before)) => {
            report.ahead = ahead::run(&before, &report.outcome, &execution, &mut killed).await;
            Ended::ByItself(report)
        }
        (ended, _) => ended,
    }
}

impl Execution {
    /// Runs an attempt until it ends, is killed, or is out of the time that it has to run ahead. One that
    /// runs ahead shows nothing before it has ended, and little then.
    pub(crate) async fn run(
        &self,
        dispatch: Dispatch,
        killed: &mut oneshot::Receiver<()>,
        ahead_until: Option<Instant>,
    ) -> Result<End, Killed> {
        let deps = &self.deps;
        let key = dispatch.key;
        let tenant = dispatch.tenant.clone();
        let started = now();
        let (component, cancel) = (&self.component, self.cancel.clone());
        let (request, events) = match prepare(dispatch, component, cancel, started, deps) {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(End::before_start(started, failure)),
        };
        let log = deps.logs.attempt(LogKey {
            tenant: tenant.clone(),
            attempt: log_name(key.run, key.attempt.instance, key.attempt.number).into(),
        });
        let live = deps.live.clone().filter(|_live| ahead_until.is_none());
        let mut lines = AttemptLines::new(key, log, events, live);
        let report = {
            let running = deps.sandbox.run(request);
            tokio::pin!(running);
            loop {
                tokio::select! {
                    biased;
                    report = &mut running => break Some(report),
                    // A worker that is dropped drops this future as well.
                    Ok(()) = &mut *killed => break None,
                    () = out_of_time(ahead_until) => return Err(Killed { started, log: None }),
                    () = lines.wait() => match ahead_until {
                        None => lines.write().await,
                        Some(_) if lines.are_few() => {}
                        Some(_) => return Err(Killed { started, log: None }),
                    },
                }
            }
        };
        let log = lines
            .finish()
            .await
            .map(|pointer| pointer.to_string().into());
        let Some(AttemptReport {
            outcome,
            usage,
            artifacts,
            updates,
        }) = report
        else {
            return Err(Killed { started, log });
        };
        Ok(End {
            outcome: outcome::reported(outcome, started, &tenant, &deps.blobs).await,
            usage: outcome::usage(started, &usage),
            log,
            artifacts: artifacts.iter().map(ToString::to_string).collect(),
            updates,
        })
    }

    fn report(&self, claim: HeldClaim, end: End) -> Report {
        let End {
            outcome,
            usage,
            log,
            artifacts,
            updates,
        } = end;
        Report {
            key: claim.key,
            outcome,
            usage,
            log,
            artifacts,
            updates,
            worker: Arc::clone(&self.deps.worker),
            secret: claim.secret,
            ahead: Vec::new(),
        }
    }
}

impl End {
    /// Of an attempt that never ran.
    fn before_start(started: Timestamp, failure: Failure) -> Self {
        Self {
            outcome: ReportedOutcome::Failed(failure),
            usage: Usage {
                started,
                ..Usage::default()
            },
            log: None,
            artifacts: Vec::new(),
            updates: Vec::new(),
        }
    }
}

/// Ends with the time that there is to run ahead; never where there is no such bound.
async fn out_of_time(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// The request to the sandbox.
fn prepare(
    dispatch: Dispatch,
    component: &Component,
    cancel: CancelSignal,
    started: Timestamp,
    deps: &Arc<Deps>,
) -> Result<(AttemptRequest, EventStream), Failure> {
    let guest = component
        .guest(&dispatch.code)
        .map_err(|failure| failure.of_attempt())?
        .clone();
    let mut document = Arc::unwrap_or_clone(dispatch.document);
    let inputs = dispatch.inputs;
    let entry = match &*dispatch.code {
        Code::Own { task } | Code::Component { task, .. } => Entry::Task {
            name: task.clone(),
            inputs,
        },
        Code::Program(program) => Entry::Program(
            Invocation::new(program, &inputs, &document.params)
                .map_err(|error| failure::invalid_entry(&error))?
                .into(),
        ),
    };
    document.deadline = Some(started.plus(DurationMs(dispatch.limits.timeout_ms)));
    let (sink, events) = EventSink::channel(WAITING_LINES);
    let services = Arc::new(AttemptServices {
        key: dispatch.key,
        tenant: dispatch.tenant,
        deps: Arc::clone(deps),
    });
    let request = AttemptRequest {
        guest,
        entry,
        attempt: document.to_json(),
        resumed: dispatch.resumed.map(|state| state.to_string()),
        grants: Arc::unwrap_or_clone(dispatch.granted),
        limits: dispatch.limits,
        deterministic: dispatch.deterministic,
        services: Services {
            events: sink,
            artifacts: Arc::clone(&services) as Arc<dyn Artifacts>,
            variables: services,
        },
        scratch_root: deps.scratch_root.clone(),
        connection_scope: ConnectionScope::of_task(
            &document.tenant,
            document.dag.as_str(),
            document.task.as_str(),
        ),
        cancel,
    };
    Ok((request, events))
}

/// The host's services for one attempt.
struct AttemptServices {
    key: AttemptKey,
    tenant: TenantId,
    deps: Arc<Deps>,
}

#[async_trait]
impl Variables for AttemptServices {
    async fn get(&self, name: &str) -> Result<String, VariableError> {
        let value = self
            .deps
            .secrets
            .variable(&self.key, &self.tenant, name)
            .await;
        match value {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(VariableError::NotFound),
            Err(error) => Err(VariableError::Unavailable(error.to_string())),
        }
    }
}

#[async_trait]
impl Artifacts for AttemptServices {
    async fn create(&self, _media_type: &str) -> Result<Box<dyn ArtifactWriter>, ArtifactError> {
        artifacts::create(&self.deps.blobs, &self.tenant).await
    }

    async fn open(&self, reference: &ArtifactRef) -> Result<ArtifactReader, ArtifactError> {
        artifacts::open(&self.deps.blobs, &self.tenant, reference).await
    }
}
