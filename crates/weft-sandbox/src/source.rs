//! Compiled code from other machines: compiled once for all workers, loaded by those that
//! holds the key that it is signed with.

use crate::{Digest, code::CodeKey, code::CodeName};
use async_trait::async_trait;
use bytes::Bytes;

/// Where code may be had that was compiled before.
#[async_trait]
pub trait CodeSource: Send + Sync {
    /// The code of a file of at most `most` bytes, and whose signature to look
    /// for. `None` where there is none: then it is compiled here. Asked once
    /// for each file and engine; the source logs what goes wrong.
    async fn code(&self, file: &Digest, name: &CodeName, most: u64) -> Option<SignedCode>;
}

/// Code as it came in. Nothing of it is believed before the signature is.
#[derive(Debug, Clone)]
pub struct SignedCode {
    /// What was sent.
    pub bytes: Bytes,
    /// The key whose signature it must have. It comes from a trusted configuration, never
    /// with the bytes.
    pub key: CodeKey,
}
