//! Artifacts as files in a folder, named by what they hold.
//!
//! What always holds: a file appears under its name complete, synced and at
//! once; its name is the SHA-256 digest of its bytes; a reader who gets to the end
//! has seen exactly those bytes, or an error. The same bytes are stored once.
//! It deletes nothing: the owner of the folder decides about that.
//! Other such folders can be read besides; nothing is ever written there.

use super::{ArtifactError, ArtifactReader, ArtifactRef, ArtifactWriter, Artifacts};
use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, ready},
};
use tokio::{
    fs::File,
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
};

/// What a reference begins with; 64 hexadecimal digits follow.
const PREFIX: &str = "sha256:";

/// Stores artifacts in a folder.
#[derive(Debug, Clone)]
pub struct FolderArtifacts {
    folder: PathBuf,
    earlier: Vec<PathBuf>,
}

impl FolderArtifacts {
    /// In this folder, which is made at the first artifact.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            earlier: Vec::new(),
        }
    }

    /// Opens artifacts of these folders too, in this order after its own.
    #[must_use]
    pub fn with_earlier(mut self, folders: Vec<PathBuf>) -> Self {
        self.earlier = folders;
        self
    }

    /// The file of an artifact that is kept, in the first folder that has it; `None`
    /// where there is none, or where the text can't be a reference.
    pub fn find(&self, reference: &ArtifactRef) -> Option<PathBuf> {
        let below = place(reference)?;
        std::iter::once(&self.folder)
            .chain(&self.earlier)
            .map(|folder| folder.join(&below))
            .find(|path| path.is_file())
    }
}

/// Where an artifact lies in a folder; `None` where the text can't be a reference.
/// References come from documents, so nothing else of them becomes part of a path.
fn place(reference: &ArtifactRef) -> Option<PathBuf> {
    let hex = reference.as_str().strip_prefix(PREFIX)?;
    let is_digest = hex.len() == 64
        && hex
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then(|| Path::new(&hex[..2]).join(&hex[2..]))
}

fn unavailable(error: &io::Error) -> ArtifactError {
    ArtifactError::Unavailable(error.to_string())
}

#[async_trait]
impl Artifacts for FolderArtifacts {
    async fn create(&self, _media_type: &str) -> Result<Box<dyn ArtifactWriter>, ArtifactError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        tokio::fs::create_dir_all(&self.folder)
            .await
            .map_err(|error| unavailable(&error))?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = self
                .folder
                .join(format!(".new-{}-{number}", std::process::id()));
            match File::create_new(&path).await {
                Ok(file) => {
                    return Ok(Box::new(FolderWriter {
                        folder: self.folder.clone(),
                        file,
                        path: Some(path),
                        digest: Sha256::new(),
                    }));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unavailable(&error)),
            }
        }
    }

    async fn open(&self, reference: &ArtifactRef) -> Result<ArtifactReader, ArtifactError> {
        let path = self.find(reference).ok_or(ArtifactError::NotFound)?;
        match File::open(path).await {
            Ok(file) => Ok(Box::new(FolderReader {
                file,
                digest: Some(Sha256::new()),
                wanted: reference.as_str()[PREFIX.len()..].to_owned(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ArtifactError::NotFound),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

fn hex(digest: Sha256) -> String {
    digest
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String can't fail");
            text
        })
}

/// A file that is removed again unless it is finished.
struct FolderWriter {
    folder: PathBuf,
    file: File,
    path: Option<PathBuf>,
    digest: Sha256,
}

impl FolderWriter {
    async fn keep(&mut self) -> io::Result<ArtifactRef> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let reference =
            ArtifactRef::new(format!("{PREFIX}{}", hex(std::mem::take(&mut self.digest))));
        let path = self
            .folder
            .join(place(&reference).expect("made of a digest"));
        let parent = path.parent().expect("a file is in a folder");
        tokio::fs::create_dir_all(parent).await?;
        if let Some(new) = &self.path {
            tokio::fs::rename(new, &path).await?;
            self.path = None;
        }
        sync_folder(parent).await?;
        Ok(reference)
    }
}

/// A new name is only safe once its folder is.
async fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).await?.sync_all().await
}

#[async_trait]
impl ArtifactWriter for FolderWriter {
    async fn finish(mut self: Box<Self>) -> Result<ArtifactRef, ArtifactError> {
        self.keep().await.map_err(|error| unavailable(&error))
    }
}

impl Drop for FolderWriter {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // One that can't be removed is named as what it is, and is never read.
            if let Err(_left) = std::fs::remove_file(path) {}
        }
    }
}

impl AsyncWrite for FolderWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.file).poll_write(cx, bytes))?;
        self.digest.update(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(cx)
    }
}

/// Reads to the end, and fails there if the bytes do not match the reference.
struct FolderReader {
    file: File,
    digest: Option<Sha256>,
    wanted: String,
}

impl AsyncRead for FolderReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let has_room = buffer.remaining() > 0;
        ready!(Pin::new(&mut self.file).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        if !read.is_empty() {
            if let Some(digest) = &mut self.digest {
                digest.update(read);
            }
        } else if has_room
            && let Some(digest) = self.digest.take()
            && hex(digest) != self.wanted
        {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the artifact's file was changed: its bytes are not those that were written",
            )));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    async fn write(store: &FolderArtifacts, bytes: &[u8]) -> ArtifactRef {
        let mut writer = store.create("text/plain").await.unwrap();
        writer.write_all(bytes).await.unwrap();
        writer.finish().await.unwrap()
    }

    async fn read(store: &FolderArtifacts, reference: &ArtifactRef) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        store
            .open(reference)
            .await
            .expect("it is there")
            .read_to_end(&mut bytes)
            .await?;
        Ok(bytes)
    }

    #[tokio::test]
    async fn what_was_written_is_read_and_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderArtifacts::new(folder.path().join("artifacts"));
        let first = write(&store, b"hello").await;
        assert_eq!(
            first.as_str(),
            "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        );
        assert_eq!(write(&store, b"hello").await, first);
        assert_eq!(read(&store, &first).await.unwrap(), b"hello");
        assert_ne!(write(&store, b"").await, first);
    }

    #[tokio::test]
    async fn earlier_folders_are_read_and_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = FolderArtifacts::new(folder.path().join("earlier"));
        let old = write(&earlier, b"old").await;
        let store = FolderArtifacts::new(folder.path().join("now")).with_earlier(vec![
            folder.path().join("absent"),
            folder.path().join("earlier"),
        ]);
        let new = write(&store, b"new").await;
        assert_eq!(read(&store, &old).await.unwrap(), b"old");
        assert_eq!(read(&store, &new).await.unwrap(), b"new");
        assert_eq!(earlier.find(&new), None);
        assert_eq!(store.find(&old), earlier.find(&old));
    }

    #[tokio::test]
    async fn half_an_artifact_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderArtifacts::new(folder.path());
        let mut writer = store.create("text/plain").await.unwrap();
        writer.write_all(b"half").await.unwrap();
        writer.flush().await.unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_changed_file_is_an_error_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderArtifacts::new(folder.path());
        let reference = write(&store, b"hello").await;
        std::fs::write(store.find(&reference).unwrap(), "jello").unwrap();
        let error = read(&store, &reference).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_reference_never_leaves_the_folder() {
        let store = FolderArtifacts::new("/artifacts");
        for bad in [
            "",
            "sha256:",
            "../x",
            "sha256:../../../../etc/passwd",
            &format!("sha256:{}", "A".repeat(64)),
        ] {
            let reference = ArtifactRef::new(bad);
            assert_eq!(place(&reference), None, "{bad:?}");
            assert_eq!(
                store.open(&reference).await.err(),
                Some(ArtifactError::NotFound)
            );
        }
    }
}
