//! The lock file of Python packages: `wfctl build --lock` writes `pylock.toml`, later builds install
//! exactly what it names, and one that does not fit is refused with what to do.

use crate::{
    home::Said,
    python::Author,
    python_native::{EMPTY, wheel_of_version},
};
use serde_json::Value;
use std::fs;
use weft_tests::guests;

const LOCK: &str = "pylock.toml";
const AGAIN: &str = "run `wfctl build --lock`";

fn contains(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "{words:?} is missing in:\n{text}");
    }
}

fn lock_of(author: &Author) -> String {
    fs::read_to_string(author.path(LOCK)).expect("there is a lock file")
}

/// What a build says that refuses this lock file.
fn refused(author: &Author, lock: &str, words: &[&str]) {
    author.write(&[(LOCK, lock)]);
    let said = author.wfctl(&["build"]);
    assert!(matches!(said.code, Some(1 | 3)), "{:?}", said.code);
    contains(&said.stderr, words);
    contains(&said.stderr, &[AGAIN]);
}

/// Weft's own wheel of markupsafe: version, file and digest.
fn markupsafe() -> [String; 3] {
    let list = guests::root().join("sdk/python/native/wheels/index.json");
    let list = fs::read(&list).expect("the list of wheels is there");
    let list: Value = serde_json::from_slice(&list).expect("the list is JSON");
    let packages = list["packages"].as_array().expect("packages are a list");
    let found = packages.iter().find(|one| one["name"] == "markupsafe");
    let found = found.expect("markupsafe is among them");
    ["version", "file", "sha256"].map(|key| found[key].as_str().expect("it is text").to_owned())
}

/// A project with a package of its own, in no need of a network.
fn project() -> Author {
    let author = Author::new(&[
        ("dags/dag.py", EMPTY),
        (
            "requirements.txt",
            "--no-index\n--find-links ./wheels\nthing\nmarkupsafe\n",
        ),
    ]);
    add_version(&author, "1.0");
    author
}

fn add_version(author: &Author, version: &str) {
    fs::create_dir_all(author.path("wheels")).expect("there is room for a folder");
    wheel_of_version(&author.path("wheels"), "thing", version, "", b"");
}

fn locks(author: &Author) -> Said {
    author.wfctl(&["build", "--lock"]).exits(0)
}

#[test]
fn builds_keep_to_the_lock_file_until_it_is_written_again() {
    let author = project();
    let [version, file, sha256] = markupsafe();
    let said = locks(&author);
    let added = format!("added markupsafe {version}");
    contains(&said.stdout, &["2 packages", &added, "added thing 1.0"]);
    let first = lock_of(&author);
    let wheel =
        format!("{{ name = \"{file}\", path = \"{file}\", hashes = {{ sha256 = \"{sha256}\" }} }}");
    contains(
        &first,
        &[
            "lock-version = \"1.0\"",
            "requires-python = \"==3.14.*\"",
            &wheel,
            "path = \"wheels/thing-1.0-py3-none-any.whl\"",
        ],
    );
    for folder in [author.path("").as_path(), &guests::root()] {
        let folder = folder.to_string_lossy().into_owned();
        assert!(!first.contains(&folder), "{folder} is in:\n{first}");
    }

    add_version(&author, "2.0");
    let built = author.wfctl(&["build"]).exits(0);
    contains(&built.stderr, &["thing 1.0"]);
    let said = locks(&author);
    contains(&said.stdout, &["changed thing 1.0 → 2.0"]);
    contains(&said.stderr, &["thing 2.0"]);
    let second = lock_of(&author);
    contains(&locks(&author).stdout, &["2 packages, unchanged"]);
    assert_eq!(lock_of(&author), second, "the same packages are locked");

    author.write(&[(LOCK, &first)]);
    let built = author.wfctl(&["build"]).exits(0);
    contains(&built.stderr, &["thing 1.0"]);
}

#[test]
fn a_lock_file_that_does_not_fit_is_refused_with_what_to_do() {
    let author = project();
    locks(&author);
    let good = lock_of(&author);
    let [version, file, sha256] = markupsafe();

    let other = format!("{}{}", "0".repeat(8), &sha256[8..]);
    refused(
        &author,
        &good.replace(&sha256, &other),
        &[
            &format!("markupsafe {version} is locked with the wheel {file}, which is not among"),
            "the wheel of that name here has other bytes",
        ],
    );
    let old = file.replace(&version, "0.9");
    let old_version = format!("version = \"{version}\"");
    refused(
        &author,
        &good
            .replace(&file, &old)
            .replace(&old_version, "version = \"0.9\""),
        &[
            &format!("markupsafe 0.9 is locked with the wheel {old}"),
            &format!("this Weft has markupsafe {version}: {file}"),
        ],
    );

    let thing = good.lines().find(|line| line.contains("thing-1.0"));
    let hash = thing.and_then(|line| line.split('"').rev().nth(1));
    let hash = hash.expect("the wheel has a digest");
    refused(
        &author,
        &good.replace(hash, &"0".repeat(64)),
        &[
            "thing-1.0-py3-none-any.whl is another file than the one that was locked",
            &format!("Got {hash}"),
        ],
    );
    refused(
        &author,
        &good.replace("version = \"1.0\"\nwheels", "wheels"),
        &["pylock.toml, line 15: thing has no version"],
    );
    refused(
        &author,
        &good.replace("[[packages]]", "[[packages]"),
        &["pylock.toml, line 7: "],
    );

    author.write(&[("requirements.txt", "--no-index\nmarkupsafe\nidna\n")]);
    refused(
        &author,
        &good,
        &[
            "requirements.txt changed since ./pylock.toml was written",
            "idna is not locked",
        ],
    );
    author.write(&[("requirements.txt", "")]);
    let said = locks(&author);
    contains(&said.stdout, &["nothing to lock", "removed ./pylock.toml"]);
    assert!(!author.path(LOCK).exists());
}

#[test]
fn the_lock_file_of_another_tool_is_used_where_the_sandbox_can_load_it() {
    let author = project();
    let [version, _, _] = markupsafe();
    author.wfctl(&["build"]).exits(0);
    let thing = fs::read(author.path("wheels/thing-1.0-py3-none-any.whl")).expect("it is there");
    let thing = weft_core::digest::Digest::of(&thing).hex();
    let other = "ab".repeat(32);
    let lock = format!(
        r#"lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.12"

[[packages]]
name = "markupsafe"
version = "{version}"
sdist = {{ url = "https://example.org/markupsafe.tar.gz", hashes = {{ sha256 = "{other}" }} }}
wheels = [
    {{ url = "https://example.org/markupsafe-{version}-cp314-cp314-win_amd64.whl", hashes = {{ sha256 = "{other}" }} }},
]

[[packages]]
name = "colorama"
version = "0.4.6"
marker = "sys_platform == 'win32'"
sdist = {{ url = "https://example.org/colorama.tar.gz", hashes = {{ sha256 = "{other}" }} }}

[[packages]]
name = "thing"
version = "1.0"
wheels = [{{ path = "wheels/thing-1.0-py3-none-any.whl", hashes = {{ sha256 = "{thing}" }} }}]
"#
    );
    // Its digest of the requirements is not known: they are not compared.
    author.write(&[
        (LOCK, &lock),
        ("requirements.txt", "--no-index\nthing\nmarkupsafe>1\n"),
    ]);
    let built = author.wfctl(&["build"]).exits(0);
    let native = format!("MarkupSafe {version}");
    contains(&built.stderr, &["thing 1.0", &native]);
    assert!(!built.stderr.contains("colorama"), "{}", built.stderr);

    let old = format!("version = \"{version}\"");
    refused(
        &author,
        &lock.replace(&old, "version = \"0.9\""),
        &[
            "the sandbox can't have markupsafe 0.9: its wheels are for other machines (markupsafe-",
            &format!("this Weft has version {version}"),
            "uv wrote ./pylock.toml",
        ],
    );
    refused(
        &author,
        &lock.replace("marker = \"sys_platform == 'win32'\"\n", ""),
        &["the sandbox can't have colorama 0.4.6: it has only a source distribution"],
    );
    refused(
        &author,
        &lock.replace(">=3.12", "<3.14"),
        &["pylock.toml can't be used: it is for Python <3.14, and the sandbox has 3.14.0"],
    );
}

#[test]
fn packages_of_an_index_are_locked_with_their_address() {
    let author = Author::new(&[("dags/dag.py", EMPTY), ("requirements.txt", "idna==3.10\n")]);
    contains(&locks(&author).stdout, &["1 package\n", "added idna 3.10"]);
    let lock = lock_of(&author);
    contains(
        &lock,
        &[
            "name = \"idna\"\nversion = \"3.10\"\nindex = \"http",
            "name = \"idna-3.10-py3-none-any.whl\", url = \"http",
            "/idna-3.10-py3-none-any.whl\", hashes = { sha256 = \"946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3\"",
        ],
    );
}

#[test]
fn only_packages_of_python_can_be_locked() {
    let author = Author::new(&[("dags/dag.py", EMPTY), ("crate/Cargo.toml", "[package]\n")]);
    let said = locks(&author);
    contains(
        &said.stdout,
        &["nothing to lock: the project names no packages"],
    );
    assert!(!author.path(LOCK).exists());
    let said = author.wfctl(&["build", "crate", "--lock"]).exits(2);
    contains(
        &said.stderr,
        &["--lock is for packages of Python", "Cargo.lock"],
    );
    let said = author.wfctl(&["build", "--lock", "--watch"]).exits(2);
    contains(&said.stderr, &["--watch"]);
}
