//! The sandbox as `wfctl` sets it up, and its errors as problems.

use std::path::PathBuf;
use weft_api::{
    problem::{Code, Problem},
    user_dirs,
};
use weft_sandbox::{Compiler, DescribeError, LoadError, Sandbox, SandboxError, SandboxOptions};

/// A sandbox for at most so many attempts at once, with this user's compiled code.
pub fn sandbox(jobs: u32) -> Result<Sandbox, Problem> {
    sandbox_in(jobs, user_dirs::cache())
}

/// A sandbox whose compiled code is kept in this folder.
pub fn sandbox_in(jobs: u32, cache: Option<PathBuf>) -> Result<Sandbox, Problem> {
    Sandbox::new(options(jobs, cache)?).map_err(|error| match error {
        SandboxError::Engine { .. } => Problem::new(Code::Internal, error.to_string())
            .help("allow more address space (ulimit -v), or run fewer tasks at once (--jobs)"),
        SandboxError::Option { .. } => Problem::new(Code::Internal, error.to_string()),
    })
}

/// How a sandbox of this program is set up: what compiles is a subprocess of it.
pub fn options(jobs: u32, cache: Option<PathBuf>) -> Result<SandboxOptions, Problem> {
    let program = std::env::current_exe().map_err(|error| {
        Problem::new(
            Code::Internal,
            format!("can't find this program's own file, which also compiles: {error}"),
        )
    })?;
    Ok(SandboxOptions {
        cache_dir: cache,
        compiler: Compiler::Subprocess {
            program,
            args: vec!["compile-component".into()],
        },
        max_instances: jobs.max(1),
        on_warning: Some(std::sync::Arc::new(|warning| {
            anstream::eprintln!("warning: {warning}");
        })),
        ..SandboxOptions::default()
    })
}

/// The runtime that a command's async part runs on.
pub fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Code::Internal, format!("can't start threads: {error}")))
}

/// Why a file can't be loaded.
pub fn load_problem(name: &str, error: &LoadError) -> Problem {
    let problem = |code: Code| Problem::new(code, format!("{name}: {error}"));
    match error {
        LoadError::NotWasm { .. } => problem(Code::WrongFileType).help("build it again"),
        LoadError::Malformed { .. } => problem(Code::InvalidWasm).help("build or download it again"),
        LoadError::Container => problem(Code::WrongFileType).help("a container can't stand inside a manifest"),
        LoadError::NothingToRun { .. } => {
            problem(Code::ComponentWithoutTasks).help("build it with an SDK of Weft, or as a WASI program")
        }
        LoadError::NoStart => problem(Code::ModuleWithoutStart).help("build it as a program, not as a library"),
        LoadError::UnknownImports { .. } => problem(Code::UnknownImport).help("build it for WASI 0.2, or 0.1 for a program"),
        LoadError::TooLarge { .. } | LoadError::TooComplex { .. } => {
            problem(Code::CompileFailed).help("split it, or leave out what the tasks do not need")
        }
        LoadError::CompileCpu { .. } | LoadError::CompileTimeout { .. } | LoadError::CompileMemory { .. } | LoadError::CompilerCrashed { .. } | LoadError::Compile { .. } => {
            problem(Code::CompileFailed).help("build it again with optimisation for size (opt-level = \"s\") and without debug information")
        }
        LoadError::Host { .. } => problem(Code::Internal),
    }
}

/// Why a component did not describe itself.
pub fn describe_problem(name: &str, error: &DescribeError) -> Problem {
    let problem = |code: Code| Problem::new(code, format!("{name}: {error}"));
    match error {
        DescribeError::NotTasks => problem(Code::ProgramWithoutManifest),
        DescribeError::Author { .. }
        | DescribeError::Timeout { .. }
        | DescribeError::Memory { .. }
        | DescribeError::TooLarge { .. } => problem(Code::DescribeFailed).help(
            "describe has to return the document at once, from what the component itself holds",
        ),
        DescribeError::Trap { backtrace, .. } => {
            let problem = problem(Code::DescribeFailed);
            match backtrace {
                Some(trace) => problem.note(format!("in the component:\n{trace}")),
                None => problem,
            }
        }
        DescribeError::InvalidText { .. } => {
            problem(Code::DescribeFailed).help("describe has to return JSON in UTF-8")
        }
        DescribeError::Host { .. } => problem(Code::Internal),
    }
}
