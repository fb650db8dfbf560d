//! Errors before an attempt runs: making a sandbox, loading a guest, describing it.
//!
//! (An attempt itself never errs: [`crate::AttemptReport`] carries its failure.)

use crate::Digest;
use std::{path::PathBuf, time::Duration};

/// Why a [`crate::Sandbox`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// An option is out of its bounds.
    #[error("{option}: {problem}")]
    Option {
        /// The field of [`crate::SandboxOptions`].
        option: &'static str,
        /// What is wrong, with the bound.
        problem: String,
    },
    /// The engine could not be created: no address space, most likely.
    #[error(
        "the WebAssembly engine can't start: {reason}; lower the number of concurrent attempts (max_instances) or the memory of one (max_memory_bytes)"
    )]
    Engine {
        /// wasmtime's words.
        reason: String,
    },
}

/// Something that does not stop the sandbox, but that an operator wants to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxWarning {
    /// Compiled code can't be cached; every start compiles again.
    #[error(
        "compiled code is not cached: the cache folder {} {problem}; free or fix it, or name another with WEFT_CACHE_DIR", folder.display()
    )]
    CacheUnavailable {
        /// The cache folder.
        folder: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Code from elsewhere is not loaded; it is compiled here instead.
    #[error(
        "compiled code of {file} that came from elsewhere is not loaded, but made here: {problem}"
    )]
    CodeRefused {
        /// The file that it should be the code of.
        file: Digest,
        /// What is wrong with it.
        problem: String,
    },
}

/// Why a file is not a guest that can run here.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// Not WebAssembly at all.
    #[error("this is not a WebAssembly file: {reason}")]
    NotWasm {
        /// What the first bytes look like.
        reason: String,
    },
    /// It starts as WebAssembly and is broken after that.
    #[error("the WebAssembly file is malformed or truncated: {reason}")]
    Malformed {
        /// The validator's words, with the offset.
        reason: String,
    },
    /// A container of several files: unpack it and load each.
    #[error("this file is a container of several programs; load the files inside it")]
    Container,
    /// A component that exports neither `weft:dag/tasks` nor `wasi:cli/run`.
    #[error(
        "the component exports neither weft:dag/tasks nor wasi:cli/run, so there is nothing to run{hint}"
    )]
    NothingToRun {
        /// Empty, or what it exports instead.
        hint: String,
    },
    /// A module without `_start`.
    #[error(
        "the module has no _start function: build it as a program (a WASI command), not as a library"
    )]
    NoStart,
    /// It imports something that Weft does not offer.
    #[error("the file imports what Weft does not offer: {}", .imports.join(", "))]
    UnknownImports {
        /// Each with the reason, such as 'needs a newer Weft'.
        imports: Vec<String>,
    },
    /// The file is larger than may be compiled.
    #[error("the file has {bytes} bytes; at most {limit} are compiled here (component_bytes)")]
    TooLarge {
        /// The file's size.
        bytes: u64,
        /// [`crate::CompileLimits::component_bytes`].
        limit: u64,
    },
    /// The component needs more instances, memories or tables than one guest may have.
    #[error("the component needs more than one guest may have: {reason}")]
    TooComplex {
        /// The bound, with its number.
        reason: String,
    },
    /// Compiling took too much CPU time and was stopped.
    #[error(
        "compiling took more than {limit:?} of CPU time and was stopped: the code is too large or made to be slow to compile"
    )]
    CompileCpu {
        /// [`crate::CompileLimits::cpu`].
        limit: Duration,
    },
    /// Compiling took too long and was stopped.
    #[error(
        "compiling took longer than {limit:?} and was stopped: the machine is too busy to compile the component, or the code is made to be slow to compile"
    )]
    CompileTimeout {
        /// [`crate::CompileLimits::wall`].
        limit: Duration,
    },
    /// Compiling needed too much memory and was stopped.
    #[error("compiling needed more than {limit_bytes} bytes of memory and was stopped")]
    CompileMemory {
        /// [`crate::CompileLimits::memory_bytes`].
        limit_bytes: u64,
    },
    /// The compiler subprocess ended without an answer.
    #[error("the compiler failed: {reason}")]
    CompilerCrashed {
        /// Its exit status and the end of its standard error.
        reason: String,
    },
    /// wasmtime refuses the code.
    #[error("the code does not compile: {reason}")]
    Compile {
        /// wasmtime's words.
        reason: String,
    },
    /// The host's own fault.
    #[error("{reason}")]
    Host {
        /// What happened and what to do.
        reason: String,
    },
}

/// Why a component did not describe its DAGs.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DescribeError {
    /// Programs have no `describe`; a manifest describes them.
    #[error("this is a WASI program without weft:dag/tasks: name it in a dag.toml")]
    NotTasks,
    /// The author's code returned an error.
    #[error("describe failed: {message}")]
    Author {
        /// The author's words, cut.
        message: String,
    },
    /// It took too long.
    #[error(
        "describe did not end within {limit:?}; it must return at once, without waiting or looping"
    )]
    Timeout {
        /// The bound.
        limit: Duration,
    },
    /// It needed too much memory.
    #[error("describe needed more than {limit_bytes} bytes of memory")]
    Memory {
        /// The bound.
        limit_bytes: u64,
    },
    /// It returned too much.
    #[error("describe returned a document of more than {limit_bytes} bytes")]
    TooLarge {
        /// The bound.
        limit_bytes: u64,
    },
    /// It trapped or broke the contract.
    #[error("describe failed: {reason}")]
    Trap {
        /// What happened.
        reason: String,
        /// Function names of the guest, innermost first.
        backtrace: Option<String>,
    },
    /// It is not one text of UTF-8.
    #[error("describe returned something that is no UTF-8 text: {reason}")]
    InvalidText {
        /// What is wrong.
        reason: String,
    },
    /// The host's own fault.
    #[error("{reason}")]
    Host {
        /// What happened.
        reason: String,
    },
}
