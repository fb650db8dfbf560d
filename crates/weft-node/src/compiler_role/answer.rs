//! The compiler role's answer, one JSON document on its standard output.

use serde::{Deserialize, Serialize};
use weft_sandbox::Digest;

/// What came of looking at a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It can be deployed, as far as the file itself goes.
    Inspected(Inspected),
    /// It can't.
    Bad {
        what: What,
        message: String,
        help: Option<String>,
    },
    /// The machine's fault, not the file's.
    Failed { message: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inspected {
    pub(super) kind: String,
    pub(super) imports: Vec<String>,
    pub(super) files: Vec<File>,
    pub(super) document: String,
}

/// A file that tasks run, as a range of the deployed file's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) name: String,
    /// 64 hexadecimal digits.
    pub(super) digest: String,
    pub(super) from: usize,
    pub(super) to: usize,
    /// What a component that tasks name says of its own tasks.
    pub(super) document: Option<String>,
    /// What its compiled code is called.
    pub(super) code: Option<String>,
}

impl File {
    pub(super) fn digest(&self) -> Option<Digest> {
        Digest::from_hex(&self.digest)
    }
}

/// Kinds of defects of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    NotWasm,
    NoDags,
    UnknownImport,
    Describe,
    Compile,
}
