//! `wfctl test`: what `wfctl new` writes is tested by it, and a test that fails fails it.

use crate::python::Author;
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};
use weft_tests::guests;

/// The version that the Python SDK's own tests are run with.
const PYTEST: &str = "pytest==9.2.0";

/// A new DAG in this language, in the folder `cities`.
fn new_dag(language: &str) -> Author {
    let author = Author::new(&[]);
    author
        .wfctl(&["new", "--lang", language, "cities"])
        .exits(0);
    author
}

/// Breaks what the test of a new DAG is about.
fn break_it(author: &Author, file: &str, right: &str, wrong: &str) {
    let path = author.path(file);
    let text = std::fs::read_to_string(&path).expect("it was made");
    assert!(text.contains(right), "{text}");
    std::fs::write(path, text.replace(right, wrong)).expect("there is room");
}

/// The path with a Python before all others that has pytest.
fn path_with_pytest() -> OsString {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pytest");
    if !place.join("bin/pytest").exists() {
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(&place)
            .status();
        assert!(made.expect("there is a python3").success());
        let got = Command::new(place.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", PYTEST])
            .status();
        assert!(got.expect("the environment has pip").success());
    }
    before(place.join("bin"))
}

fn before(folder: PathBuf) -> OsString {
    let path = guests::path_with_compilers();
    let folders = std::iter::once(folder).chain(env::split_paths(&path));
    env::join_paths(folders).expect("no folder has a colon in its name")
}

#[test]
fn tests_in_go() {
    let author = new_dag("go");
    author.wfctl(&["test", "cities"]).exits(0);
    break_it(
        &author,
        "cities/main.go",
        "%s: %.1f million",
        "%s, %.1f million",
    );
    let said = author.wfctl(&["test", "cities/main.go"]).exits(1);
    assert!(said.stdout.contains("FAIL"), "{}", said.stdout);
}

#[test]
fn tests_in_javascript() {
    let author = new_dag("js");
    author.wfctl(&["test", "cities"]).exits(0);
    let broken = "import test from 'node:test';\ntest('it fails', () => { throw new Error('on purpose'); });\n";
    author.write(&[("cities/broken.test.js", broken)]);
    let said = author.wfctl(&["test", "cities"]).exits(1);
    assert!(said.stdout.contains("on purpose"), "{}", said.stdout);
    // The arguments after the dashes go to the tool.
    author
        .wfctl(&["test", "cities", "--", "--test-name-pattern", "nothing"])
        .exits(0);
}

#[test]
fn tests_in_python() {
    let author = new_dag("python");
    let path = path_with_pytest();
    author.wfctl_by(&path, &["test", "cities"]).exits(0);
    let broken = "def test_it():\n    raise RuntimeError('on purpose')\n";
    author.write(&[("cities/test_broken.py", broken)]);
    let said = author
        .wfctl_by(&path, &["test", "cities", "--", "test_broken.py"])
        .exits(1);
    assert!(said.stdout.contains("on purpose"), "{}", said.stdout);
}

#[test]
fn python_without_pytest_and_languages_without_tests_are_reported() {
    let author = new_dag("python");
    let bare = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare-python");
    if !bare.join("bin/python3").exists() {
        let made = Command::new("python3")
            .args(["-m", "venv", "--without-pip"])
            .arg(&bare)
            .status();
        assert!(made.expect("there is a python3").success());
    }
    let path = before(bare.join("bin"));
    let said = author.wfctl_by(&path, &["test", "cities"]).exits(1);
    assert!(
        said.stderr.contains("pip install pytest"),
        "{}",
        said.stderr
    );
    author.write(&[("dag.toml", "[dag]\nid = \"one\"\n")]);
    let said = author.wfctl(&["test", "dag.toml"]).exits(2);
    assert!(said.stderr.contains("wfctl check"), "{}", said.stderr);
}
