//! One `wfctl up` in folders of its own, and `wfctl` as its client.

use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
};
use tempfile::TempDir;
use weft_tests::program;

/// The folders of an installation; gone with the test.
pub(crate) struct Installation(TempDir);

/// A running `wfctl up`; killed with the test.
pub(crate) struct Up {
    process: Child,
    stderr: BufReader<ChildStderr>,
    url: String,
    token: PathBuf,
}

/// What a client's command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Installation {
    pub(crate) fn new() -> Self {
        let folders = Self(tempfile::tempdir().expect("there is room for a folder"));
        for folder in ["home", "work"] {
            fs::create_dir(folders.path(folder)).expect("there is room for a folder");
        }
        folders
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program::wfctl());
        command
            .args(args)
            .current_dir(self.path("work"))
            .env_clear()
            .env("HOME", self.path("home"))
            .stdin(Stdio::null());
        command
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn up(&self) -> Up {
        let data = self.path("data");
        let data = data.to_str().expect("temporary folders are UTF-8");
        let mut process = self
            .command(&["up", "--data", data, "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("wfctl starts");
        let mut stderr = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut said = String::new();
        let url = loop {
            let mut line = String::new();
            let read = stderr.read_line(&mut line).expect("it speaks UTF-8");
            assert!(read > 0, "wfctl up ended: {said}");
            if let Some(url) = line.strip_prefix("Weft serves ") {
                break url.trim().to_owned();
            }
            said.push_str(&line);
        };
        Up {
            process,
            stderr,
            url,
            token: self.path("data").join("admin.token"),
        }
    }

    /// A command of a client of this server, to its end.
    pub(crate) fn client(&self, up: &Up, args: &[&str]) -> Said {
        self.client_with(up, args, &up.token)
    }

    /// The same, with another token.
    pub(crate) fn client_with(&self, up: &Up, args: &[&str], token: &Path) -> Said {
        let output = self
            .command(args)
            .args(["--url", &up.url])
            .arg("--token-file")
            .arg(token)
            .output()
            .expect("wfctl starts");
        Said {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// What a listing answers as JSON.
    pub(crate) fn list(&self, up: &Up, args: &[&str]) -> Vec<Value> {
        let said = self.client(up, &[args, &["--output", "json"]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    /// Deploys a manifest whose tasks run `busy.wasm`, a program that computes
    /// for some milliseconds and prints 7.
    pub(crate) fn deploy(&self, up: &Up, manifest: &str) -> Said {
        let work = self.path("work");
        let program = wat::parse_str(BUSY).expect("it is WebAssembly");
        fs::write(work.join("busy.wasm"), program).expect("there is room");
        fs::write(work.join("dag.toml"), manifest).expect("there is room");
        self.client(up, &["deploy", "dag.toml"])
    }
}

impl Up {
    /// Ends it as a loss of power would, but for the disk's own memory.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it was killed");
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn terminate(mut self) -> (ExitStatus, String) {
        let id = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
        let mut said = String::new();
        self.stderr
            .read_to_string(&mut said)
            .expect("it speaks UTF-8");
        (self.process.wait().expect("it ends"), said)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

const BUSY: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\01\00\00\00" "7")
  (func (export "_start") (local $left i32)
    (local.set $left (i32.const 10000000))
    (loop $again
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;
