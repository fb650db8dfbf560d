//! Why the blob store failed, classified by the error of the underlying store.

use crate::Kind;
use std::{error::Error, io};
use weft_core::digest::Digest;

/// Says what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Nothing is stored under this name.
    #[error("there is no {kind} {digest}")]
    Missing {
        /// What was looked for.
        kind: Kind,
        /// Digest that no blob of the kind has.
        digest: Digest,
    },
    /// What is stored is not what its name says: torn by a crash, or changed
    /// since. Putting the same bytes again heals it.
    #[error("the blob {path} is damaged: its bytes are not those of {digest}")]
    Damaged {
        /// Digest that the bytes should have.
        digest: Digest,
        /// Where it lies: a file, or a path in the object store.
        path: String,
    },
    /// The disk or the quota is full: nothing was stored, and the same call may succeed when there is space.
    #[error("there is no space left to write {path}")]
    Full {
        /// What was to be written.
        path: String,
    },
    /// The store doesn't allow it.
    #[error("writing or reading {path} is not permitted: {reason}")]
    Forbidden {
        /// What was touched.
        path: String,
        /// In the store's words.
        reason: String,
    },
    /// A blob beyond [`Blobs::MAX_GET_BYTES`](crate::Blobs::MAX_GET_BYTES) is read as a stream only.
    #[error("the {kind} {digest} has {bytes} bytes, too many to be read at once")]
    TooLarge {
        /// What was requested.
        kind: Kind,
        /// Digest of the blob.
        digest: Digest,
        /// Size of the blob, in bytes.
        bytes: u64,
    },
    /// The URL names no store that can be used.
    #[error("{url:?} is no URL of a blob store: {reason}")]
    InvalidUrl {
        /// The URL, without credentials.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The store did not answer as it should; the same call may succeed later.
    #[error("the blob store failed at {path}: {reason}")]
    Unavailable {
        /// What was touched.
        path: String,
        /// In the store's words.
        reason: String,
    },
}

impl BlobError {
    /// What an error of the store below means for the path that was touched.
    pub(crate) fn from_store(error: &object_store::Error, path: &str) -> Self {
        if let Some(source) = io_error(error) {
            return Self::from_io(source, path);
        }
        let path = path.to_owned();
        match error {
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => Self::Forbidden {
                path,
                reason: words(error),
            },
            other => Self::Unavailable {
                path,
                reason: words(other),
            },
        }
    }

    pub(crate) fn from_io(error: &io::Error, path: &str) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Forbidden {
                    path,
                    reason: error.to_string(),
                }
            }
            _ => Self::Unavailable {
                path,
                reason: error.to_string(),
            },
        }
    }
}

/// The operating system's own error below what wraps it.
fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    std::iter::successors(Some(error), |error| (*error).source())
        .find_map(|error| error.downcast_ref())
}

/// The whole chain of what went wrong, without saying anything twice.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |error| (*error).source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
