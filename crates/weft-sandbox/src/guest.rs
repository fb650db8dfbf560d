//! A loaded guest: checked, compiled, ready to be instantiated.

use crate::{CodeSource, Digest, dag::Tasks, engine::Profile, state::HostState};
use bytes::Bytes;
use std::{fmt, sync::Arc};
use tokio::sync::OnceCell;
use wasmtime::component;

/// A file that passed every check and can run. Cheap to clone.
#[derive(Clone)]
pub struct Guest(pub(crate) Arc<LoadedGuest>);

/// What a [`Guest`] points at.
pub(crate) struct LoadedGuest {
    /// The file, for the deterministic engine, whose code is loaded at its first use.
    pub(crate) file: Arc<GuestFile>,
    /// For the engine that its kind runs on, see [`GuestKind::profile`].
    pub(crate) home: Prepared,
    /// For the deterministic engine.
    pub(crate) deterministic: OnceCell<Prepared>,
}

/// A checked file, and where its code may be had.
pub(crate) struct GuestFile {
    pub(crate) digest: Digest,
    pub(crate) kind: GuestKind,
    pub(crate) wasm: Bytes,
    /// The template that its code is made of, for a component that has one.
    pub(crate) template: Option<Digest>,
    pub(crate) source: Option<Arc<dyn CodeSource>>,
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
        self.0.file.digest
    }

    /// What it takes in memory, in bytes: its file and its code.
    pub fn bytes(&self) -> u64 {
        self.0.file.wasm.len() as u64 + self.0.home.code_bytes
    }

    /// What kind of guest it is.
    pub fn kind(&self) -> GuestKind {
        self.0.file.kind
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("digest", &self.0.file.digest)
            .field("kind", &self.0.file.kind)
            .finish()
    }
}

/// What kinds of guests there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuestKind {
    /// A component that exports `weft:dag/tasks`.
    Tasks,
    /// A component that exports `weft:async-dag/tasks` (WASI 0.3).
    AsyncTasks,
    /// A component that exports `wasi:cli/run` (WASI 0.2).
    Command,
    /// A core module with `_start` (WASI 0.1).
    Module,
}

impl GuestKind {
    /// Whether it has tasks by name, and describes them itself; otherwise it is a program.
    pub const fn has_tasks(self) -> bool {
        match self {
            Self::Tasks | Self::AsyncTasks => true,
            Self::Command | Self::Module => false,
        }
    }

    /// The engine that it runs on by default.
    pub(crate) const fn profile(self) -> Profile {
        match self {
            Self::Tasks | Self::Command | Self::Module => Profile::Fast,
            Self::AsyncTasks => Profile::Concurrent,
        }
    }
}
