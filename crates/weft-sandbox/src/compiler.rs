//! The other half of compiling in a subprocess: what the hidden subcommand of
//! `wfctl` runs. Reads WebAssembly on standard input, writes framed code to standard
//! output, and sets its own limits before it reads a byte.
//!
//! It opens no file and no connection, and needs no environment.

use crate::{
    Digest, LoadError,
    code::{self, Origin},
    compile::translate::translate,
    engine,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::{
    ffi::OsString,
    io::{Read, Write},
    process::ExitCode,
};

/// Between the limit of CPU time that ends the subprocess with SIGXCPU and the one that kills it.
const CPU_GRACE_SECONDS: u64 = 5;

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

/// The job of a subprocess, as its arguments give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// Of the file on standard input.
    pub(crate) origin: Origin,
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_seconds: u64,
}

impl Job {
    pub(crate) fn to_args(&self) -> Vec<String> {
        vec![
            self.origin.name.to_string(),
            self.origin.digest.hex(),
            self.memory_bytes.to_string(),
            self.cpu_seconds.to_string(),
        ]
    }

    fn from_args(args: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let args: Vec<String> = args
            .into_iter()
            .map(OsString::into_string)
            .collect::<Result<_, _>>()
            .ok()?;
        let [name, digest, memory_bytes, cpu_seconds] = args.try_into().ok()?;
        Some(Self {
            origin: Origin {
                digest: Digest::from_hex(&digest)?,
                name: name.parse().ok()?,
            },
            memory_bytes: memory_bytes.parse().ok()?,
            cpu_seconds: cpu_seconds.parse().ok()?,
        })
    }
}

/// Runs one job. `args` are those after the subcommand's own name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let exit = match Job::from_args(args) {
        None => {
            print_error("this command is for the sandbox's own use");
            Exit::Failed
        }
        Some(job) => match run(&job) {
            Ok(()) => return ExitCode::SUCCESS,
            Err((exit, reason)) => {
                print_error(&reason);
                exit
            }
        },
    };
    ExitCode::from(u8::try_from(exit.code()).expect("exit codes are small"))
}

fn print_error(reason: &str) {
    if let Err(_closed) = writeln!(std::io::stderr(), "{reason}") {
        // Standard error is closed; the exit code remains.
    }
}

fn run(job: &Job) -> Result<(), (Exit, String)> {
    let failed = |reason: String| (Exit::Failed, reason);
    confine(job).map_err(|error| failed(format!("limits can't be set: {error}")))?;
    let Job { origin, .. } = job;
    let mut wasm = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut wasm)
        .map_err(|error| failed(format!("the file can't be read: {error}")))?;
    let digest = Digest::of(&wasm);
    if digest != origin.digest {
        return Err(failed(format!(
            "the file arrived as {digest}, not {}",
            origin.digest
        )));
    }
    let engine = engine::compiling_engine(origin.name.profile, origin.name.target)
        .map_err(|error| failed(format!("{error:#}")))?;
    if engine::compatibility(&engine) != origin.name.compatibility {
        return Err(failed("another version of Weft requested the code".into()));
    }
    let code = translate(&origin.name, &wasm).map_err(|error| match error {
        LoadError::Malformed { reason } => (Exit::Malformed, reason),
        LoadError::Compile { reason } => (Exit::Refused, reason),
        other => failed(other.to_string()),
    })?;
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(&code::frame(origin, &code))
        .and_then(|()| stdout.flush())
        .map_err(|error| failed(format!("the code can't be written: {error}")))
}

/// Bounds memory and CPU time, forbids files and core dumps, and ends with the parent.
fn confine(job: &Job) -> rustix::io::Result<()> {
    let between = |resource, most, hard| {
        setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(hard),
            },
        )
    };
    let bound = |resource, most| between(resource, most, most);
    // Private writable memory is what allocations use. The address space would be a bad
    // measure, since allocators reserve much of it.
    bound(Resource::Data, job.memory_bytes)?;
    // At the soft limit comes SIGXCPU, which names the cause; at the hard one SIGKILL, which
    // would win if both were reached at once.
    let hard = job.cpu_seconds.saturating_add(CPU_GRACE_SECONDS);
    between(Resource::Cpu, job.cpu_seconds, hard)?;
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
    use crate::{
        code::{CodeName, Form},
        engine::{Profile, Target},
    };

    #[test]
    fn a_job_survives_its_arguments() {
        let job = Job {
            origin: Origin {
                digest: Digest([0xab; 32]),
                name: CodeName {
                    form: Form::Module,
                    profile: Profile::Deterministic,
                    target: Target::of_this_machine(),
                    compatibility: "0123456789abcdef".repeat(2),
                },
            },
            memory_bytes: 1,
            cpu_seconds: 2,
        };
        let args = job.to_args().into_iter().map(OsString::from);
        assert_eq!(Job::from_args(args), Some(job));
        assert_eq!(Job::from_args(["module".into()]), None);
    }
}
