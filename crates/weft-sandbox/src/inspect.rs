//! Looks at a file without running or compiling it.

use crate::{Digest, GuestKind};

/// What a file is and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What kind of file it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 digest.
    pub digest: Digest,
    /// Interfaces (of components) or module names (of modules) that it imports, sorted.
    pub imports: Vec<Import>,
    /// What it exports, sorted.
    pub exports: Vec<String>,
}

/// What kind of file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A guest that the sandbox loads.
    Guest(GuestKind),
    /// A container; its files by name and size, in order.
    Container(Vec<(String, u64)>),
    /// A component that has nothing Weft can run.
    OtherComponent,
    /// A module without `_start`.
    OtherModule,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// `wasi:io/streams@0.2.6`, or `module` of a core module.
    pub name: String,
    /// Why Weft does not offer it; `None` where it does.
    pub not_offered: Option<String>,
}

/// Why a file can't be inspected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Not WebAssembly at all.
    #[error("this is not a WebAssembly file: {0}")]
    NotWasm(String),
    /// It starts as WebAssembly and is broken after that.
    #[error("the WebAssembly file is malformed or truncated: {0}")]
    Malformed(String),
}

/// Looks at a file. Runs no guest code and compiles nothing.
pub fn inspect(_bytes: &[u8]) -> Result<Inspection, InspectError> {
    Err(InspectError::NotWasm("not built yet".into()))
}
