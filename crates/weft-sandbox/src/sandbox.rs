//! The entry point: loads guests, describes them, runs attempts.

use crate::{
    AttemptReport, AttemptRequest, CodeName, CodeSource, DescribeError, Guest, LoadError,
    SandboxError, SandboxOptions,
    attempt::execute,
    describe, load,
    shared::{CodeCounts, Shared},
};
use bytes::Bytes;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// Runs guests. Cheap to clone; all clones share engine, pool and caches.
///
/// May be made inside or outside of a tokio runtime; its async methods need one
/// with timers and I/O enabled.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

/// Counts of where code came from since the sandbox was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeFound {
    /// Loads that found compiled code, in memory or on disk.
    pub hits: u64,
    /// Loads whose code another machine had compiled.
    pub fetched: u64,
    /// Loads that had to compile.
    pub misses: u64,
}

impl Sandbox {
    /// Takes a few milliseconds; compiles nothing and touches no disk.
    ///
    /// # Errors
    /// An option is out of its bounds, or the machine gives no address space.
    pub fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        check(&options)?;
        Ok(Self(Arc::new(Shared::new(options)?)))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// Checks a file, its imports and exports, and compiles it or finds its code in
    /// the cache. Calls for the same digest at the same time do the work once.
    ///
    /// # Errors
    /// [`LoadError`] describes what is wrong with the file, or that the host failed.
    pub async fn load(&self, bytes: impl Into<Bytes>) -> Result<Guest, LoadError> {
        load::load(&self.0, bytes.into(), None).await
    }

    /// As [`Self::load`], for a file whose code another machine may have compiled.
    ///
    /// # Errors
    /// As [`Self::load`]; a source that has nothing usable is no error.
    pub async fn load_from(
        &self,
        bytes: impl Into<Bytes>,
        source: Arc<dyn CodeSource>,
    ) -> Result<Guest, LoadError> {
        load::load(&self.0, bytes.into(), Some(source)).await
    }

    /// The name of a guest's code on this machine, if other machines can have
    /// the same.
    ///
    /// # Errors
    /// The engine of its kind can't be made.
    pub fn code_name(&self, guest: &Guest) -> Result<Option<CodeName>, LoadError> {
        let runtime = self.0.runtime(guest.kind().profile())?;
        Ok(runtime
            .target
            .is_known()
            .then(|| load::name(&runtime, &guest.0.file)))
    }

    /// Where the code of all loads so far came from.
    pub fn code_found(&self) -> CodeFound {
        let CodeCounts {
            hits,
            fetched,
            misses,
        } = &self.0.code_found;
        CodeFound {
            hits: hits.load(Ordering::Relaxed),
            fetched: fetched.load(Ordering::Relaxed),
            misses: misses.load(Ordering::Relaxed),
        }
    }

    /// Calls `describe` with nothing granted and tight limits. Returns the raw text,
    /// capped, UTF-8, not yet parsed.
    ///
    /// # Errors
    /// [`DescribeError`] describes what the guest did instead.
    pub async fn describe(&self, guest: &Guest) -> Result<String, DescribeError> {
        describe::describe(&self.0, guest).await
    }

    /// Runs one attempt in a fresh instance. Dropping the future kills it.
    /// Never panics and never hangs, whatever the guest does.
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # use weft_core::{limit::Limits, policy::Granted};
    /// # use weft_sandbox::{
    /// #     AttemptOutcome, AttemptRequest, CancelSignal, ConnectionScope, Entry, EventSink, NoArtifacts,
    /// #     NoVariables, Sandbox, SandboxOptions, Services,
    /// # };
    /// # async fn run(wasm: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
    /// let sandbox = Sandbox::new(SandboxOptions::default())?;
    /// let guest = sandbox.load(wasm).await?;
    /// let report = sandbox
    ///     .run(AttemptRequest {
    ///         guest,
    ///         entry: Entry::Task { name: "fetch".into(), inputs: Vec::new() },
    ///         attempt: "{}".into(),
    ///         resumed: None,
    ///         grants: Granted::default(),
    ///         limits: Limits::DEFAULT,
    ///         deterministic: false,
    ///         services: Services {
    ///             events: EventSink::discard(),
    ///             artifacts: Arc::new(NoArtifacts),
    ///             variables: Arc::new(NoVariables),
    ///         },
    ///         scratch_root: std::env::temp_dir(),
    ///         connection_scope: ConnectionScope::of_task("default", "flights", "load"),
    ///         cancel: CancelSignal::new(),
    ///     })
    ///     .await;
    /// if let AttemptOutcome::Failed(failure) = report.outcome {
    ///     eprintln!("{failure:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run(&self, attempt: AttemptRequest) -> AttemptReport {
        execute(&self.0, attempt).await
    }
}

fn check(options: &SandboxOptions) -> Result<(), SandboxError> {
    /// What a linear memory of 32 bits can have.
    const MAX_MEMORY_BYTES: u64 = 4 << 30;
    let bad = |option, problem: &str| {
        Err(SandboxError::Option {
            option,
            problem: problem.into(),
        })
    };
    if options.max_memory_bytes == 0 || options.max_memory_bytes > MAX_MEMORY_BYTES {
        return bad("max_memory_bytes", "must be 1 byte to 4 GiB");
    }
    if options.max_instances == 0 || options.max_instances > 10_000 {
        return bad("max_instances", "must be 1 to 10000");
    }
    if options.epoch_tick < Duration::from_millis(1) || options.epoch_tick > Duration::from_secs(1)
    {
        return bad("epoch_tick", "must be 1 ms to 1 s");
    }
    Ok(())
}
