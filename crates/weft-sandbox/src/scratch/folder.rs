//! The folder of one attempt on the host: made once, removed always.
//!
//! What always holds: its name is new, only the host's user can enter it,
//! and it is gone when this value is. Removing neither recurses nor builds long
//! paths, since a guest decides how deep its folders are.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// The folder that a guest sees as `/`.
const WORK: &str = "work";
/// Where programs expect to find a place for temporary files, within `/`.
const TMP: &str = "tmp";
/// The folder that a program sees as `/in`.
const IN: &str = "in";
/// The folder that a program sees as `/out`.
const OUT: &str = "out";

/// How often removing starts over, when a last write of a killed guest comes in between.
const REMOVE_TRIES: u32 = 5;

/// An attempt's folder. Dropping it removes it with everything inside.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a new folder beneath `root`, and `root` itself where it is missing. Blocks.
    pub(crate) fn create(root: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut private = fs::DirBuilder::new();
        private.mode(0o700);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = root.join(format!("scratch-{}-{number}", std::process::id()));
            match private.create(&path) {
                Ok(()) => {
                    let folder = Self { path };
                    private.create(folder.work())?;
                    private.create(folder.work().join(TMP))?;
                    return Ok(folder);
                }
                // Left behind by a process that was killed and had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds the folders for `/in` and `/out`. They lie beside the one for `/`, not in
    /// it, so that the way through `/` never leads into the read-only `/in`. Blocks.
    pub(crate) fn add_program_folders(&self) -> io::Result<()> {
        let mut private = fs::DirBuilder::new();
        private.mode(0o700);
        private.create(self.input())?;
        private.create(self.output())
    }

    /// What a guest sees as `/`.
    pub(crate) fn work(&self) -> PathBuf {
        self.path.join(WORK)
    }

    /// What a program sees as `/in`.
    pub(crate) fn input(&self) -> PathBuf {
        self.path.join(IN)
    }

    /// What a program sees as `/out`.
    pub(crate) fn output(&self) -> PathBuf {
        self.path.join(OUT)
    }

    /// Removes the folder and waits until it is gone.
    pub(crate) async fn remove(mut self) {
        let folder = Removal(std::mem::take(&mut self.path));
        wasmtime_wasi::runtime::spawn_blocking(move || drop(folder)).await;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let folder = Removal(std::mem::take(&mut self.path));
        // A killed attempt is dropped on a thread of the runtime, which must not
        // block. A runtime that shuts down drops the closure instead of running
        // it, and with it the folder.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(folder))),
            Err(_outside) => drop(folder),
        }
    }
}

struct Removal(PathBuf);

impl Drop for Removal {
    fn drop(&mut self) {
        if self.0.as_os_str().is_empty() {
            return; // It was removed before.
        }
        for _ in 0..REMOVE_TRIES {
            match remove(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                // What can't be removed now can't be removed here at all; the
                // folder's name tells a cleanup what it is.
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// Removes a folder without recursion: each folder inside is first moved up beside
/// the others, so that paths stay short however deep a guest has built.
fn remove(top: &Path) -> io::Result<()> {
    let mut next = 0_u64;
    let mut waiting = vec![top.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let mut moved = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
            } else if folder == top {
                moved.push(entry.path());
            } else {
                let up = loop {
                    let up = top.join(format!(".remove-{next}"));
                    next += 1;
                    if !up.try_exists()? {
                        break up;
                    }
                };
                fs::rename(entry.path(), &up)?;
                moved.push(up);
            }
        }
        if folder == top && !moved.is_empty() {
            waiting.push(folder);
        } else {
            fs::remove_dir(&folder)?;
        }
        waiting.append(&mut moved);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_is_new_and_gone_when_dropped() {
        let root = tempfile::tempdir().unwrap();
        let first = Folder::create(&root.path().join("scratch")).unwrap();
        let second = Folder::create(&root.path().join("scratch")).unwrap();
        first.add_program_folders().unwrap();
        assert_ne!(first.work(), second.work());
        fs::write(first.work().join("file"), "x").unwrap();
        fs::create_dir_all(first.output().join("a/b/c")).unwrap();
        std::os::unix::fs::symlink("/etc", first.work().join("link")).unwrap();
        let path = first.path.clone();
        drop(first);
        assert!(!path.exists());
        assert!(second.work().exists());
        assert!(Path::new("/etc").exists());
    }

    #[test]
    fn folders_deeper_than_any_path_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::create(root.path()).unwrap();
        let mut at = rustix::fs::open(
            folder.work(),
            rustix::fs::OFlags::DIRECTORY,
            rustix::fs::Mode::empty(),
        )
        .unwrap();
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&at, "deeper", rustix::fs::Mode::RWXU).unwrap();
            at = rustix::fs::openat(
                &at,
                "deeper",
                rustix::fs::OFlags::DIRECTORY,
                rustix::fs::Mode::empty(),
            )
            .unwrap();
        }
        drop(at);
        remove(&folder.path).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
