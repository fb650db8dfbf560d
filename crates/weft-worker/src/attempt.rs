//! One attempt in a task of its own: from the dispatch to the report.
//!
//! The attempt ends by itself or is killed; either way it has a report, with its log. The
//! scheduler decides whether the report counts.

use crate::{
    artifacts,
    deps::{Deps, now},
    failure,
    load::Component,
    log::{AttemptLines, WAITING_LINES, log_name},
    outcome, span,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tracing::Instrument as _;
use weft_blob::logs::LogKey;
use weft_broker::{AttemptKey, ClaimSecret, Dispatch, Failure, HeldClaim, Report, Usage};
use weft_core::{
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

/// Runs an attempt. Dropping the future kills it.
pub(crate) async fn run(job: Job) -> Ended {
    let span = span::attempt(&job.dispatch, job.queue_wait);
    let ended = execute(job).instrument(span.clone()).await;
    span::ended(&span, ended.report());
    ended
}

async fn execute(job: Job) -> Ended {
    let Job {
        queue_wait: _,
        dispatch,
        secret,
        component,
        cancel,
        mut killed,
        deps,
    } = job;
    let key = dispatch.key;
    let claim = HeldClaim { key, secret };
    let tenant = dispatch.tenant.clone();
    let started = now();
    let (request, events) = match prepare(dispatch, &component, cancel, started, &deps) {
        Ok(prepared) => prepared,
        Err(failure) => return Ended::ByItself(deps.failed(claim, failure)),
    };
    let log = deps.logs.attempt(LogKey {
        tenant: tenant.clone(),
        attempt: log_name(key.run, key.attempt.instance, key.attempt.number).into(),
    });
    let mut lines = AttemptLines::new(key, log, events, deps.live.clone());
    let report = {
        let running = deps.sandbox.run(request);
        tokio::pin!(running);
        loop {
            tokio::select! {
                biased;
                report = &mut running => break Some(report),
                // A worker that is dropped drops this future as well.
                Ok(()) = &mut killed => break None,
                () = lines.wait() => lines.write().await,
            }
        }
    };
    let log = lines
        .finish()
        .await
        .map(|pointer| pointer.to_string().into());
    let Some(report) = report else {
        let mut report = deps.failed(claim, failure::killed());
        report.log = log;
        report.usage = Usage {
            started,
            wall_us: u64::try_from(now().0.saturating_sub(started.0)).unwrap_or(0) * 1_000,
            ..Usage::default()
        };
        return Ended::Killed(report);
    };
    let AttemptReport {
        outcome,
        usage,
        artifacts,
        updates,
    } = report;
    Ended::ByItself(Report {
        key,
        outcome: outcome::reported(outcome, started, &tenant, &deps.blobs).await,
        usage: outcome::usage(started, &usage),
        log,
        artifacts: artifacts.iter().map(ToString::to_string).collect(),
        updates,
        worker: Arc::clone(&deps.worker),
        secret,
    })
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
