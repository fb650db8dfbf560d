//! Blobs that only another process reaches: the store of a worker behind a server.
//!
//! [`RemoteStore`] is implemented by the transport, in terms of blobs; this module
//! adapts it to the object store that [`crate::Blobs`] works with. The other side
//! names what it is given by the bytes themselves, so an upload has its name when
//! it ends, and renaming it only checks that both sides agree. Nothing is listed,
//! copied or removed from here.

use crate::{BlobError, Blobs, Kind, location, logs::SegmentId};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, BoxStream},
};
use object_store::{
    Attributes, CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result, UploadPart, path::Path,
};
use std::{
    collections::HashMap,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::mpsc, task::JoinHandle};
use weft_core::{digest::Digest, id::TenantId};

/// How the errors of `object_store` call this one.
const STORE: &str = "server";
/// Parts of an upload that wait to be sent.
const PARTS_AHEAD: usize = 1;

/// A blob as it comes.
pub struct Incoming {
    /// How many bytes it has.
    pub size: u64,
    /// All of them, in order.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

/// Bytes that are sent to the other side; an error ends an upload that must not be kept.
pub type Outgoing = BoxStream<'static, io::Result<Bytes>>;

/// Why the other side did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It has no such blob.
    #[error("it is not there")]
    Missing,
    /// It does not allow it.
    #[error("{0}")]
    Refused(String),
    /// It has no space.
    #[error("there is no space left on the other side")]
    Full,
    /// It did not answer as it should; trying again may help.
    #[error("{0}")]
    Unavailable(String),
}

/// The transport to a store that another process holds.
#[async_trait]
pub trait RemoteStore: fmt::Debug + Send + Sync + 'static {
    /// Begins to read a blob.
    ///
    /// # Errors
    /// [`RemoteError`].
    async fn get(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Incoming, RemoteError>;

    /// The size of a blob in bytes.
    ///
    /// # Errors
    /// [`RemoteError`].
    async fn size(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<u64, RemoteError>;

    /// Stores bytes and returns the name that the other side gave them.
    ///
    /// # Errors
    /// [`RemoteError`]; nothing is stored then.
    async fn put(
        &self,
        kind: Kind,
        tenant: &TenantId,
        bytes: Outgoing,
    ) -> Result<Digest, RemoteError>;

    /// Stores a whole segment of logs; the same one again changes nothing.
    ///
    /// # Errors
    /// [`RemoteError`].
    async fn put_segment(&self, segment: SegmentId, bytes: Outgoing) -> Result<(), RemoteError>;
}

impl Blobs {
    /// Blobs that another process holds.
    pub fn remote(store: Arc<dyn RemoteStore>) -> Self {
        Self::over(
            Arc::new(RemoteObjects {
                store,
                uploaded: Arc::default(),
            }),
            None,
        )
    }

    /// Takes in a segment that a worker elsewhere wrote and closed. One that is there already
    /// stays as it is.
    ///
    /// # Errors
    /// As [`Blobs::put`].
    pub async fn put_segment(&self, segment: SegmentId, bytes: Bytes) -> Result<(), BlobError> {
        let path = crate::logs::location(segment);
        let options = PutOptions::from(object_store::PutMode::Create);
        match self.store().put_opts(&path, bytes.into(), options).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(self.failure(&error, &path)),
        }
    }
}

/// What uploads that ended are called by the other side.
type Uploaded = Arc<Mutex<HashMap<Path, Digest>>>;

#[derive(Debug)]
struct RemoteObjects {
    store: Arc<dyn RemoteStore>,
    uploaded: Uploaded,
}

impl fmt::Display for RemoteObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server's blobs")
    }
}

impl RemoteObjects {
    fn uploaded(&self) -> MutexGuard<'_, HashMap<Path, Digest>> {
        lock(&self.uploaded)
    }
}

fn lock(uploaded: &Uploaded) -> MutexGuard<'_, HashMap<Path, Digest>> {
    // One call on a map at a time leaves it whole.
    uploaded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a path of the store means.
enum Target {
    Blob(Kind, TenantId, Digest),
    /// An upload whose digest isn't known yet.
    Upload(Kind, TenantId),
    Segment(SegmentId),
}

fn parse_path(path: &Path) -> Result<Target> {
    if let Some(segment) = crate::logs::segment_at(path) {
        return Ok(Target::Segment(segment));
    }
    match location::read(path) {
        Some((kind, tenant, Some(digest))) => Ok(Target::Blob(kind, tenant, digest)),
        Some((kind, tenant, None)) => Ok(Target::Upload(kind, tenant)),
        None => Err(not_here("other paths than those of blobs and logs")),
    }
}

fn blob(path: &Path) -> Result<(Kind, TenantId, Digest)> {
    match parse_path(path)? {
        Target::Blob(kind, tenant, digest) => Ok((kind, tenant, digest)),
        Target::Upload(..) | Target::Segment(_) => Err(not_here("reading anything but blobs")),
    }
}

fn not_here(what: &'static str) -> object_store::Error {
    object_store::Error::NotSupported {
        source: format!("through a server, {what} is not possible").into(),
    }
}

fn failed(path: &Path, error: RemoteError) -> object_store::Error {
    let path = path.to_string();
    match error {
        RemoteError::Missing => object_store::Error::NotFound {
            path,
            source: Box::new(error),
        },
        RemoteError::Refused(_) => object_store::Error::PermissionDenied {
            path,
            source: Box::new(error),
        },
        // A full disk is recognised by the I/O error that it is converted back to.
        RemoteError::Full => generic(io::Error::new(io::ErrorKind::StorageFull, error)),
        RemoteError::Unavailable(_) => generic(io::Error::other(error)),
    }
}

fn generic(error: io::Error) -> object_store::Error {
    object_store::Error::Generic {
        store: STORE,
        source: Box::new(error),
    }
}

fn done() -> PutResult {
    PutResult {
        e_tag: None,
        version: None,
        extensions: object_store::Extensions::default(),
    }
}

#[async_trait]
impl ObjectStore for RemoteObjects {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        _options: PutOptions,
    ) -> Result<PutResult> {
        let (kind, tenant, digest) = blob(location)?;
        let parts: Vec<io::Result<Bytes>> = payload.into_iter().map(Ok).collect();
        let stored = self
            .store
            .put(kind, &tenant, stream::iter(parts).boxed())
            .await
            .map_err(|error| failed(location, error))?;
        agree(stored, digest)?;
        Ok(done())
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let (parts, mut received) = mpsc::channel::<io::Result<Bytes>>(PARTS_AHEAD);
        let bytes = stream::poll_fn(move |context| received.poll_recv(context)).boxed();
        let (store, path) = (Arc::clone(&self.store), location.clone());
        let uploaded = Arc::clone(&self.uploaded);
        let sending = match parse_path(location)? {
            Target::Blob(..) => return Err(not_here("naming a blob before its end")),
            Target::Upload(kind, tenant) => tokio::spawn(async move {
                let digest = store.put(kind, &tenant, bytes).await;
                let digest = digest.map_err(|error| failed(&path, error))?;
                lock(&uploaded).insert(path, digest);
                Ok(())
            }),
            Target::Segment(segment) => tokio::spawn(async move {
                let stored = store.put_segment(segment, bytes).await;
                stored.map_err(|error| failed(&path, error))
            }),
        };
        Ok(Box::new(Upload {
            parts: Some(parts),
            sending: Some(sending),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.range.is_some() {
            return Err(not_here("reading a part of a blob"));
        }
        let (kind, tenant, digest) = blob(location)?;
        let Incoming { size, bytes } = if options.head {
            let size = self.store.size(kind, &tenant, &digest).await;
            Incoming {
                size: size.map_err(|error| failed(location, error))?,
                bytes: stream::empty().boxed(),
            }
        } else {
            let found = self.store.get(kind, &tenant, &digest).await;
            found.map_err(|error| failed(location, error))?
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(bytes.map_err(generic).boxed()),
            meta: ObjectMeta {
                location: location.clone(),
                last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
                size,
                e_tag: None,
                version: None,
            },
            range: 0..size,
            attributes: Attributes::default(),
            extensions: object_store::Extensions::default(),
        })
    }

    fn delete_stream(
        &self,
        _locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(not_here("removing")) }).boxed()
    }

    fn list(&self, _prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { Err(not_here("listing")) }).boxed()
    }

    async fn list_with_delimiter(&self, _prefix: Option<&Path>) -> Result<ListResult> {
        Err(not_here("listing"))
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        Err(not_here("copying"))
    }

    /// The upload has its name already; here it is checked.
    async fn rename_opts(&self, from: &Path, to: &Path, _options: RenameOptions) -> Result<()> {
        let (_kind, _tenant, digest) = blob(to)?;
        let stored = self.uploaded().remove(from);
        let stored = stored.ok_or_else(|| not_here("renaming anything but an upload"))?;
        agree(stored, digest)
    }
}

/// What arrived is what was sent.
fn agree(stored: Digest, sent: Digest) -> Result<()> {
    if stored == sent {
        return Ok(());
    }
    let what = format!("the server stored {stored} where {sent} was sent");
    Err(generic(io::Error::other(what)))
}

/// An upload in progress: its parts go through a channel into one request, in the
/// order in which they are put.
#[derive(Debug)]
struct Upload {
    parts: Option<mpsc::Sender<io::Result<Bytes>>>,
    sending: Option<JoinHandle<Result<()>>>,
}

impl Upload {
    async fn ended(&mut self) -> Result<()> {
        let Some(sending) = self.sending.take() else {
            return Err(not_here("ending an upload twice"));
        };
        sending
            .await
            .unwrap_or_else(|died| Err(generic(io::Error::other(died))))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(sending) = &self.sending {
            sending.abort();
        }
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let parts = self.parts.clone();
        Box::pin(async move {
            let closed = || not_here("adding to an upload that ended");
            let parts = parts.ok_or_else(closed)?;
            for part in data {
                // Where the request ended early, completing the upload returns the reason.
                if parts.send(Ok(part)).await.is_err() {
                    break;
                }
            }
            Ok(())
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.parts = None;
        self.ended().await.map(|()| done())
    }

    async fn abort(&mut self) -> Result<()> {
        if let Some(parts) = self.parts.take() {
            // The other side keeps nothing of a body that doesn't end well.
            drop(parts.send(Err(io::Error::other("given up"))).await);
        }
        drop(self.ended().await);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
