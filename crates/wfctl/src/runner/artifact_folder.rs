//! Artifacts of a run as files in its folder.
//!
//! A reference is `<run id>/<number>.<extension>`: the file's own path below
//! the folder of all runs, so that a later run can open it and a person can
//! look at it. References come from documents, so they are checked before any
//! path is made of them.

use std::{
    fs,
    path::{Path, PathBuf},
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};
use tokio::{
    fs::File,
    io::{AsyncWrite, AsyncWriteExt},
};
use weft_sandbox::{ArtifactError, ArtifactReader, ArtifactRef, ArtifactWriter, Artifacts};

/// The folder within a run's folder.
const FOLDER: &str = "artifacts";

/// The artifacts of one run; opens those of other runs too.
#[derive(Debug)]
pub(crate) struct ArtifactFolder {
    runs: PathBuf,
    run: String,
    count: AtomicU64,
}

impl ArtifactFolder {
    /// Below `runs`, for the run of this id. Makes nothing before an artifact is created.
    pub(crate) fn new(runs: PathBuf, run: String) -> Self {
        Self {
            runs,
            run,
            count: AtomicU64::new(0),
        }
    }

    /// The file that a reference names; `None` where it can't be one.
    pub(crate) fn path(runs: &Path, reference: &str) -> Option<PathBuf> {
        let (run, name) = reference.split_once('/')?;
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        (plain(run) && plain(name)).then(|| runs.join(run).join(FOLDER).join(name))
    }
}

#[async_trait::async_trait]
impl Artifacts for ArtifactFolder {
    async fn create(&self, media_type: &str) -> Result<Box<dyn ArtifactWriter>, ArtifactError> {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let reference = format!("{}/{number:05}.{}", self.run, extension(media_type));
        let path = Self::path(&self.runs, &reference)
            .ok_or_else(|| ArtifactError::Unavailable(format!("{reference:?} is no file name")))?;
        let folder = path.parent().expect("a file stands in a folder");
        fs::create_dir_all(folder).map_err(|error| unavailable(&error))?;
        let file = File::create_new(&path)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(Box::new(FileWriter {
            file,
            path: Some(path),
            reference,
        }))
    }

    async fn open(&self, reference: &ArtifactRef) -> Result<ArtifactReader, ArtifactError> {
        let path = Self::path(&self.runs, &reference.0).ok_or(ArtifactError::NotFound)?;
        match File::open(path).await {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(ArtifactError::NotFound)
            }
            Err(error) => Err(unavailable(&error)),
        }
    }
}

fn unavailable(error: &std::io::Error) -> ArtifactError {
    ArtifactError::Unavailable(error.to_string())
}

/// The usual file name extension of a media type, so that the file opens with a click.
fn extension(media_type: &str) -> &'static str {
    match media_type.split(';').next().unwrap_or_default().trim() {
        "application/json" => "json",
        "application/vnd.apache.parquet" => "parquet",
        "image/svg+xml" => "svg",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/markdown" => "md",
        "text/plain" => "txt",
        _ => "bin",
    }
}

/// A file that is removed again unless it is finished.
struct FileWriter {
    file: File,
    path: Option<PathBuf>,
    reference: String,
}

#[async_trait::async_trait]
impl ArtifactWriter for FileWriter {
    async fn finish(mut self: Box<Self>) -> Result<ArtifactRef, ArtifactError> {
        self.file
            .flush()
            .await
            .map_err(|error| unavailable(&error))?;
        self.path = None;
        Ok(ArtifactRef(std::mem::take(&mut self.reference)))
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Half an artifact is none; one that can't be removed goes with the run's folder.
            drop(fs::remove_file(path));
        }
    }
}

impl AsyncWrite for FileWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.file).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_never_leaves_the_folder_of_runs() {
        let runs = Path::new("/runs");
        for bad in [
            "",
            "a",
            "../b",
            "a/..",
            "a/../b",
            "/etc/passwd",
            "a//b",
            "a/b/c",
            "a/\0",
            "a/.b",
            "./a",
        ] {
            assert_eq!(ArtifactFolder::path(runs, bad), None, "{bad:?}");
        }
        assert_eq!(
            ArtifactFolder::path(runs, "r1/00001.svg"),
            Some("/runs/r1/artifacts/00001.svg".into())
        );
    }
}
