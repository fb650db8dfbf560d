//! One `wfctl up` in folders of its own, and `wfctl` as its client.

use crate::api::Api;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread::{self, JoinHandle},
};
use tempfile::TempDir;
use weft_tests::{guests, program};

/// The folders of an installation; gone with the test.
pub(crate) struct Installation(TempDir);

/// A `wfctl up` that was started, and may not answer yet; killed with the test.
pub(crate) struct Starting {
    process: Child,
    /// Everything that it says, read all the time so that it never waits for a reader.
    said: JoinHandle<String>,
    url: mpsc::Receiver<String>,
    token: PathBuf,
}

/// A running `wfctl up`; killed with the test.
pub(crate) struct Up {
    starting: Starting,
    url: String,
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

    pub(crate) fn command(&self, args: &[&str]) -> Command {
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
        self.start(&[]).answering()
    }

    /// Starts it with further arguments, and waits for nothing.
    pub(crate) fn start(&self, more: &[&str]) -> Starting {
        self.start_at("127.0.0.1:0", more)
    }

    /// The same, at this address.
    pub(crate) fn start_at(&self, address: &str, more: &[&str]) -> Starting {
        Starting::of(self.serving("up", address, more), self)
    }

    /// A command that serves at this address.
    pub(crate) fn serving(&self, command: &str, address: &str, more: &[&str]) -> Command {
        let mut command = self.command(&[command, "--listen", address, "--data"]);
        command.arg(self.path("data")).args(more);
        command
    }

    /// A command of a client of this server, to its end.
    pub(crate) fn client(&self, up: &Up, args: &[&str]) -> Said {
        self.client_with(up, args, &up.starting.token)
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

    /// Triggers the only run that there is; its name.
    pub(crate) fn trigger(&self, up: &Up, dag: &str) -> String {
        let said = self.client(up, &["runs", "trigger", dag, "--output", "json"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let run: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        let id = run["id"].as_str().unwrap_or_else(|| panic!("{said:?}"));
        id.to_owned()
    }

    /// What a listing answers as JSON.
    pub(crate) fn list(&self, up: &Up, args: &[&str]) -> Vec<Value> {
        let said = self.client(up, &[args, &["--output", "json"]].concat());
        assert_eq!(said.code, Some(0), "{said:?}");
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }

    /// Deploys a manifest as `dag.toml`, with a finished guest beside it.
    pub(crate) fn deploy_with(&self, up: &Up, guest: &str, manifest: &str) -> Said {
        let work = self.path("work");
        let file = format!("{guest}.wasm");
        fs::copy(guests::path(guest), work.join(file)).expect("there is room");
        fs::write(work.join("dag.toml"), manifest).expect("there is room");
        self.client(up, &["deploy", "dag.toml"])
    }

    /// Deploys a manifest whose tasks run `busy.wasm`, a program that computes
    /// for some milliseconds and prints 7.
    pub(crate) fn deploy(&self, up: &Up, manifest: &str) -> Said {
        let work = self.path("work");
        fs::write(work.join("busy.wasm"), busy()).expect("there is room");
        fs::write(work.join("dag.toml"), manifest).expect("there is room");
        self.client(up, &["deploy", "dag.toml"])
    }
}

/// Reads what it says to the end, and tells its address on the way.
fn listen(stderr: ChildStderr, tell: &mpsc::Sender<String>) -> String {
    let mut said = String::new();
    for line in BufReader::new(stderr).lines() {
        let line = line.expect("it speaks UTF-8");
        if let Some(url) = line.strip_prefix("Weft serves ") {
            // There is no receiver if the process is killed while it starts.
            drop(tell.send(url.trim().to_owned()));
        }
        said.push_str(&line);
        said.push('\n');
    }
    said
}

impl Starting {
    /// Starts a command that serves, and waits for nothing.
    pub(crate) fn of(mut command: Command, installation: &Installation) -> Self {
        let mut process = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("wfctl starts");
        let stderr = process.stderr.take().expect("it is piped");
        let (tell, url) = mpsc::channel();
        Self {
            process,
            said: thread::spawn(move || listen(stderr, &tell)),
            url,
            token: installation.path("data").join("admin.token"),
        }
    }

    /// Waits until it answers.
    pub(crate) fn answering(self) -> Up {
        match self.url.recv() {
            Ok(url) => Up {
                starting: self,
                url,
            },
            Err(mpsc::RecvError) => panic!("it ended: {}", self.end().1),
        }
    }

    /// Ends it as a loss of power would, but for the disk's own memory. What it
    /// said until then.
    pub(crate) fn kill(mut self) -> String {
        self.process.kill().expect("it runs, or is not waited for");
        self.end().1
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().expect("it ends");
        let said = std::mem::replace(&mut self.said, thread::spawn(String::new));
        (status, said.join().expect("it is read to its end"))
    }
}

impl Up {
    /// See [`Starting::kill`].
    pub(crate) fn kill(self) -> String {
        self.starting.kill()
    }

    /// Kills it at once, as [`Starting::kill`] does.
    pub(crate) fn crash(&mut self) {
        self.starting.process.kill().expect("it runs");
        self.starting.process.wait().expect("it ends");
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn retire(&mut self) {
        self.ask_to_end();
        let status = self.starting.process.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&self) {
        let id = Pid::from_child(&self.starting.process);
        kill_process(id, Signal::TERM).expect("it runs");
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn terminate(self) -> (ExitStatus, String) {
        self.ask_to_end();
        self.starting.end()
    }

    /// Where it serves.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its API, with the first token.
    pub(crate) fn api(&self) -> Api {
        let token = fs::read_to_string(&self.starting.token).expect("it wrote its token down");
        Api::new(&self.url, token.trim())
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The program itself.
pub(crate) fn busy() -> Vec<u8> {
    computing(10_000_000)
}

/// A program that goes round so often, of which a thousand million take a third of a second or
/// so, and prints 7.
pub(crate) fn computing(rounds: u64) -> Vec<u8> {
    let text = COMPUTING.replace("ROUNDS", &rounds.to_string());
    wat::parse_str(text).expect("it is WebAssembly")
}

const COMPUTING: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\01\00\00\00" "7")
  (func (export "_start") (local $left i64)
    (local.set $left (i64.const ROUNDS))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.ne (local.get $left) (i64.const 0))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;
