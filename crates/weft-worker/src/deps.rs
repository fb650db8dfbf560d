//! The dependencies that all attempts of a worker share.

use crate::{CodeStore, LiveLines, Secrets, Services, WorkerOptions, load::LoadFailure};
use std::{path::PathBuf, sync::Arc};
use weft_blob::{Blobs, logs::LogWriter};
use weft_broker::{Failure, HeldClaim, Report, ReportedOutcome, Usage};
use weft_core::time::Timestamp;
use weft_sandbox::Sandbox;

/// Created once, shared by every attempt and load.
pub(crate) struct Deps {
    pub(crate) worker: Arc<str>,
    pub(crate) sandbox: Sandbox,
    pub(crate) blobs: Blobs,
    pub(crate) logs: LogWriter,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) code: Option<Arc<dyn CodeStore>>,
    pub(crate) live: Option<Arc<dyn LiveLines>>,
    pub(crate) scratch_root: PathBuf,
}

impl Deps {
    pub(crate) fn new(options: &WorkerOptions, services: Services) -> Self {
        let Services {
            broker: _,
            sandbox,
            blobs,
            logs,
            secrets,
            code,
            live,
        } = services;
        Self {
            worker: Arc::clone(&options.id),
            sandbox,
            blobs,
            logs,
            secrets,
            code,
            live,
            scratch_root: options.scratch_root.clone(),
        }
    }

    /// The report of an attempt that never ran.
    pub(crate) fn failed(&self, claim: HeldClaim, failure: Failure) -> Report {
        Report {
            key: claim.key,
            outcome: ReportedOutcome::Failed(failure),
            usage: Usage {
                started: now(),
                ..Usage::default()
            },
            log: None,
            artifacts: Vec::new(),
            updates: Vec::new(),
            worker: Arc::clone(&self.worker),
            secret: claim.secret,
            ahead: Vec::new(),
        }
    }

    /// The report of an attempt whose component failed to load.
    pub(crate) fn not_loaded(&self, claim: HeldClaim, failure: &LoadFailure) -> Report {
        self.failed(claim, failure.of_attempt())
    }
}

/// The machine's wall clock.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
