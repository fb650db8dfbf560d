//! A loaded guest: checked, compiled, ready to be instantiated.

use crate::{dag::Tasks, state::HostState};
use bytes::Bytes;
use std::{fmt, sync::Arc};
use tokio::sync::OnceCell;
use wasmtime::component;

/// A file that passed every check and can run. Cheap to clone.
#[derive(Clone)]
pub struct Guest(pub(crate) Arc<LoadedGuest>);

/// What a [`Guest`] points at.
pub(crate) struct LoadedGuest {
    pub(crate) digest: Digest,
    pub(crate) kind: GuestKind,
    /// Kept for the deterministic engine, whose code is compiled when it is first asked for.
    pub(crate) wasm: Bytes,
    /// For the fast engine.
    pub(crate) fast: Prepared,
    /// For the deterministic engine.
    pub(crate) deterministic: OnceCell<Prepared>,
}

/// A guest on one engine: linked, ready to be instantiated.
pub(crate) struct Prepared {
    pub(crate) callable: Callable,
    /// How many slots of the pool an instance takes.
    pub(crate) slots: u32,
    /// Bytes of compiled code.
    pub(crate) code_bytes: u64,
}

/// How a guest is entered.
pub(crate) enum Callable {
    Tasks(Tasks),
    Command(component::InstancePre<HostState>),
    Module(wasmtime::InstancePre<HostState>),
}

impl Guest {
    /// The SHA-256 digest of the file.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What kind of guest it is.
    pub fn kind(&self) -> GuestKind {
        self.0.kind
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("digest", &self.0.digest)
            .field("kind", &self.0.kind)
            .finish()
    }
}

/// What kinds of guests there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuestKind {
    /// A component that exports `weft:dag/tasks`.
    Tasks,
    /// A component that exports `wasi:cli/run` (WASI 0.2).
    Command,
    /// A core module with `_start` (WASI 0.1).
    Module,
}

/// A SHA-256 digest; shown as `sha256:<64 hexadecimal digits>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest that 64 hexadecimal digits write.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(Self(digest))
    }

    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        self.0
            .iter()
            .fold(String::with_capacity(64), |mut text, byte| {
                write!(text, "{byte:02x}").expect("writing to a String can't fail");
                text
            })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
