//! A staging folder: it is filled beside its target, and renamed at the end.

use super::{is_free, sync};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use weft_api::problem::{Code, Problem};

/// A folder that is not finished; gone if it never is, unless the process is killed.
pub(super) struct Staging(TempDir);

impl Staging {
    /// Begins a folder that will be `target`, which must not be there, or be empty.
    pub(super) fn beside(target: &Path) -> Result<Self, Problem> {
        let name = target
            .file_name()
            .ok_or_else(|| {
                Problem::new(Code::Usage, format!("{} names no folder", target.display()))
            })?
            .to_string_lossy();
        if !is_free(target).map_err(|error| Problem::io("read", target, &error))? {
            return Err(Problem::new(
                Code::NotEmpty,
                format!("{} is there already, and not empty", target.display()),
            )
            .help("nothing is ever overwritten: name a folder that isn't there"));
        }
        let parent = parent(target);
        tempfile::Builder::new()
            .prefix(&format!(".{name}.partial-"))
            .tempdir_in(&parent)
            .map(Self)
            .map_err(|error| unwritable(&parent, &error))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes it durable, and gives it its name.
    pub(super) fn finish(self, target: &Path) -> Result<(), Problem> {
        let refuse = |error: &io::Error| unwritable(target, error);
        sync(self.0.path()).map_err(|error| refuse(&error))?;
        // An empty folder of that name is replaced; one that was filled meanwhile is not.
        fs::rename(self.0.path(), target).map_err(|error| refuse(&error))?;
        // Nothing is left to remove.
        let _moved: PathBuf = self.0.keep();
        sync(&parent(target)).map_err(|error| refuse(&error))
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            Problem::new(Code::FileNotFound, format!("there is no folder {shown}"))
                .help("make it first, or name another one")
        }
        _ => Problem::new(
            Code::DataUnavailable,
            format!("{shown} can't be written: {error}"),
        )
        .help("free space, or check the owner and the mode of the folder"),
    }
}
