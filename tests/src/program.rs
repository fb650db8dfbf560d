//! Finds the built `wfctl`, and refuses an outdated one: a test of yesterday's
//! program says nothing.

use std::{env, fs, path::PathBuf};

/// Where `wfctl` lies, in the same profile as this test.
///
/// # Panics
/// If it isn't built, or is older than what it was built from.
pub fn wfctl() -> PathBuf {
    let program = env::current_exe().expect("a running program has a path");
    let profile = program
        .ancestors()
        .nth(2)
        .expect("tests lie two folders below the profile's");
    let wfctl = profile.join("wfctl");
    let built = fs::metadata(&wfctl).and_then(|metadata| metadata.modified());
    let built = built.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo build --workspace --bins --tests`",
            wfctl.display()
        )
    });
    // Cargo writes down every file that went into a program: `<program>: <file> <file> ...`.
    let listed = profile.join("wfctl.d");
    let listed =
        fs::read_to_string(&listed).unwrap_or_else(|error| panic!("{}: {error}", listed.display()));
    let (_, files) = listed
        .split_once(": ")
        .expect("a list of files follows the program's path");
    for file in files.split_whitespace() {
        let changed = fs::metadata(file).and_then(|metadata| metadata.modified());
        assert!(
            changed.map_or(true, |changed| changed <= built),
            "{file} is newer than {}; run `cargo build --workspace --bins --tests`",
            wfctl.display()
        );
    }
    wfctl
}
