//! The compiler role: looks at a deployed file where it can do no harm.

use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use weft_core::digest::Digest;

/// Inspects, describes and compiles files of strangers. An implementation does
/// it in a process of its own, with limits, that can be killed.
#[async_trait]
pub trait Compiler: Send + Sync {
    /// Checks the file, asks it for its DAGs and compiles what they run, so
    /// that no worker meets code that can't be compiled. Cancel-safe: dropping
    /// the call ends the work.
    ///
    /// # Errors
    /// [`CompileError::Bad`] is the file's fault, anything else isn't.
    async fn inspect(&self, file: Bytes) -> Result<Inspection, CompileError>;

    /// The public key that [`Self::code`] is signed with, as workers read it.
    fn signer(&self) -> Arc<str>;

    /// Compiles one of the files that tasks run, for machines and a sandbox that
    /// `name` describes in the sandbox's own words, and signs what came of it. What
    /// [`Self::inspect`] compiled before is not compiled again. Cancel-safe.
    ///
    /// # Errors
    /// [`CodeError`] says whether it can be had at all.
    async fn code(&self, file: Bytes, digest: Digest, name: &str) -> Result<Bytes, CodeError>;
}

/// Why there is no compiled code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// The name means nothing to this version, or nothing for other machines.
    #[error("{0}")]
    Unknown(String),
    /// It can't be compiled, or not now.
    #[error("{0}")]
    Unavailable(String),
}

/// What a file is, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The file's digest.
    pub digest: Digest,
    /// What it is, for people: `component with tasks`, `packed manifest`.
    pub kind: String,
    /// Interfaces that it imports, sorted.
    pub imports: Vec<String>,
    /// The files that its tasks run. Of a component that describes itself the
    /// one entry with an empty name, which is the file itself.
    pub files: Vec<InspectedFile>,
    /// The `weft.dag/1` document of all its DAGs, as JSON, in the author's
    /// order. The server parses and validates it.
    pub document: Arc<str>,
}

/// A file that tasks run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedFile {
    /// As the document names it; empty for the describing component itself.
    pub name: String,
    /// SHA-256 digest of the file.
    pub digest: Digest,
    /// Its contents: shared with the deployed file, not copied.
    pub bytes: Bytes,
    /// What a component that the document's tasks name says of its own tasks: a
    /// `weft.dag/1` document, whose types hold for the edges of the deployed one.
    /// Neither parsed nor checked; `None` where there is none to be had.
    pub document: Option<Arc<str>>,
    /// What its code is called that was compiled while it was inspected, where
    /// other machines can have the same.
    pub code: Option<String>,
}

/// Why there is no inspection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The file is not what it has to be.
    #[error("{message}")]
    Bad {
        /// The kind of defect.
        what: BadFile,
        /// For its author.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The compiler can't be started, or was stopped: the same file may pass later.
    #[error("the compiler does not answer: {0}")]
    Unavailable(String),
}

/// Kinds of defects of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadFile {
    /// No WebAssembly, or broken after its start.
    NotWasm,
    /// A program or a library, which has no DAGs.
    NoDags,
    /// It imports what Weft does not offer.
    UnknownImport,
    /// Its `describe` failed or took too much.
    Describe,
    /// It can't be compiled within the limits.
    Compile,
}
