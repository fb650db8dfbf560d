//! How long an instance and an attempt take, through the public API, with every
//! limit and log capture on.
//!
//! `cargo bench -p weft-sandbox --bench instantiate -- [--task NAME] [--calls N] FILE...`
//! prints medians and 99th percentiles: of an instance alone, in a store that is
//! there, and of a whole attempt, from request to report. Without files it
//! measures the guest of the crate's tests. Each file must be a component with
//! tasks; the task gets no inputs (the test guest's `echo` gets one).
//!
//! `--language NAME MICROSECONDS FILE` does the same under that name and with that
//! bar, and adds the file's size and how long it takes to compile. `--again SHARE
//! FIRST SECOND` compiles one file alone, then in a new cache folder and another one after
//! it, as `wfctl` does in subprocesses; and prints what share of the first file's time alone the
//! second one takes, and how much longer the first one takes for it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use weft_core::{limit::Limits, policy::Granted};
use weft_sandbox::{
    AttemptOutcome, AttemptRequest, CancelSignal, Compiler, ConnectionScope, Entry, EventSink,
    Guest, NoArtifacts, NoVariables, Sandbox, SandboxOptions, Services, compiler,
};

/// The argument with which this program is its own compiler.
const SUBCOMMAND: &str = "compile-component";

/// The number of measured calls by default.
const CALLS: usize = 20_000;

/// What is to be measured.
struct Wanted {
    task: String,
    calls: usize,
    subjects: Vec<Subject>,
    /// The share that is promised, and the two files.
    again: Option<(f64, String, String)>,
}

/// One component.
struct Subject {
    name: String,
    file: String,
    /// Of a language: what the median of an attempt must reach, in microseconds.
    bar_us: Option<f64>,
}

impl Wanted {
    fn read(args: impl IntoIterator<Item = String>) -> Self {
        let mut wanted = Self {
            task: "noop".to_owned(),
            calls: CALLS,
            subjects: Vec::new(),
            again: None,
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut next = || {
                args.next()
                    .unwrap_or_else(|| panic!("{arg} is followed by more"))
            };
            let number = |text: String| text.parse::<f64>().expect("a number");
            match arg.as_str() {
                "--bench" => {}
                "--task" => wanted.task = next(),
                "--calls" => wanted.calls = next().parse().expect("a number"),
                "--language" => wanted.subjects.push(Subject {
                    name: next(),
                    bar_us: Some(number(next())),
                    file: next(),
                }),
                "--again" => wanted.again = Some((number(next()), next(), next())),
                file => wanted.subjects.push(Subject {
                    name: Path::new(file).file_stem().map_or_else(
                        || file.to_owned(),
                        |stem| stem.to_string_lossy().into_owned(),
                    ),
                    file: file.to_owned(),
                    bar_us: None,
                }),
            }
        }
        wanted
    }
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == SUBCOMMAND) {
        return compiler::main(args);
    }
    let wanted = Wanted::read(std::env::args().skip(1));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        // On a worker thread, as attempts run in the product.
        let measured = tokio::spawn(measure_all(wanted)).await;
        measured.expect("the measurement does not panic");
    });
    ExitCode::SUCCESS
}

async fn measure_all(wanted: Wanted) {
    let begin = Instant::now();
    let sandbox = Sandbox::new(SandboxOptions::default()).expect("the machine has address space");
    println!("engine: {:?}", begin.elapsed());
    if wanted.subjects.is_empty() && wanted.again.is_none() {
        let wasm = wat::parse_str(include_str!("../tests/guest.wat")).expect("it is well-formed");
        let inputs = vec![("x".to_owned(), "1".into())];
        let guest = sandbox.load(wasm).await.expect("the guest loads");
        let name = "the tests' guest";
        measure(&sandbox, name, None, &guest, ("echo", inputs, wanted.calls)).await;
    }
    for Subject { name, file, bar_us } in &wanted.subjects {
        let wasm = read(file);
        println!("{name} ({} bytes)", wasm.len());
        #[expect(
            clippy::cast_precision_loss,
            reason = "files are far smaller than 2^52 bytes"
        )]
        let kilobytes = wasm.len() as f64 / 1e3;
        let (guest, load) = load(&sandbox, wasm).await;
        println!("  load: {load:?}");
        if bar_us.is_some() {
            figure(name, "size", "KB", kilobytes, None);
            figure(name, "compile", "ms", load.as_secs_f64() * 1e3, None);
        }
        let call = (wanted.task.as_str(), Vec::new(), wanted.calls);
        measure(&sandbox, name, *bar_us, &guest, call).await;
    }
    if let Some((share, first, second)) = &wanted.again {
        let alone = in_subprocess(None, read(first)).await;
        let folder = TempDir::new().expect("there is space for a folder");
        let cache = || Some(folder.path().to_owned());
        let first = in_subprocess(cache(), read(first)).await;
        let again = in_subprocess(cache(), read(second)).await;
        println!("alone {alone:?}, first {first:?}, again {again:?}");
        let of_alone = |took: Duration| took.as_secs_f64() / alone.as_secs_f64();
        let what = "compile again with one line changed, share of the first time";
        figure("python", what, "", of_alone(again), Some(*share));
        let what = "compile first with its libraries apart, share of the time as a whole";
        figure("python", what, "", of_alone(first), None);
    }
}

/// How long loading a component takes that this cache folder doesn't have.
async fn in_subprocess(cache_dir: Option<PathBuf>, wasm: Vec<u8>) -> Duration {
    let options = SandboxOptions {
        cache_dir,
        compiler: Compiler::Subprocess {
            program: std::env::current_exe().expect("the program has a path"),
            args: vec![SUBCOMMAND.into()],
        },
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::new(options).expect("there is address space");
    load(&sandbox, wasm).await.1
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(file)).expect("the file can be read")
}

/// Loads a component, and says how long that took: nothing is kept on disk, so it is compiled.
async fn load(sandbox: &Sandbox, wasm: Vec<u8>) -> (Guest, Duration) {
    let begin = Instant::now();
    let guest = sandbox.load(wasm).await.expect("the guest loads");
    (guest, begin.elapsed())
}

/// One figure as `cargo xtask bench` reads it.
fn figure(name: &str, what: &str, unit: &str, value: f64, target: Option<f64>) {
    let figure = serde_json::json!({
        "figure": format!("sandbox: {name}, {what}"),
        "unit": unit,
        "median": value,
        "target": target,
    });
    println!("{figure}");
}

async fn measure(
    sandbox: &Sandbox,
    name: &str,
    bar_us: Option<f64>,
    guest: &Guest,
    (task, inputs, calls): (&str, Vec<(String, Arc<str>)>, usize),
) {
    let warm_up = calls / 10;
    let mut instances = Vec::with_capacity(calls);
    for round in 0..calls + warm_up {
        let taken = weft_sandbox::bench::instantiate(sandbox, guest).await;
        if round >= warm_up {
            instances.push(taken);
        }
    }
    let (instantiate, call) = targets(name);
    print(name, "instantiate", instances, instantiate);
    let mut attempts = Vec::with_capacity(calls);
    for round in 0..calls + warm_up {
        let (sink, _stream) = EventSink::channel(64);
        let request = request(guest, task, inputs.clone(), sink);
        let begin = Instant::now();
        let report = sandbox.run(request).await;
        let taken = begin.elapsed();
        assert!(
            !matches!(report.outcome, AttemptOutcome::Failed(_)),
            "{:?}",
            report.outcome
        );
        if round >= warm_up {
            attempts.push(taken);
        }
    }
    print(name, "instance and call", attempts, bar_us.or(call));
}

/// What the medians must reach, in microseconds: instantiating, and a whole attempt.
fn targets(name: &str) -> (Option<f64>, Option<f64>) {
    match name {
        "guest_bare" => (Some(8.0), Some(40.0)),
        "bench_sdk" => (None, Some(100.0)),
        _ => (None, None),
    }
}

fn request(
    guest: &Guest,
    task: &str,
    inputs: Vec<(String, Arc<str>)>,
    events: EventSink,
) -> AttemptRequest {
    AttemptRequest {
        guest: guest.clone(),
        entry: Entry::Task {
            name: task.to_owned(),
            inputs,
        },
        attempt: r#"{"tenant":"default","dag":"d","run":"r","task":"t","number":1}"#.to_owned(),
        resumed: None,
        grants: Granted::default(),
        limits: Limits::DEFAULT,
        deterministic: false,
        services: Services {
            events,
            artifacts: Arc::new(NoArtifacts),
            variables: Arc::new(NoVariables),
        },
        scratch_root: std::env::temp_dir(),
        connection_scope: ConnectionScope::of_task("default", "bench", "bench"),
        cancel: CancelSignal::new(),
    }
}

/// For people, and as one line of JSON for `cargo xtask bench`.
fn print(name: &str, what: &str, mut times: Vec<Duration>, target: Option<f64>) {
    times.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a small count"
        )]
        let index = (times.len() as f64 * share) as usize;
        times[index.min(times.len() - 1)]
    };
    println!(
        "  {what}: median {:?}, p99 {:?}, p99.9 {:?}",
        at(0.5),
        at(0.99),
        at(0.999)
    );
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let figure = serde_json::json!({
        "figure": format!("sandbox: {name}, {what}"),
        "unit": "us",
        "median": micros(at(0.5)),
        "p99": micros(at(0.99)),
        "target": target,
    });
    println!("{figure}");
}
