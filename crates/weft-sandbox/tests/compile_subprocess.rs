//! Compiling in a subprocess: this program is its own compiler, as `wfctl` is.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step fails the test, which clippy sees only in #[test] functions"
)]

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use weft_sandbox::{
    CompileLimits, Compiler, Guest, LoadError, Sandbox, SandboxOptions, SandboxWarning, compiler,
};

const SUBCOMMAND: &str = "compile-component";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(first) if first == SUBCOMMAND => return compiler::main(args),
        Some(first) if first == "--list" => {
            println!("all: test");
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        the_subprocess_compiles_and_the_cache_keeps().await;
        limits_on_memory_and_time_are_held().await;
        a_compiler_that_is_none_is_named().await;
        invalid_code_is_distinguished_from_a_crash().await;
    });
    println!("test result: ok. all passed");
    ExitCode::SUCCESS
}

fn compiler() -> Compiler {
    let program = std::env::current_exe().expect("the program has a path");
    Compiler::Subprocess {
        program,
        args: vec![SUBCOMMAND.into()],
    }
}

fn wasm() -> Vec<u8> {
    wat::parse_str(include_str!("guest.wat")).expect("the guest is well-formed")
}

async fn load(options: SandboxOptions, wasm: Vec<u8>) -> Result<Guest, LoadError> {
    Sandbox::new(options)
        .expect("the machine has address space")
        .load(wasm)
        .await
}

async fn the_subprocess_compiles_and_the_cache_keeps() {
    let folder = TempDir::new().unwrap();
    let cached = |compiler| SandboxOptions {
        compiler,
        cache_dir: Some(folder.path().to_owned()),
        ..SandboxOptions::default()
    };
    load(cached(compiler()), wasm()).await.unwrap();
    // The second time no compiler is needed at all.
    let none = Compiler::Subprocess {
        program: PathBuf::from("/nowhere"),
        args: Vec::new(),
    };
    load(cached(none), wasm()).await.unwrap();

    let warnings = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&warnings);
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let options = SandboxOptions {
        cache_dir: Some(blocked),
        on_warning: Some(Arc::new(move |warning: &SandboxWarning| {
            seen.lock().unwrap().push(warning.to_string());
        })),
        ..cached(compiler())
    };
    load(options, wasm()).await.unwrap();
    assert_eq!(warnings.lock().unwrap().len(), 1);
}

/// Thousands of functions, each with a long chain of arithmetic and branches.
fn slow_to_compile() -> Vec<u8> {
    use std::fmt::Write;
    let mut text = String::from("(module (memory 1) (func (export \"_start\"))");
    for number in 0..3000 {
        write!(
            text,
            "(func (param i64) (result i64) (local i64 i64) local.get 0"
        )
        .unwrap();
        for step in 0..150 {
            write!(text, " i64.const {} i64.mul local.tee 1 local.get 2 i64.xor local.tee 2 i64.const {step} i64.rotl", number + step).unwrap();
        }
        text.push(')');
    }
    text.push(')');
    wat::parse_str(text).expect("the text is well-formed")
}

async fn limits_on_memory_and_time_are_held() {
    let wasm = slow_to_compile();
    let limited = |compile| SandboxOptions {
        compiler: compiler(),
        compile,
        ..SandboxOptions::default()
    };
    let begin = Instant::now();
    let short = CompileLimits {
        wall: Duration::from_millis(200),
        ..CompileLimits::default()
    };
    let error = load(limited(short), wasm.clone()).await.unwrap_err();
    assert!(matches!(error, LoadError::CompileTimeout { .. }), "{error}");
    assert!(
        begin.elapsed() < Duration::from_secs(30),
        "it was not killed"
    );
    let busy = CompileLimits {
        cpu: Duration::from_secs(1),
        ..CompileLimits::default()
    };
    let error = load(limited(busy), wasm.clone()).await.unwrap_err();
    assert!(matches!(error, LoadError::CompileCpu { .. }), "{error}");
    let small = CompileLimits {
        memory_bytes: 48 << 20,
        ..CompileLimits::default()
    };
    let error = load(limited(small), wasm.clone()).await.unwrap_err();
    assert!(matches!(error, LoadError::CompileMemory { .. }), "{error}");
    let tiny = CompileLimits {
        component_bytes: 100,
        ..CompileLimits::default()
    };
    let error = load(limited(tiny), wasm).await.unwrap_err();
    assert!(
        matches!(error, LoadError::TooLarge { limit: 100, .. }),
        "{error}"
    );
}

async fn a_compiler_that_is_none_is_named() {
    for program in ["/nowhere/wfctl", "/bin/true", "/bin/false"] {
        let compiler = Compiler::Subprocess {
            program: program.into(),
            args: Vec::new(),
        };
        let options = SandboxOptions {
            compiler,
            ..SandboxOptions::default()
        };
        let error = load(options, wasm()).await.unwrap_err();
        assert!(
            matches!(
                error,
                LoadError::Host { .. } | LoadError::CompilerCrashed { .. }
            ),
            "{program}: {error}"
        );
    }
}

async fn invalid_code_is_distinguished_from_a_crash() {
    let mut bytes =
        wat::parse_str("(module (func (export \"_start\") (drop (i32.const 1))))").unwrap();
    let at = bytes
        .iter()
        .rposition(|byte| *byte == 0x1a)
        .expect("the drop is there");
    bytes[at] = 0x6a;
    let options = SandboxOptions {
        compiler: compiler(),
        ..SandboxOptions::default()
    };
    let error = load(options, bytes).await.unwrap_err();
    assert!(matches!(error, LoadError::Malformed { .. }), "{error}");
}
