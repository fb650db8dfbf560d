//! The product, as its users have it: built, started, its JSON lines read.

use crate::{
    program::{self, cargo},
    tools::emulator::Emulator,
    workspace::Workspace,
};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use wait4::Wait4;

/// How `wfctl` is compiled: the profiles of the root `Cargo.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As the tests do, so that both share what is compiled. Its dependencies are optimised all the same.
    Dev,
    /// To be built soon, and fast enough to use.
    Demo,
    /// As users get it: what is measured.
    Release,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Demo => "demo",
            Self::Release => "release",
        }
    }

    /// Its folder in cargo's target folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Demo | Self::Release => self.name(),
        }
    }
}

/// A built `wfctl`, and where its runs leave their folders.
pub(crate) struct Wfctl {
    program: PathBuf,
    /// Runs it, where this machine can't.
    emulator: Option<Emulator>,
    data: PathBuf,
    /// In the place of Weft's own.
    cache: Option<PathBuf>,
}

/// A run that was measured. Its events were read as bytes while it ran, and as JSON only afterwards.
pub(crate) struct Measured {
    /// The last event: `run_ended`.
    pub(crate) run: Value,
    /// The CPU time of every attempt.
    pub(crate) cpu_ms: Vec<f64>,
    /// When the command was given, since the Unix epoch.
    pub(crate) started_ms: f64,
    /// From the command to its end.
    pub(crate) wall: Duration,
    /// The most memory that the process had, as the kernel counts it.
    pub(crate) peak_bytes: f64,
}

/// A run that has ended, whichever way.
pub(crate) struct Finished {
    /// The exit code.
    pub(crate) exit: Option<i32>,
    /// Every event, in order, but the last one.
    pub(crate) events: Vec<Value>,
    /// The last event: `run_ended`.
    pub(crate) run: Value,
}

impl Wfctl {
    /// Builds it alone.
    pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<Self> {
        let mut build = cargo();
        build
            .current_dir(workspace.root())
            .args(["build", "--locked", "--package", "wfctl", "--profile"])
            .arg(profile.name());
        program::run(&mut build)?;
        Ok(Self::built(workspace, profile))
    }

    /// The one that was built before.
    pub(crate) fn built(workspace: &Workspace, profile: Profile) -> Self {
        let folder = workspace.target().join(profile.folder());
        Self::at(workspace, &folder.join("wfctl"))
    }

    /// Path of the program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The one in this file.
    pub(crate) fn at(workspace: &Workspace, program: &Path) -> Self {
        Self {
            program: program.to_path_buf(),
            emulator: None,
            data: workspace.target().join("xtask-data"),
            cache: None,
        }
    }

    /// The same, with a cache folder of its own.
    pub(crate) fn with_cache(self, folder: &Path) -> Self {
        Self {
            cache: Some(folder.to_path_buf()),
            ..self
        }
    }

    /// The same, run by an emulator.
    pub(crate) fn emulated(self, emulator: Emulator) -> Self {
        Self {
            emulator: Some(emulator),
            ..self
        }
    }

    /// Path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.program
    }

    /// A command of it, whose runs stay inside the target folder.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = match &self.emulator {
            Some(emulator) => emulator.command(&self.program),
            None => Command::new(&self.program),
        };
        command.env("WEFT_DATA_DIR", &self.data).args(args);
        if let Some(cache) = &self.cache {
            command.env("WEFT_CACHE_DIR", cache);
        }
        command
    }

    /// Where its runs leave logs and artifacts.
    pub(crate) fn runs(&self) -> PathBuf {
        self.data.join("runs")
    }

    /// Starts `wfctl run FILE --output json`.
    pub(crate) fn start(&self, file: &Path, args: &[&str]) -> Result<Child> {
        let mut command = self.command([
            "run".as_ref(),
            file.as_os_str(),
            "--output".as_ref(),
            "json".as_ref(),
        ]);
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command.spawn().with_context(|| {
            format!(
                "{} did not start; 'cargo test --package wfctl --no-run' builds it",
                self.program.display()
            )
        })
    }

    /// `wfctl run FILE --output json`, measured from outside.
    pub(crate) fn measure(&self, file: &Path, args: &[&str]) -> Result<Measured> {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?;
        let start = Instant::now();
        let mut child = self.start(file, args)?;
        let mut printed = Vec::new();
        child
            .stdout
            .take()
            .expect("it was piped")
            .read_to_end(&mut printed)?;
        let ended = child.wait4()?;
        let wall = start.elapsed();
        let events =
            std::str::from_utf8(&printed).context("wfctl printed something that is not UTF-8")?;
        let run: Value = serde_json::from_str(events.lines().last().unwrap_or_default())
            .with_context(|| format!("wfctl run {} ended before its run did", file.display()))?;
        let attempts = events
            .lines()
            .filter(|line| line.starts_with("{\"event\":\"task_ended\""));
        let cpu_ms = attempts
            .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["cpu_ms"].as_f64())
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "no machine has 2^52 bytes")]
        let peak_bytes = ended.rusage.maxrss as f64;
        Ok(Measured {
            run,
            cpu_ms,
            started_ms: since_epoch.as_secs_f64() * 1e3,
            wall,
            peak_bytes,
        })
    }

    /// `wfctl run FILE --output json`, read to its end.
    pub(crate) fn run(&self, file: &Path, args: &[&str]) -> Result<Finished> {
        let mut child = self.start(file, args)?;
        let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let mut events = lines
            .map(|line| Ok(serde_json::from_str(&line?)?))
            .collect::<Result<Vec<Value>>>()
            .context("wfctl run --output json printed a line that is not JSON")?;
        let exit = child.wait()?.code();
        let Some(run) = events.pop().filter(|last| last["event"] == "run_ended") else {
            bail!(
                "wfctl run {} ended with {exit:?} before its run did; its output is above",
                file.display()
            );
        };
        Ok(Finished { exit, events, run })
    }
}

impl Finished {
    /// What a task returned.
    pub(crate) fn output(&self, task: &str) -> &Value {
        &self.run["tasks"][task]["output"]
    }

    /// How a task ended.
    pub(crate) fn state(&self, task: &str) -> &str {
        self.run["tasks"][task]["state"]
            .as_str()
            .unwrap_or("absent")
    }

    /// How many task instances the run had, mapped ones each for itself.
    pub(crate) fn instances(&self) -> usize {
        let tasks = self.run["tasks"]
            .as_object()
            .into_iter()
            .flat_map(|tasks| tasks.values());
        tasks
            .map(|task| task["instances"].as_array().map_or(1, Vec::len))
            .sum()
    }

    /// Whether an attempt of the task failed and was tried again.
    pub(crate) fn retried(&self, task: &str) -> bool {
        let ended = |event: &&Value| event["event"] == "task_ended" && event["task"] == task;
        self.events
            .iter()
            .filter(ended)
            .any(|event| event["state"] == "up_for_retry")
    }
}
