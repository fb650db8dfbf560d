//! From a digest to a component that can run: fetched from the blob store,
//! checked and compiled by the sandbox, which finds code that it had before on
//! its own disk, and code that another machine compiled in the installation's store.
//!
//! What a file is refused for is the file's fault and no retry mends it; a store
//! or a host that fails is tried again, first here and then by the task's own
//! retries.

use crate::{
    backoff,
    deps::Deps,
    failure::{self, Retry},
};
use bytes::Bytes;
use std::{collections::HashMap, sync::Arc};
use tokio::task::JoinError;
use weft_blob::{BlobError, Kind};
use weft_broker::Failure;
use weft_core::{digest::Digest, document::Code, id::TenantId};
use weft_sandbox::{FailureKind, Guest, LoadError, container};

/// Retries of fetching a component while the blob store is unavailable.
const MAX_RETRIES: usize = 4;
/// The stable name of the failure of an attempt whose component is no such thing.
const INVALID: &str = "component_invalid";
/// The stable name of the failure of an attempt whose component is not there, or damaged.
const MISSING: &str = "component_missing";

/// A tenant's file: no tenant reaches another tenant's by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ComponentKey {
    pub(crate) tenant: TenantId,
    pub(crate) digest: Digest,
}

/// A loaded file. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Component {
    /// One program.
    Guest(Guest),
    /// A container: each program by name, or why it is none.
    Container(Arc<HashMap<String, Result<Guest, LoadFailure>>>),
}

/// Why there is no component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoadFailure {
    code: &'static str,
    retry: Retry,
    pub(crate) message: String,
}

impl Component {
    /// The program that a task's code lies in.
    pub(crate) fn guest(&self, code: &Code) -> Result<&Guest, LoadFailure> {
        let parts = match self {
            Self::Guest(guest) => return Ok(guest),
            Self::Container(parts) => parts,
        };
        let file = match code {
            Code::Component { file, .. } => file,
            Code::Program(program) => &program.file,
            Code::Own { task } => {
                return Err(LoadFailure::invalid(format!(
                    "the task {task:?} names no file of its container"
                )));
            }
        };
        match parts.get(file) {
            Some(Ok(guest)) => Ok(guest),
            Some(Err(failure)) => Err(failure.clone()),
            None => Err(LoadFailure::invalid(format!(
                "the container has no file {file:?}"
            ))),
        }
    }

    /// What it takes in memory, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Guest(guest) => guest.bytes(),
            Self::Container(parts) => parts.values().flatten().map(Guest::bytes).sum(),
        }
    }
}

impl LoadFailure {
    fn invalid(message: String) -> Self {
        Self {
            code: INVALID,
            retry: Retry::IsVain,
            message,
        }
    }

    /// The task that loaded panicked, or was stopped.
    pub(crate) fn died(error: &JoinError) -> Self {
        Self {
            code: FailureKind::Internal.code(),
            retry: Retry::Helps,
            message: format!("loading the component failed: {error}"),
        }
    }

    fn of_blob(error: &BlobError) -> Self {
        let (code, retry) = match error {
            BlobError::Missing { .. } | BlobError::Damaged { .. } | BlobError::TooLarge { .. } => {
                (MISSING, Retry::IsVain)
            }
            BlobError::Full { .. }
            | BlobError::Forbidden { .. }
            | BlobError::InvalidUrl { .. }
            | BlobError::Unavailable { .. } => (FailureKind::Internal.code(), Retry::Helps),
        };
        Self {
            code,
            retry,
            message: format!("the task's component can't be read: {error}"),
        }
    }

    fn of_load(error: &LoadError, what: &str) -> Self {
        let message = format!("{what} can't be loaded: {error}");
        match error {
            LoadError::Host { .. } | LoadError::CompilerCrashed { .. } => Self {
                code: FailureKind::Internal.code(),
                retry: Retry::Helps,
                message,
            },
            LoadError::NotWasm { .. }
            | LoadError::Malformed { .. }
            | LoadError::Container
            | LoadError::NothingToRun { .. }
            | LoadError::NoStart
            | LoadError::UnknownImports { .. }
            | LoadError::TooLarge { .. }
            | LoadError::TooComplex { .. }
            | LoadError::CompileCpu { .. }
            | LoadError::CompileTimeout { .. }
            | LoadError::CompileMemory { .. }
            | LoadError::Compile { .. } => Self::invalid(message),
        }
    }

    /// The failure of an attempt that needed the component.
    pub(crate) fn of_attempt(&self) -> Failure {
        failure::failure(self.code, self.retry, self.message.clone())
    }
}

/// Fetches and loads a file.
pub(crate) async fn load(deps: &Deps, key: &ComponentKey) -> Result<Component, LoadFailure> {
    let bytes = fetch(deps, key)
        .await
        .map_err(|error| LoadFailure::of_blob(&error))?;
    match load_file(deps, key, bytes.clone()).await {
        Ok(guest) => Ok(Component::Guest(guest)),
        Err(LoadError::Container) => unpack(deps, key, &bytes).await,
        Err(error) => Err(LoadFailure::of_load(
            &error,
            &format!("the component {}", key.digest),
        )),
    }
}

/// Loads one file, with code that another machine compiled where there is some.
async fn load_file(deps: &Deps, key: &ComponentKey, bytes: Bytes) -> Result<Guest, LoadError> {
    match &deps.code {
        Some(store) => {
            let source = store.of(&key.tenant);
            deps.sandbox.load_from(bytes, source).await
        }
        None => deps.sandbox.load(bytes).await,
    }
}

async fn fetch(deps: &Deps, key: &ComponentKey) -> Result<Bytes, BlobError> {
    let mut delays = backoff::delays(backoff::FIRST).take(MAX_RETRIES);
    loop {
        let fetched = deps
            .blobs
            .get(Kind::Component, &key.tenant, &key.digest)
            .await;
        let is_unavailable = matches!(fetched, Err(BlobError::Unavailable { .. }));
        match delays.next().filter(|_delay| is_unavailable) {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return fetched,
        }
    }
}

/// Loads every program of a container; one that is refused fails the tasks that
/// need it, and no other.
async fn unpack(deps: &Deps, key: &ComponentKey, bytes: &Bytes) -> Result<Component, LoadFailure> {
    let container = container::unpack(bytes).map_err(|error| {
        LoadFailure::invalid(format!(
            "the container {} can't be read: {error}",
            key.digest
        ))
    })?;
    let mut parts = HashMap::with_capacity(container.files.len());
    for (name, file) in container.files {
        let loaded = load_file(deps, key, bytes.slice_ref(file))
            .await
            .map_err(|error| {
                let what = format!("the file {name:?} of the container {}", key.digest);
                LoadFailure::of_load(&error, &what)
            });
        parts.insert(name.to_owned(), loaded);
    }
    Ok(Component::Container(Arc::new(parts)))
}
