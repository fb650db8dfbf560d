//! Large data between tasks: the port of artifact stores, and the host side of `weft:artifacts/store`.
//!
//! What always holds: an attempt opens only what its inputs name or what it made
//! itself, and its output names nothing else, so a guessed or leaked reference
//! is worth nothing. Where and for how long artifacts are
//! stored is up to the store.

mod folder;
mod host;
mod stream;

pub use folder::FolderArtifacts;
pub(crate) use host::add_to_linker;
pub use weft_core::contract::ArtifactRef;

use crate::FailureKind;
use async_trait::async_trait;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use weft_core::{
    contract::{ARTIFACT_KEY, artifact_refs_in},
    limit::{Limits, Unit},
};

/// A store of artifacts. Access is decided before it is called.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Starts a new artifact.
    ///
    /// # Errors
    /// [`ArtifactError`] distinguishes errors that a retry may fix.
    async fn create(&self, media_type: &str) -> Result<Box<dyn ArtifactWriter>, ArtifactError>;

    /// Opens one for reading, from its beginning.
    ///
    /// # Errors
    /// [`ArtifactError`] distinguishes a missing artifact from a store that does not answer.
    async fn open(&self, reference: &ArtifactRef) -> Result<ArtifactReader, ArtifactError>;
}

/// The bytes of an artifact.
pub type ArtifactReader = Box<dyn AsyncRead + Send + Sync + Unpin>;

/// An artifact that is being written. Dropped before `finish`, it never was.
#[async_trait]
pub trait ArtifactWriter: AsyncWrite + Send + Sync + Unpin {
    /// Makes it visible under the reference that is returned.
    ///
    /// # Errors
    /// The store could not keep it.
    async fn finish(self: Box<Self>) -> Result<ArtifactRef, ArtifactError>;
}

/// Why a call of the store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// No such artifact.
    #[error("no such artifact")]
    NotFound,
    /// The store does not answer or is full.
    #[error("artifacts are unavailable: {0}")]
    Unavailable(String),
}

/// Nowhere to keep artifacts: nothing can be created or opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoArtifacts;

#[async_trait]
impl Artifacts for NoArtifacts {
    async fn create(&self, _media_type: &str) -> Result<Box<dyn ArtifactWriter>, ArtifactError> {
        Err(ArtifactError::Unavailable("no store was given".into()))
    }

    async fn open(&self, _reference: &ArtifactRef) -> Result<ArtifactReader, ArtifactError> {
        Err(ArtifactError::NotFound)
    }
}

/// The most artifacts that an attempt reads and writes at once. Each takes some 200 KiB
/// of the host's memory, whether the guest goes on with it or not.
const MAX_OPEN: usize = 128;

/// One attempt's artifacts: what it may open, what it wrote.
pub(crate) struct ArtifactState {
    store: Arc<dyn Artifacts>,
    known: HashSet<ArtifactRef>,
    created: Vec<ArtifactRef>,
    started: u64,
    artifacts_limit: u64,
    bytes_limit: u64,
    tally: Arc<Tally>,
    open: Arc<Semaphore>,
    problem: Option<Problem>,
}

/// Counters that streams update while the guest does other things.
#[derive(Debug, Default)]
struct Tally {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    too_large: AtomicBool,
}

/// What went wrong first, for an attempt that fails after it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    TooMany,
    TooManyOpen,
    Denied(ArtifactRef),
    Store(ArtifactError),
}

impl Default for ArtifactState {
    /// Nowhere to keep artifacts.
    fn default() -> Self {
        Self::new(Arc::new(NoArtifacts), [], &Limits::DEFAULT)
    }
}

impl ArtifactState {
    /// `inputs` are those that the attempt may open.
    pub(crate) fn new(
        store: Arc<dyn Artifacts>,
        inputs: impl IntoIterator<Item = ArtifactRef>,
        limits: &Limits,
    ) -> Self {
        Self {
            store,
            known: inputs.into_iter().collect(),
            created: Vec::new(),
            started: 0,
            artifacts_limit: limits.artifacts,
            bytes_limit: limits.artifact_bytes,
            tally: Arc::default(),
            open: Arc::new(Semaphore::new(MAX_OPEN)),
            problem: None,
        }
    }

    /// What was finished, in order.
    pub(crate) fn created(&self) -> &[ArtifactRef] {
        &self.created
    }

    /// Bytes that were read and written.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (
            self.tally.bytes_in.load(Ordering::Relaxed),
            self.tally.bytes_out.load(Ordering::Relaxed),
        )
    }

    /// A reference in this JSON that the attempt was not given and did not make.
    /// What is no JSON names nothing.
    pub(crate) fn foreign_reference(&self, json: &str) -> Option<ArtifactRef> {
        references_in(json)
            .into_iter()
            .find(|reference| !self.known.contains(reference))
    }

    /// The failure of an attempt that artifacts caused, if they may have.
    pub(crate) fn failure(&self) -> Option<(FailureKind, String)> {
        if self.tally.too_large.load(Ordering::Relaxed) {
            let limit = Unit::Bytes.show(self.bytes_limit);
            return Some((
                FailureKind::ArtifactLimit,
                format!(
                    "an artifact is larger than the {limit} that are allowed; raise `limits.artifact` of the task"
                ),
            ));
        }
        Some(match self.problem.as_ref()? {
            Problem::TooMany => (
                FailureKind::ArtifactLimit,
                format!(
                    "a task may create {} artifacts in one attempt (`artifacts`)",
                    self.artifacts_limit
                ),
            ),
            Problem::TooManyOpen => (
                FailureKind::HandleLimit,
                format!("a task may read and write {MAX_OPEN} artifacts at once"),
            ),
            Problem::Denied(reference) => (
                FailureKind::Denied,
                format!(
                    "the artifact {:?} was not given to this task; pass it on as an input",
                    reference.as_str().chars().take(100).collect::<String>()
                ),
            ),
            Problem::Store(error) => (FailureKind::Internal, error.to_string()),
        })
    }

    fn record(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }

    /// Counts one more artifact, if it may be made.
    fn start(&mut self) -> bool {
        if self.started >= self.artifacts_limit {
            self.record(Problem::TooMany);
            return false;
        }
        self.started += 1;
        true
    }

    /// Leave to read or write one more at the same time.
    fn open_another(&mut self) -> Option<OwnedSemaphorePermit> {
        let permit = Arc::clone(&self.open).try_acquire_owned().ok();
        if permit.is_none() {
            self.record(Problem::TooManyOpen);
        }
        permit
    }

    /// The attempt now has this artifact.
    fn finished(&mut self, reference: ArtifactRef) {
        self.known.insert(reference.clone());
        self.created.push(reference);
    }

    /// Stores a file that a program wrote, as an artifact.
    pub(crate) async fn store_file(
        &mut self,
        media_type: &str,
        mut file: tokio::fs::File,
    ) -> Result<ArtifactRef, (FailureKind, String)> {
        let unavailable = |error: ArtifactError| (FailureKind::Internal, error.to_string());
        let broken = |error: std::io::Error| {
            (
                FailureKind::Internal,
                format!("artifacts are unavailable: {error}"),
            )
        };
        let too_large = file.metadata().await.map_err(broken)?.len() > self.bytes_limit;
        if too_large {
            self.tally.too_large.store(true, Ordering::Relaxed);
        }
        if too_large || !self.start() {
            return Err(self.failure().expect("a limit was just reached"));
        }
        let mut writer = self.store.create(media_type).await.map_err(unavailable)?;
        let bytes = tokio::io::copy(&mut file, &mut writer)
            .await
            .map_err(broken)?;
        self.tally.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        let reference = writer.finish().await.map_err(unavailable)?;
        self.finished(reference.clone());
        Ok(reference)
    }

    /// Copies an artifact of the attempt's inputs into a file.
    pub(crate) async fn fetch(
        &self,
        reference: &ArtifactRef,
        file: &mut tokio::fs::File,
    ) -> Result<(), String> {
        let mut reader = self
            .store
            .open(reference)
            .await
            .map_err(|error| error.to_string())?;
        let bytes = tokio::io::copy(&mut reader, file)
            .await
            .map_err(|error| error.to_string())?;
        self.tally.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// Every artifact that a JSON text names.
pub(crate) fn references_in(json: &str) -> Vec<ArtifactRef> {
    // The key may be spelled with escapes, but not without a backslash.
    if !json.contains(ARTIFACT_KEY) && !json.contains("\\u") {
        return Vec::new();
    }
    artifact_refs_in(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_may_name_only_what_the_attempt_has() {
        let mut state = ArtifactState::new(
            Arc::new(NoArtifacts),
            references_in(r#"[{"$artifact": "given"}]"#),
            &Limits::DEFAULT,
        );
        state.finished(ArtifactRef::new("made"));
        for (json, foreign) in [
            (
                r#"{"a": [{"$artifact": "given"}, {"$artifact": "made"}]}"#,
                None,
            ),
            (r#"{"a": {"$artifact": "guessed"}}"#, Some("guessed")),
            (r#"{"\u0024artifact": "guessed"}"#, Some("guessed")),
            (r#"{"$artifact": "text", "more": 1}"#, None),
            ("$artifact", None),
        ] {
            let found = state.foreign_reference(json);
            assert_eq!(found.as_ref().map(ArtifactRef::as_str), foreign, "{json}");
        }
    }
}
