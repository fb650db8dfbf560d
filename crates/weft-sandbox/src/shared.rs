//! The state that all clones of a sandbox share.

use crate::{
    Digest, Guest, LoadError, SandboxError, SandboxOptions, SandboxWarning,
    code::Origin,
    compile::CodeCompiler,
    engine::{Profile, Runtime, Ticker},
    http::Client,
    load::GuestCache,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::AtomicU64},
};
use tokio::sync::OnceCell;

/// A load in progress; later calls for the same digest wait for it.
type Flight = Arc<OnceCell<Result<Guest, LoadError>>>;

/// The counters behind [`crate::CodeFound`].
#[derive(Default)]
pub(crate) struct CodeCounts {
    pub(crate) hits: AtomicU64,
    pub(crate) fetched: AtomicU64,
    pub(crate) misses: AtomicU64,
}

/// The state that all clones of a sandbox share.
pub(crate) struct Shared {
    pub(crate) options: SandboxOptions,
    pub(crate) ticker: Ticker,
    pub(crate) compiler: CodeCompiler,
    pub(crate) guests: Mutex<GuestCache>,
    /// Loads in progress, by digest.
    pub(crate) flights: Mutex<HashMap<Digest, Flight>>,
    pub(crate) http: Arc<Client>,
    pub(crate) code_found: CodeCounts,
    fast: Arc<Runtime>,
    deterministic: LaterRuntime,
    concurrent: LaterRuntime,
}

/// An engine that is made at its first use, which most installations never need.
#[derive(Default)]
struct LaterRuntime {
    made: OnceLock<Arc<Runtime>>,
    making: Mutex<()>,
}

impl LaterRuntime {
    fn get(&self, profile: Profile, shared: &Shared) -> Result<Arc<Runtime>, LoadError> {
        let _lock = self.making.lock().unwrap_or_else(PoisonError::into_inner);
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
    /// Makes the default engine and starts the ticker.
    pub(crate) fn new(options: SandboxOptions) -> Result<Self, SandboxError> {
        let fast = Runtime::new(Profile::Fast, &options)?;
        let ticker = Ticker::start(options.epoch_tick).map_err(|error| SandboxError::Engine {
            reason: error.to_string(),
        })?;
        ticker.add(&fast.engine);
        Ok(Self {
            ticker,
            compiler: CodeCompiler::new(&options),
            guests: Mutex::new(GuestCache::new(options.memory_cache_bytes)),
            flights: Mutex::new(HashMap::new()),
            http: Arc::new(Client::new(Arc::clone(&options.resolver))),
            code_found: CodeCounts::default(),
            fast: Arc::new(fast),
            deterministic: LaterRuntime::default(),
            concurrent: LaterRuntime::default(),
            options,
        })
    }

    /// The engine of a profile.
    pub(crate) fn runtime(&self, profile: Profile) -> Result<Arc<Runtime>, LoadError> {
        match profile {
            Profile::Fast => Ok(Arc::clone(&self.fast)),
            Profile::Deterministic => self.deterministic.get(profile, self),
            Profile::Concurrent => self.concurrent.get(profile, self),
        }
    }

    /// Stores framed code if there is a cache folder. Blocks.
    pub(crate) fn store_code(&self, origin: &Origin, framed: &[u8]) {
        if let Some(cache) = &self.compiler.cache {
            cache.insert(origin, framed);
        }
    }

    /// Passes a warning to the sink of the options.
    pub(crate) fn warn(&self, warning: &SandboxWarning) {
        if let Some(warn) = &self.options.on_warning {
            warn(warning);
        }
    }
}
