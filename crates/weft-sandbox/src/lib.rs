//! Runs untrusted WebAssembly for Weft: one attempt of one task at a time, each
//! in a fresh wasmtime instance, under limits, with nothing but what was granted.
//!
//! The entry point is [`Sandbox`]: [`Sandbox::load`] checks and compiles a file once
//! per digest, [`Sandbox::describe`] asks a component for its document, and
//! [`Sandbox::run`] executes an attempt and always answers with an
//! [`AttemptReport`], whatever the guest does.
//!
//! - [`inspect()`] and [`container`] read and write files without running anything.
//! - [`compiler`] is the other half of the compiling subprocess.
//! - [`SigningCompiler`] compiles and signs for other machines, which load through a [`CodeSource`].
//! - Each WIT interface that Weft offers itself has one module (`dag`,
//!   `artifacts`); WASI comes from wasmtime-wasi, narrowed by `http`, `program`
//!   and `scratch`.
//!
//! What always holds: no state survives an attempt; a size that a guest
//! controls is capped before the host allocates for it; everything offered is
//! linked, and answers 'denied' where it was not granted. Nothing here knows of
//! queues, databases or schedulers.

mod artifacts;
#[doc(hidden)]
pub mod bench;
pub mod compiler;
pub mod container;
pub mod inspect;
pub mod merge;

mod attempt;
mod binary;
mod cache;
mod code;
mod compile;
mod dag;
mod describe;
mod engine;
mod error;
mod event;
mod failure;
mod guest;
mod http;
mod interface;
mod json;
mod limiter;
mod linker;
mod load;
mod log;
mod meter;
mod options;
mod program;
mod random;
mod sandbox;
mod scratch;
mod shared;
mod signing;
pub mod snapshot;
mod source;
mod state;
mod variables;
mod wasi;

pub use artifacts::{
    ArtifactError, ArtifactReader, ArtifactRef, ArtifactWriter, Artifacts, FolderArtifacts,
    NoArtifacts,
};
pub use attempt::{
    AttemptFailure, AttemptOutcome, AttemptReport, AttemptRequest, CancelSignal, DeferUntil, Entry,
    FailureKind, ProgramEntry, Services, Usage,
};
pub use code::{BadCodeKey, CodeKey, CodeName, CodeSigner, UnknownCodeName};
pub use error::{DescribeError, LoadError, SandboxError, SandboxWarning};
pub use event::{EventSink, EventStream, GuestEvent, LogLevel, LogStream};
pub use guest::{Guest, GuestKind};
pub use http::{ConnectionScope, FixedResolver, Resolve, SystemResolver};
pub use inspect::{Inspection, inspect};
pub use options::{CompileLimits, Compiler, SandboxOptions, WarningSink};
pub use sandbox::{CodeFound, Sandbox};
pub use signing::{SigningCompiler, SigningError};
pub use source::{CodeSource, SignedCode};
pub use variables::{MAX_VARIABLE_BYTES, NoVariables, VariableError, Variables};
pub use weft_core::digest::Digest;
