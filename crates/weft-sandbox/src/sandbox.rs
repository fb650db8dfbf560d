//! The way in: loads guests, describes them, runs attempts.

use crate::{
    AttemptReport, AttemptRequest, CodeName, CodeSource, DescribeError, Digest, Guest, GuestKind,
    LoadError, SandboxError, SandboxOptions, SandboxWarning,
    attempt::execute,
    cache::Cache,
    code::Origin,
    describe,
    engine::{Profile, Runtime, Ticker},
    http::Client,
    load::{self, Recent},
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::OnceCell;

/// Runs guests. Cheap to clone; all clones share engine, pool and caches.
///
/// May be made inside or outside of a tokio runtime; its async methods need one
/// with timers and I/O enabled.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

/// A load that is going on, and that whoever comes later waits for.
type Flight = Arc<OnceCell<Result<Guest, LoadError>>>;

/// Where code came from since the sandbox was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeFound {
    /// Loads that found compiled code, in memory or on disk.
    pub hits: u64,
    /// Loads whose code another machine had compiled.
    pub fetched: u64,
    /// Loads that had to compile.
    pub misses: u64,
}

/// As [`CodeFound`], while it is counted.
#[derive(Default)]
pub(crate) struct CodeCounts {
    pub(crate) hits: AtomicU64,
    pub(crate) fetched: AtomicU64,
    pub(crate) misses: AtomicU64,
}

/// What all clones share.
pub(crate) struct Shared {
    pub(crate) options: SandboxOptions,
    pub(crate) ticker: Ticker,
    pub(crate) cache: Option<Cache>,
    pub(crate) recent: Mutex<Recent>,
    /// Loads that are going on.
    pub(crate) flights: Mutex<HashMap<Digest, Flight>>,
    pub(crate) http: Arc<Client>,
    pub(crate) code_found: CodeCounts,
    fast: Arc<Runtime>,
    deterministic: LaterRuntime,
    concurrent: LaterRuntime,
}

/// An engine that is made when it is first asked for; most installations never do.
#[derive(Default)]
struct LaterRuntime {
    made: OnceLock<Arc<Runtime>>,
    making: Mutex<()>,
}

impl LaterRuntime {
    fn get(&self, profile: Profile, shared: &Shared) -> Result<Arc<Runtime>, LoadError> {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = self.made.get() {
            return Ok(Arc::clone(runtime));
        }
        let runtime = Runtime::new(profile, &shared.options).map_err(|error| LoadError::Host {
            reason: error.to_string(),
        })?;
        shared.ticker.add(&runtime.engine);
        Ok(Arc::clone(self.made.get_or_init(|| Arc::new(runtime))))
    }
}

impl Shared {
    /// The engine of a profile.
    pub(crate) fn runtime(&self, profile: Profile) -> Result<Arc<Runtime>, LoadError> {
        match profile {
            Profile::Fast => Ok(Arc::clone(&self.fast)),
            Profile::Deterministic => self.deterministic.get(profile, self),
            Profile::Concurrent => self.concurrent.get(profile, self),
        }
    }

    /// Keeps framed code, where there is a folder for it. Blocks.
    pub(crate) fn keep(&self, origin: &Origin, framed: &[u8]) {
        if let Some(cache) = &self.cache {
            cache.put(origin, framed);
        }
    }

    /// Tells whoever wants to hear of it.
    pub(crate) fn warn(&self, warning: &SandboxWarning) {
        if let Some(warn) = &self.options.on_warning {
            warn(warning);
        }
    }
}

impl Sandbox {
    /// Takes a few milliseconds; compiles nothing and touches no disk.
    ///
    /// # Errors
    /// An option is out of its bounds, or the machine gives no address space.
    pub fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        check(&options)?;
        let fast = Runtime::new(Profile::Fast, &options)?;
        let ticker = Ticker::start(options.epoch_tick).map_err(|error| SandboxError::Engine {
            reason: error.to_string(),
        })?;
        ticker.add(&fast.engine);
        let cache = Cache::of(&options);
        Ok(Self(Arc::new(Shared {
            ticker,
            cache,
            recent: Mutex::new(Recent::new(options.memory_cache_bytes)),
            flights: Mutex::new(HashMap::new()),
            http: Arc::new(Client::new(Arc::clone(&options.resolver))),
            code_found: CodeCounts::default(),
            fast: Arc::new(fast),
            deterministic: LaterRuntime::default(),
            concurrent: LaterRuntime::default(),
            options,
        })))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// Checks a file, its imports and exports, and compiles it or finds its code in
    /// the cache. Calls for the same digest at the same time do the work once.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong with the file, or that the host failed.
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

    /// What code for guests of this kind is called here, where other machines
    /// can have the same.
    ///
    /// # Errors
    /// The kind's engine can't be made.
    pub fn code_name(&self, kind: GuestKind) -> Result<Option<CodeName>, LoadError> {
        let runtime = self.0.runtime(kind.profile())?;
        Ok(runtime
            .target
            .is_known()
            .then(|| load::name(&runtime, kind)))
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
    /// [`DescribeError`] says what the guest did instead.
    pub async fn describe(&self, guest: &Guest) -> Result<String, DescribeError> {
        describe::describe(&self.0, guest).await
    }

    /// Runs one attempt in a fresh instance. Dropping the future kills it.
    /// Never panics and never hangs, whatever the guest does.
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
