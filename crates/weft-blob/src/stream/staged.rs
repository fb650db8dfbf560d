//! Writes a blob to a folder of this machine: a file beside its final path, so
//! that publishing it is a rename. Written bytes are in the file alone.

use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt as _,
    runtime::Handle,
};

/// The most bytes that are copied at once, on their way to the file.
const BUFFER_BYTES: usize = 64 << 10;

/// A file that is gone when this is dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    path: PathBuf,
    is_kept: bool,
}

impl Staged {
    pub(super) async fn create(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).await?;
        }
        let mut file = File::create_new(&path).await?;
        file.set_max_buf_size(BUFFER_BYTES);
        Ok(Self {
            file,
            path,
            is_kept: false,
        })
    }

    /// The file has the bytes when this returns, so that the writer learns of a full disk.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.file.flush().await
    }

    /// Everything is on disk when this returns.
    pub(super) async fn sync(&self) -> io::Result<()> {
        self.file.sync_all().await
    }

    /// It was renamed: there is nothing to remove any more.
    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }

    pub(super) async fn remove(mut self) -> io::Result<()> {
        self.is_kept = true;
        fs::remove_file(&self.path).await
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let path = std::mem::take(&mut self.path);
        // Removing a large file takes a while, which must not hold up other tasks.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove(&path))),
            Err(_no_runtime) => remove(&path),
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(%error, path = %path.display(), operation = "remove upload", "what is left of an upload is collected later");
    }
}
