//! The parent's side of a compiling subprocess: starts it, feeds it, bounds what
//! it may answer, kills it when its time is over, and reads its end.

use crate::{
    CompileLimits, LoadError,
    code::{self, Origin},
    compiler::{Exit, Job},
};
use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

/// The part of standard error that is stored: its end.
const MAX_ERROR_BYTES: u64 = 8 << 10;

/// The message of Rust's allocator before it aborts, in our own subprocess.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// Compiles one file in a subprocess.
pub(super) async fn compile(
    program: &Path,
    args: &[OsString],
    limits: &CompileLimits,
    origin: &Origin,
    wasm: &[u8],
) -> Result<Vec<u8>, LoadError> {
    let threads = match limits.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let job = Job {
        origin: origin.clone(),
        memory_bytes: limits.memory_bytes,
        // The bound of the kernel is in whole seconds.
        cpu_seconds: limits.cpu.as_secs().max(1),
    };
    let mut child = spawn_compiler(program, args, &job, threads)?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let stdout = child.stdout.take().expect("it is piped");
    let stderr = child.stderr.take().expect("it is piped");
    let most = code::most_bytes(wasm.len() as u64);
    let work = async {
        let feed = async {
            if let Err(_closed) = stdin.write_all(wasm).await {
                // It ended before it read everything; its exit status has the reason.
            }
            drop(stdin);
        };
        let (status, code, error, ()) = tokio::join!(
            child.wait(),
            read(stdout, most),
            read(stderr, MAX_ERROR_BYTES),
            feed
        );
        (status, code, error)
    };
    let ended = tokio::time::timeout(limits.wall, work).await;
    let Ok((status, code, error)) = ended else {
        if let Err(_gone) = child.kill().await {
            // It ended by itself in the meantime.
        }
        return Err(LoadError::CompileTimeout { limit: limits.wall });
    };
    let status = status.map_err(|error| LoadError::Host {
        reason: format!("the compiler's end is unknown: {error}"),
    })?;
    let error = String::from_utf8_lossy(&error);
    if !status.success() {
        return Err(read_end(status, error.trim(), limits));
    }
    if let Err(problem) = code::unframe(origin, &code) {
        return Err(LoadError::CompilerCrashed {
            reason: format!("its answer can't be used: {problem}"),
        });
    }
    Ok(code)
}

fn spawn_compiler(
    program: &Path,
    args: &[OsString],
    job: &Job,
    threads: usize,
) -> Result<Child, LoadError> {
    Command::new(program)
        .args(args)
        .args(job.to_args())
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| LoadError::Host {
            reason: format!("the compiler {} can't start: {error}", program.display()),
        })
}

/// Everything up to a bound; what is beyond it is never read, and the pipe breaks.
async fn read(stream: impl AsyncRead + Unpin, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(_broken) = stream.take(most).read_to_end(&mut bytes).await {
        // What came is checked by its frame.
    }
    bytes
}

fn read_end(status: ExitStatus, error: &str, limits: &CompileLimits) -> LoadError {
    /// Signal numbers that are the same on Linux and macOS, x86-64 and Arm.
    const SIGABRT: i32 = 6;
    const SIGKILL: i32 = 9;
    let out_of_memory = LoadError::CompileMemory {
        limit_bytes: limits.memory_bytes,
    };
    match (status.code(), status.signal()) {
        (Some(code), _) if code == Exit::Malformed.code() => LoadError::Malformed {
            reason: error.to_owned(),
        },
        (Some(code), _) if code == Exit::Refused.code() => LoadError::Compile {
            reason: error.to_owned(),
        },
        (None, Some(SIGABRT)) if error.contains(OUT_OF_MEMORY) => out_of_memory,
        (None, Some(signal))
            if rustix::process::Signal::from_named_raw(signal)
                == Some(rustix::process::Signal::XCPU) =>
        {
            LoadError::CompileCpu { limit: limits.cpu }
        }
        (None, Some(SIGKILL)) => LoadError::CompilerCrashed {
            reason: "it was killed from outside, most likely since the machine ran out of memory"
                .into(),
        },
        _other => LoadError::CompilerCrashed {
            reason: if error.is_empty() {
                status.to_string()
            } else {
                format!("{status}: {error}")
            },
        },
    }
}
