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
        a_library_is_compiled_once().await;
        damaged_functions_of_a_library_are_compiled_again().await;
        what_has_no_library_or_no_cache_is_compiled_as_a_whole().await;
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

/// The guest with a library inside, behind and before other core modules.
fn with_library(before: &str, after: &str) -> Vec<u8> {
    use std::fmt::Write;
    let mut library = String::from("(core module (@custom \"dylink.0\" (before first) \"\")");
    for number in 0..500 {
        write!(
            library,
            "(func (export \"f{number}\") (param i32) (result i32) local.get 0"
        )
        .unwrap();
        for step in 0..60 {
            write!(
                library,
                " i32.const {} i32.mul local.get 0 i32.xor",
                number + step
            )
            .unwrap();
        }
        library.push(')');
    }
    let (guest, end) = include_str!("guest.wat").rsplit_once(')').unwrap();
    wat::parse_str(format!("{guest} {before} {library}) {after} {end})"))
        .expect("the guest is well-formed")
}

/// Loads in a sandbox of its own. Returns how many libraries' functions were found and compiled.
async fn load_with_libraries(options: SandboxOptions, wasm: Vec<u8>) -> (u64, u64) {
    let sandbox = Sandbox::new(options).unwrap();
    let guest = sandbox.load(wasm).await.unwrap();
    sandbox.describe(&guest).await.unwrap();
    let found = sandbox.code_found();
    assert_eq!((found.hits, found.misses), (0, 1));
    (found.library_hits, found.library_misses)
}

fn cached_in(folder: &TempDir) -> SandboxOptions {
    SandboxOptions {
        compiler: compiler(),
        cache_dir: Some(folder.path().to_owned()),
        ..SandboxOptions::default()
    }
}

async fn a_library_is_compiled_once() {
    let folder = TempDir::new().unwrap();
    let load = |before, after| load_with_libraries(cached_in(&folder), with_library(before, after));
    assert_eq!(load("", "").await, (0, 0), "no other one may follow");
    assert_eq!(load("", "(core module)").await, (0, 1));
    let another = "(core module) (core module)";
    assert_eq!(load("", another).await, (1, 0));
    // Behind other types the same module is another library.
    let types = "(core module (type (func (param f64 f64))))";
    assert_eq!(load(types, "").await, (0, 0));
    assert_eq!(load(types, "(core module)").await, (0, 1));
    assert_eq!(load(types, another).await, (1, 0));
}

async fn damaged_functions_of_a_library_are_compiled_again() {
    let folder = TempDir::new().unwrap();
    let load = |after| load_with_libraries(cached_in(&folder), with_library("", after));
    let another = "(core module)";
    assert_eq!(load("").await, (0, 0));
    assert_eq!(load(another).await, (0, 1));
    for damaged in [0, 40, 200] {
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "code") {
                let mut bytes = std::fs::read(&path).unwrap();
                bytes[damaged] ^= 1;
                std::fs::write(&path, bytes).unwrap();
            }
        }
        let what = format!("damaged at {damaged}");
        assert_eq!(load("").await, (0, 0), "{what}");
        assert_eq!(load(another).await, (0, 1), "{what}");
    }
}

async fn what_has_no_library_or_no_cache_is_compiled_as_a_whole() {
    let folder = TempDir::new().unwrap();
    assert_eq!(
        load_with_libraries(cached_in(&folder), wasm()).await,
        (0, 0)
    );
    let code = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(code.count(), 2, "the guest's code and the key");
    let without = SandboxOptions {
        cache_dir: None,
        ..cached_in(&folder)
    };
    assert_eq!(
        load_with_libraries(without, with_library("", "")).await,
        (0, 0)
    );
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let unusable = SandboxOptions {
        cache_dir: Some(blocked),
        ..cached_in(&folder)
    };
    let wasm = with_library("", "");
    assert_eq!(load_with_libraries(unusable, wasm).await, (0, 0));
    let in_process = SandboxOptions {
        compiler: Compiler::InProcess,
        ..cached_in(&folder)
    };
    assert_eq!(
        load_with_libraries(in_process, with_library("", "")).await,
        (0, 0)
    );
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
