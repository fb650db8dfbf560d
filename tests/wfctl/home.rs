//! A user's home for one test: folders of its own, and DAGs to run.

use serde_json::Value;
use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;
use weft_tests::{guests, program};

/// Folders that nothing else uses; gone with the test.
pub(crate) struct Home(TempDir);

/// What a run of `wfctl` said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self(tempfile::tempdir().expect("there is room for a folder"));
        for folder in ["cache", "data", "tmp", "work"] {
            fs::create_dir(home.path(folder)).expect("there is room for a folder");
        }
        home
    }

    /// `cache`, `data`, `tmp`, or `work`, where the DAGs stand.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes `work/dag.toml`, with the guests that it names beside it.
    pub(crate) fn dag(&self, manifest: &str) {
        for guest in [
            "guest_concurrent",
            "guest_plain",
            "guest_hostile",
            "plain-module",
            "hostile-program",
            "feed",
            "jaq",
            "sqlite3",
            "numbers-c",
            "numbers-cpp",
            "numbers-zig",
            "numbers-go",
            "numbers-assemblyscript",
        ] {
            let file = format!("{guest}.wasm");
            if manifest.contains(&file) {
                fs::copy(guests::path(guest), self.path("work").join(&file))
                    .expect("the guest can be copied");
            }
        }
        fs::write(self.path("work").join("dag.toml"), manifest)
            .expect("the manifest can be written");
    }

    /// `wfctl` with these arguments, in the folder `work`, with nothing of this process's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program::wfctl());
        self.surround(command.args(args));
        command
    }

    /// The same environment for another program.
    pub(crate) fn surround<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.0.path())
            .env("WEFT_CACHE_DIR", self.path("cache"))
            .env("WEFT_DATA_DIR", self.path("data"))
            .env("TMPDIR", self.path("tmp"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().expect("wfctl starts")
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(self.spawn(args))
    }

    /// Nothing that a run needs only while it runs is left.
    #[track_caller]
    pub(crate) fn is_tidy(&self) {
        let left: Vec<_> = files(&self.path("tmp"));
        assert!(left.is_empty(), "{left:?} is left in TMPDIR");
        for run in fs::read_dir(self.path("data").join("runs"))
            .expect("runs leave folders")
            .flatten()
        {
            assert!(
                !run.path().join("scratch").exists(),
                "{} still has its scratch folder",
                run.path().display()
            );
        }
    }
}

impl Said {
    /// Ended with this code, and with no word of a panic.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Every line of `--output json`.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The last line of `--output json`.
    #[track_caller]
    pub(crate) fn run_ended(&self) -> Value {
        let last = self.events().pop().expect("there are events");
        assert_eq!(last["event"], "run_ended", "{last}");
        last
    }
}

pub(crate) fn said(child: Child) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("wfctl ends");
    Said {
        // As a shell says it: 128 and the signal.
        code: status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal)),
        stdout: String::from_utf8(stdout).expect("standard output is UTF-8"),
        stderr: String::from_utf8(stderr).expect("standard error is UTF-8"),
    }
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .expect("the folder can be listed")
        .flatten()
    {
        if entry.file_type().expect("an entry has a type").is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
