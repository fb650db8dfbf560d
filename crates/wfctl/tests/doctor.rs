//! `wfctl doctor`: what it finds, what it misses, and what to do about it.

#[path = "support/place.rs"]
mod support;

use std::fs;
use support::Place;

/// What `wfctl doctor` says and its exit code, where no toolchain is installed.
fn bare(place: &Place) -> (Option<i32>, String) {
    let output = place
        .command()
        .arg("doctor")
        .env("PATH", place.path())
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .output()
        .expect("the binary starts");
    (output.status.code(), place.transcript(&output))
}

#[test]
fn what_is_there_is_found() {
    let place = Place::new();
    let (code, said) = bare(&place);
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "✓ sandbox                wfctl ",
        "✓ cache folder           [PLACE]/.cache",
        "✓ data folder            [PLACE]/.data",
    ] {
        assert!(said.contains(line), "{line:?} is missing in {said}");
    }
}

/// Without a toolchain DAGs still run, so that this is no failure; each one has the line that gets it.
#[test]
fn a_missing_toolchain_has_the_line_that_gets_it() {
    let (code, said) = bare(&Place::new());
    assert_eq!(code, Some(0), "{said}");
    for toolchain in ["cargo", "Rust for WebAssembly"] {
        let mut lines = said.lines();
        lines
            .find(|line| line.starts_with(&format!("– {toolchain} ")))
            .unwrap_or_else(|| panic!("{toolchain} is not reported as missing: {said}"));
        let fix = lines.next().unwrap_or_default();
        assert!(
            fix.contains("get it: ") && fix.contains("rustup"),
            "{toolchain}: {fix:?}"
        );
    }
}

#[test]
fn a_missing_go_has_both_ways_to_it() {
    let (_, said) = bare(&Place::new());
    let mut lines = said.lines();
    lines
        .find(|line| line.starts_with("– Go "))
        .unwrap_or_else(|| panic!("Go is not reported as missing: {said}"));
    let fix = lines.next().unwrap_or_default();
    assert!(
        fix.contains("install Go") && fix.contains("or install Python: "),
        "{fix:?}"
    );
}

#[test]
fn a_missing_python_has_the_line_that_gets_it() {
    let (_, said) = bare(&Place::new());
    let mut lines = said.lines();
    lines
        .find(|line| line.starts_with("– Python "))
        .unwrap_or_else(|| panic!("Python is not reported as missing: {said}"));
    let fix = lines.next().unwrap_or_default();
    assert!(
        fix.contains("get it: ") && fix.contains(" python"),
        "{fix:?}"
    );
}

/// What is printed is a folder that pip can install, and nothing else.
#[test]
fn the_python_sdk_is_a_project() {
    let place = Place::new();
    let output = place
        .command()
        .args(["doctor", "--python-sdk"])
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("the path is UTF-8");
    let folder = std::path::Path::new(printed.trim_end());
    for file in ["pyproject.toml", "README.md", "src/weft/__init__.py"] {
        assert!(
            folder.join(file).is_file(),
            "{file} is missing in {printed}"
        );
    }
}

#[test]
fn what_is_required_and_missing_is_a_failure() {
    let place = Place::new();
    fs::write(place.path().join(".cache"), "a file").expect("written");
    let (code, said) = bare(&place);
    assert_eq!(code, Some(1), "{said}");
    for words in [
        "✗ cache folder",
        "get it: export WEFT_CACHE_DIR=",
        "required and not usable: cache folder",
    ] {
        assert!(said.contains(words), "{words:?} is missing in {said}");
    }
}

#[test]
fn a_missing_node_has_the_line_that_gets_it() {
    let (_, said) = bare(&Place::new());
    let mut lines = said.lines();
    let line = lines
        .find(|line| line.starts_with("– JavaScript, TypeScript "))
        .unwrap_or_else(|| panic!("Node is not reported as missing: {said}"));
    assert!(line.ends_with("Node is not installed"), "{line}");
    let fix = lines.next().unwrap_or_default();
    assert!(fix.contains("get it: install Node: "), "{fix:?}");
}
