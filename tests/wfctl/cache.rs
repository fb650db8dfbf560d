//! The cache folder: shared, damaged, full, or not to be written.

use crate::home::{Home, Said, files, said};
use std::{fs, process::Command};
use weft_tests::program;

const ONE_TASK: &str = r#"
[dag]
id = "one"
[tasks.fib]
component = "guest_plain.wasm"
inputs = { n = { value = 12 } }
"#;

#[track_caller]
fn succeeds(said: Said) -> Said {
    let said = said.exits(0);
    assert_eq!(said.run_ended()["tasks"]["fib"]["output"], 144);
    said
}

fn run(home: &Home) -> Said {
    home.run(&["run", "--output", "json"])
}

#[test]
fn two_at_once_on_a_cold_cache() {
    let home = Home::new();
    home.dag(ONE_TASK);
    let both: Vec<_> = (0..3)
        .map(|_| home.spawn(&["run", "--output", "json"]))
        .collect();
    for one in both {
        succeeds(said(one));
    }
    succeeds(run(&home));
}

#[test]
fn damaged() {
    let home = Home::new();
    home.dag(ONE_TASK);
    succeeds(run(&home));
    assert!(
        !files(&home.path("cache")).is_empty(),
        "compiled code is kept"
    );
    let damages: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |mut bytes| {
            for place in (0..bytes.len()).step_by(501) {
                bytes[place] ^= 0x40;
            }
            bytes
        },
        |bytes| bytes[..bytes.len() / 3].to_vec(),
        |_| Vec::new(),
        |mut bytes| {
            bytes.extend_from_slice(b"and more");
            bytes
        },
    ];
    for damage in damages {
        for file in files(&home.path("cache")) {
            let bytes = fs::read(&file).expect("readable");
            fs::write(&file, damage(bytes)).expect("writable");
        }
        succeeds(run(&home));
    }
}

/// A file where the cache's folder should be: the run goes on without it, or says what to do.
#[test]
fn no_folder() {
    let home = Home::new();
    home.dag(ONE_TASK);
    fs::remove_dir_all(home.path("cache")).expect("removable");
    fs::write(home.path("cache"), "a file").expect("writable");
    assert_warned(&run(&home), &home);
}

#[test]
fn read_only() {
    let home = Home::new();
    home.dag(ONE_TASK);
    assert_warned(&on_small_disk(&home, "ro,size=1m"), &home);
}

#[test]
fn full() {
    let home = Home::new();
    home.dag(ONE_TASK);
    assert_warned(&on_small_disk(&home, "size=32k"), &home);
    // Nothing half-written was taken for whole.
    succeeds(run(&home));
}

/// Runs with a small file system mounted over the cache's folder, in a namespace of its own.
fn on_small_disk(home: &Home, options: &str) -> Said {
    let script = format!(
        "mount -t tmpfs -o {options} none '{}' && exec '{}' run --output json",
        home.path("cache").display(),
        program::wfctl().display()
    );
    let mut command = Command::new("unshare");
    home.surround(command.args(["--map-root-user", "--mount", "sh", "-c", &script]));
    said(
        command
            .spawn()
            .expect("unshare, of util-linux, gives a process its own mounts"),
    )
}

/// One clear message with the folder and the way out; whether the run goes on without a cache is the lesser matter.
#[track_caller]
fn assert_warned(said: &Said, home: &Home) {
    let cache = home.path("cache").display().to_string();
    assert!(
        said.stderr.contains(&cache),
        "the folder is named: {}",
        said.stderr
    );
    assert!(
        said.stderr.contains("WEFT_CACHE_DIR"),
        "the way out is named: {}",
        said.stderr
    );
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    match said.code {
        Some(0) => assert_eq!(said.run_ended()["tasks"]["fib"]["output"], 144),
        code => assert_eq!(code, Some(1), "{}\n{}", said.stdout, said.stderr),
    }
}
