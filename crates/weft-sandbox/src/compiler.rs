//! The other half of compiling in a subprocess: what the hidden subcommand of
//! `wfctl` runs. Reads WebAssembly on standard input, writes framed code to
//! standard output, and holds itself to its limits before it reads a byte.
//!
//! It opens no file and no connection, and needs no environment.

use crate::{
    Digest, LoadError,
    code::{self, Form, Origin},
    compile,
    engine::{self, Profile},
};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::{
    ffi::OsString,
    io::{Read, Write},
    process::ExitCode,
};

/// How the subprocess ends, besides 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The file is no valid WebAssembly; the reason is on standard error.
    Malformed,
    /// The file is valid and wasmtime refuses it; the reason is on standard error.
    Refused,
    /// Anything else.
    Failed,
}

impl Exit {
    /// The exit code; far from those that shells and Rust use.
    pub(crate) const fn code(self) -> i32 {
        match self {
            Self::Malformed => 65,
            Self::Refused => 66,
            Self::Failed => 70,
        }
    }
}

/// What to do, as it stands in the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) form: Form,
    pub(crate) profile: Profile,
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_seconds: u64,
    pub(crate) digest: Digest,
}

impl Job {
    pub(crate) fn to_args(&self) -> Vec<String> {
        vec![
            self.form.name().to_owned(),
            self.profile.name().to_owned(),
            self.memory_bytes.to_string(),
            self.cpu_seconds.to_string(),
            self.digest.hex(),
        ]
    }

    fn from_args(args: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let args: Vec<String> = args
            .into_iter()
            .map(OsString::into_string)
            .collect::<Result<_, _>>()
            .ok()?;
        let [form, profile, memory_bytes, cpu_seconds, digest] = args.try_into().ok()?;
        Some(Self {
            form: Form::from_name(&form)?,
            profile: Profile::from_name(&profile)?,
            memory_bytes: memory_bytes.parse().ok()?,
            cpu_seconds: cpu_seconds.parse().ok()?,
            digest: Digest::from_hex(&digest)?,
        })
    }
}

/// Runs one job. `args` are those after the subcommand's own name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let exit = match Job::from_args(args) {
        None => {
            complain("this command is for the sandbox's own use");
            Exit::Failed
        }
        Some(job) => match work(&job) {
            Ok(()) => return ExitCode::SUCCESS,
            Err((exit, reason)) => {
                complain(&reason);
                exit
            }
        },
    };
    ExitCode::from(u8::try_from(exit.code()).expect("exit codes are small"))
}

fn complain(reason: &str) {
    if let Err(_closed) = writeln!(std::io::stderr(), "{reason}") {
        // Nobody listens; the exit code remains.
    }
}

fn work(job: &Job) -> Result<(), (Exit, String)> {
    let failed = |reason: String| (Exit::Failed, reason);
    confine(job).map_err(|error| failed(format!("limits can't be set: {error}")))?;
    let mut wasm = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut wasm)
        .map_err(|error| failed(format!("the file can't be read: {error}")))?;
    let digest = Digest::of(&wasm);
    if digest != job.digest {
        return Err(failed(format!(
            "the file arrived as {digest}, not {}",
            job.digest
        )));
    }
    let engine =
        engine::compiling_engine(job.profile).map_err(|error| failed(format!("{error:#}")))?;
    let origin = Origin {
        digest,
        form: job.form,
        profile: job.profile,
        compatibility: engine::compatibility(&engine),
    };
    let code = compile::translate(job.profile, job.form, &wasm).map_err(|error| match error {
        LoadError::Malformed { reason } => (Exit::Malformed, reason),
        LoadError::Compile { reason } => (Exit::Refused, reason),
        other => failed(other.to_string()),
    })?;
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(&code::frame(&origin, &code))
        .and_then(|()| stdout.flush())
        .map_err(|error| failed(format!("the code can't be handed over: {error}")))
}

/// Bounds memory and CPU time, forbids files and core dumps, and ends with the parent.
fn confine(job: &Job) -> rustix::io::Result<()> {
    let bound = |resource, most| {
        setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        )
    };
    // Private memory that can be written, which is what allocations are; the
    // address space is no measure, since allocators reserve it lavishly.
    bound(Resource::Data, job.memory_bytes)?;
    bound(Resource::Cpu, job.cpu_seconds)?;
    bound(Resource::Core, 0)?;
    bound(Resource::Fsize, 0)?;
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        rustix::thread::set_no_new_privs(true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_its_arguments() {
        let job = Job {
            form: Form::Module,
            profile: Profile::Deterministic,
            memory_bytes: 1,
            cpu_seconds: 2,
            digest: Digest([0xab; 32]),
        };
        let args = job.to_args().into_iter().map(OsString::from);
        assert_eq!(Job::from_args(args), Some(job));
        assert_eq!(Job::from_args(["component".into()]), None);
    }
}
