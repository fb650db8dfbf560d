//! A run's folder: `<data>/runs/<run id>/` with `logs/`, `artifacts/` and, once
//! the run has ended, `run.json`.
//!
//! What always holds: the folders of the last [`KEPT_RUNS`] ended runs stay,
//! and of those with `--keep`; older ones are removed when a run
//! ends. A folder without `run.json` may belong to a run that still goes on,
//! so it is removed only when it is older than [`ABANDONED_AFTER`].

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use weft_api::{problem::Problem, user_dirs};
use weft_sandbox::FolderArtifacts;

/// How many ended runs stay.
pub(crate) const KEPT_RUNS: usize = 50;
/// A run that left no `run.json` for so long was killed.
const ABANDONED_AFTER: Duration = Duration::from_hours(7 * 24);
/// Name of the file that marks the folder of a run with `--keep`.
const KEEP_MARK: &str = "keep";
/// Artifacts, below a run's folder.
const ARTIFACTS: &str = "artifacts";
/// What a run leaves behind, for `--from` and for people.
pub(crate) const SUMMARY: &str = "run.json";

/// The folder of one run.
#[derive(Debug, Clone)]
pub(crate) struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a new run.
    pub(crate) fn create(runs: &Path, run: &str, keep: bool) -> Result<Self, Problem> {
        // A problem names the folder of all runs, which does not change from run to run.
        user_dirs::create(runs)?;
        let root = runs.join(run);
        user_dirs::create(&root)?;
        if keep {
            fs::write(root.join(KEEP_MARK), b"")
                .map_err(|error| Problem::io("write", &root, &error))?;
        }
        Ok(Self { root })
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of log segments.
    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The run's artifacts; those of the runs that ended before can be opened too.
    pub(crate) fn artifacts(&self, runs: &Path) -> FolderArtifacts {
        let earlier = ended(runs)
            .iter()
            .map(|folder| folder.join(ARTIFACTS))
            .filter(|folder| folder.is_dir())
            .collect();
        FolderArtifacts::new(self.root.join(ARTIFACTS)).with_earlier(earlier)
    }

    /// Where attempts get their scratch folders.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// Where outputs go that do not fit into memory.
    pub(crate) fn spill(&self) -> PathBuf {
        self.root.join("outputs.spill")
    }

    /// The summary of the ended run.
    pub(crate) fn summary(&self) -> PathBuf {
        self.root.join(SUMMARY)
    }

    /// Removes what only a running run needs.
    pub(crate) fn tidy(&self) {
        remove(&self.scratch());
    }
}

/// Removes the folders of runs that are too old. What can't be removed stays.
pub(crate) fn sweep(runs: &Path) {
    let Ok(entries) = fs::read_dir(runs) else {
        return;
    };
    let mut ended: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        let folder = entry.path();
        if folder.join(KEEP_MARK).exists() {
            continue;
        }
        if let Ok(at) = modified(&folder.join(SUMMARY)) {
            ended.push((at, folder));
        } else {
            let idle = modified(&folder).ok().and_then(|at| at.elapsed().ok());
            if idle.is_some_and(|idle| idle > ABANDONED_AFTER) {
                remove(&folder);
            }
        }
    }
    ended.sort();
    let surplus = ended.len().saturating_sub(KEPT_RUNS);
    for (_, folder) in ended.drain(..surplus) {
        remove(&folder);
    }
}

/// The folders of ended runs, the latest first.
pub(crate) fn ended(runs: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(runs) else {
        return Vec::new();
    };
    let mut ended: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            modified(&entry.path().join(SUMMARY))
                .ok()
                .map(|at| (at, entry.path()))
        })
        .collect();
    ended.sort();
    ended.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn modified(path: &Path) -> io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

fn remove(folder: &Path) {
    // Nothing depends on it; the next run tries again.
    drop(fs::remove_dir_all(folder));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference page of files, which people look folders up in.
    const PAGE: &str = include_str!("../../../../docs/reference/files.md");

    #[test]
    fn the_reference_page_has_the_contents_of_a_run_s_folder() {
        for content in [
            format!("| `{SUMMARY}` |"),
            format!("| `{ARTIFACTS}/` |"),
            format!("the last {KEPT_RUNS} runs"),
        ] {
            assert!(PAGE.contains(&content), "{content}");
        }
    }

    #[test]
    fn sweeping_keeps_the_latest_the_marked_and_the_running() {
        let data = tempfile::tempdir().expect("a folder");
        let runs = data.path();
        let start = SystemTime::now() - Duration::from_secs(100_000);
        for number in 0..KEPT_RUNS as u64 + 3 {
            let folder = RunFolder::create(runs, &format!("r{number}"), number == 0).expect("room");
            let summary = fs::File::create(folder.summary()).expect("room");
            summary
                .set_modified(start + Duration::from_secs(number))
                .expect("settable");
        }
        RunFolder::create(runs, "running", false).expect("room");
        sweep(runs);
        let there = |name: &str| runs.join(name).exists();
        assert!(there("r0") && there("running"));
        assert!(!there("r1") && !there("r2"));
        assert!(there("r3"));
        assert_eq!(
            ended(runs).first().and_then(|path| path.file_name()),
            Some(format!("r{}", KEPT_RUNS + 2).as_ref())
        );
    }
}
