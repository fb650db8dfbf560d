//! A loaded guest: checked, compiled, ready to be instantiated.

use std::{fmt, sync::Arc};

/// A file that passed every check and can run. Cheap to clone.
#[derive(Clone)]
pub struct Guest(pub(crate) Arc<Loaded>);

/// What a [`Guest`] points at.
pub(crate) struct Loaded {
    pub(crate) digest: Digest,
    pub(crate) kind: GuestKind,
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
