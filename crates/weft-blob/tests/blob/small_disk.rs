//! A test in a process of its own that has a small disk.

use std::{path::PathBuf, process::Command};
use tempfile::TempDir;

/// Names the small disk, in the process that has one.
const FOLDER: &str = "WEFT_TEST_SMALL_DISK";
/// What that process says when it met the end of its disk as it should.
const MET: &str = "the small disk was full";

/// The small disk; none in the process that has to start another with [`run`].
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// The test came to its end.
pub(crate) fn report_success() {
    println!("{MET}");
}

/// Runs a test of this program again, with a disk of this size (as `mount` takes it).
pub(crate) fn run(test: &str, size: &str) {
    let folder = TempDir::new().expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size={size} none '{folder}' && exec '{program}' --exact {test} --nocapture",
        folder = folder.path().display(),
        program = std::env::current_exe().expect("this test").display(),
    );
    let run = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .env(FOLDER, folder.path())
        .output()
        .expect("unshare, of util-linux, gives a process its own mounts");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(said.contains(MET), "{said}");
}
