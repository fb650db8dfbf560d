//! The way in: loads guests, describes them, runs attempts.

use crate::{
    AttemptFailure, AttemptOutcome, AttemptReport, AttemptRequest, DescribeError, FailureKind,
    Guest, LoadError, SandboxError, SandboxOptions, Usage,
};
use bytes::Bytes;
use std::sync::Arc;

/// Runs guests. Cheap to clone; all clones share engine, pool and caches.
///
/// May be made inside or outside of a tokio runtime; its async methods need one
/// with timers and I/O enabled.
#[derive(Clone)]
pub struct Sandbox(#[expect(dead_code, reason = "what reads it follows")] Arc<Shared>);

struct Shared {
    #[expect(dead_code, reason = "what reads it follows")]
    options: SandboxOptions,
}

impl Sandbox {
    /// Takes a few milliseconds; compiles nothing.
    pub fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        Ok(Self(Arc::new(Shared { options })))
    }

    /// Checks a file, its imports and exports, and compiles it or finds its code in
    /// the cache. Calls for the same digest at the same time do the work once.
    #[expect(clippy::unused_async, reason = "it will wait for the compiler")]
    pub async fn load(&self, _bytes: Bytes) -> Result<Guest, LoadError> {
        Err(LoadError::Host {
            reason: "not built yet".into(),
        })
    }

    /// Calls `describe` with nothing granted and tight limits. Returns the raw text,
    /// capped, UTF-8, not yet parsed.
    #[expect(clippy::unused_async, reason = "it will wait for the guest")]
    pub async fn describe(&self, _guest: &Guest) -> Result<String, DescribeError> {
        Err(DescribeError::Host {
            reason: "not built yet".into(),
        })
    }

    /// Runs one attempt in a fresh instance. Dropping the future kills it.
    /// Never panics and never hangs, whatever the guest does.
    #[expect(clippy::unused_async, reason = "it will wait for the guest")]
    pub async fn run(&self, _attempt: AttemptRequest) -> AttemptReport {
        AttemptReport {
            outcome: AttemptOutcome::Failed(AttemptFailure::new(
                FailureKind::Internal,
                "not built yet",
            )),
            usage: Usage::default(),
            artifacts: Vec::new(),
        }
    }
}
