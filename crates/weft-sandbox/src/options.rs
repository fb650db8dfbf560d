//! How a sandbox is set up: sizes, limits, folders, each with its unit and default.

use crate::{Resolve, SandboxWarning, SystemResolver};
use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc, time::Duration};

/// How a [`crate::Sandbox`] is set up.
#[derive(Clone)]
pub struct SandboxOptions {
    /// The folder of compiled code; with `None` it stays in memory only. Default: `None`.
    pub cache_dir: Option<PathBuf>,
    /// The most compiled code on disk; the least recently used goes first. Default: 2 GiB.
    pub cache_bytes: u64,
    /// The most bytes of unused guests and their code in memory. Default: 512 MiB.
    pub memory_cache_bytes: u64,
    /// Bounds on compiling.
    pub compile: CompileLimits,
    /// Where compiling happens. Default: in this process.
    pub compiler: Compiler,
    /// The most attempts at once; more of them wait. Default: 64.
    pub max_instances: u32,
    /// The most memory any one task may have, in bytes; at most 4 GiB. Default: 4 GiB.
    pub max_memory_bytes: u64,
    /// How long an attempt waits for a free slot before it fails as `no_slot`. Default: 10 min.
    pub slot_wait: Duration,
    /// How often running guests are looked at: they yield to their neighbours, and
    /// limits on time are checked. Default: 10 ms.
    pub epoch_tick: Duration,
    /// The longest `describe` may take. Default: 5 s.
    pub describe_timeout: Duration,
    /// The most memory `describe` may use. Default: 256 MiB.
    pub describe_memory_bytes: u64,
    /// The largest document `describe` may return. Default: 32 MiB.
    pub describe_bytes: u64,
    /// Looks names up for outgoing HTTP. Default: the system's own resolver.
    pub resolver: Arc<dyn Resolve>,
    /// Receives warnings about problems that don't stop the sandbox. Default: none.
    pub on_warning: Option<WarningSink>,
}

/// Takes warnings, on whatever thread they come up.
pub type WarningSink = Arc<dyn Fn(&SandboxWarning) + Send + Sync>;

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            cache_dir: None,
            cache_bytes: 2 << 30,
            memory_cache_bytes: 512 << 20,
            compile: CompileLimits::default(),
            compiler: Compiler::InProcess,
            max_instances: 64,
            max_memory_bytes: 4 << 30,
            slot_wait: Duration::from_mins(10),
            epoch_tick: Duration::from_millis(10),
            describe_timeout: Duration::from_secs(5),
            describe_memory_bytes: 256 << 20,
            describe_bytes: 32 << 20,
            resolver: Arc::new(SystemResolver),
            on_warning: None,
        }
    }
}

impl fmt::Debug for SandboxOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxOptions")
            .field("cache_dir", &self.cache_dir)
            .field("compiler", &self.compiler)
            .field("max_instances", &self.max_instances)
            .finish_non_exhaustive()
    }
}

/// Bounds on compiling one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileLimits {
    /// The most memory, in bytes; held by the subprocess only. Default: 4 GiB.
    pub memory_bytes: u64,
    /// The most CPU time, of all threads together; held by the subprocess only. Default: 10 minutes,
    /// several times what the largest components take.
    pub cpu: Duration,
    /// The longest, by the wall clock; held by the subprocess only. Default: 30 minutes, so that a
    /// machine that is busy with other things doesn't make a component seem slow to compile.
    pub wall: Duration,
    /// The largest file that is compiled, in bytes. Default: 128 MiB.
    pub component_bytes: u64,
    /// How many threads compile; 0 takes what the machine has. Default: 0.
    pub threads: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 4 << 30,
            cpu: Duration::from_mins(10),
            wall: Duration::from_mins(30),
            component_bytes: 128 << 20,
            threads: 0,
        }
    }
}

/// Where compiling happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiler {
    /// In this process, without bounds on time and memory: for guests that are trusted, in tests.
    InProcess,
    /// In a subprocess that runs [`crate::compiler::main`] and can be killed.
    Subprocess {
        /// The program: `wfctl` itself.
        program: PathBuf,
        /// Its arguments before those that the sandbox adds: `compile-component`.
        args: Vec<OsString>,
    },
}
