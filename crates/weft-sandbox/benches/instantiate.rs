//! How long an instance and an attempt take, through the public API, with every
//! limit and log capture on.
//!
//! `cargo bench -p weft-sandbox --bench instantiate -- [--task NAME] FILE...`
//! prints medians and 99th percentiles: of an instance alone, in a store that is
//! there, and of a whole attempt, from request to report. Without files it
//! measures the guest of the crate's tests. Each file must be a component with
//! tasks; the task gets no inputs (the test guest's `echo` gets one).

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use weft_core::{limit::Limits, policy::Granted};
use weft_sandbox::{
    AttemptOutcome, AttemptRequest, CancelSignal, Entry, EventSink, Guest, NoArtifacts,
    NoVariables, Sandbox, SandboxOptions, Services,
};

const ROUNDS: usize = 20_000;
const WARM_UP: usize = 2_000;

fn main() {
    let mut task = String::from("noop");
    let mut files = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--bench" => {}
            "--task" => task = args.next().expect("--task is followed by a name"),
            file => files.push(file.to_owned()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        // On a worker thread, as attempts run in the product.
        let measured = tokio::spawn(measure_all(task, files)).await;
        measured.expect("the measurement does not panic");
    });
}

async fn measure_all(task: String, files: Vec<String>) {
    let begin = Instant::now();
    let sandbox = Sandbox::new(SandboxOptions::default()).expect("the machine has address space");
    println!("engine: {:?}", begin.elapsed());
    if files.is_empty() {
        let wasm = wat::parse_str(include_str!("../tests/guest.wat")).expect("it is well-formed");
        let inputs = vec![("x".to_owned(), "1".to_owned())];
        measure(&sandbox, "the tests' guest", wasm, "echo", inputs).await;
    }
    for file in files {
        let wasm = std::fs::read(Path::new(&file)).expect("the file can be read");
        measure(&sandbox, &file, wasm, &task, Vec::new()).await;
    }
}

async fn measure(
    sandbox: &Sandbox,
    name: &str,
    wasm: Vec<u8>,
    task: &str,
    inputs: Vec<(String, String)>,
) {
    println!("{name} ({} bytes)", wasm.len());
    let begin = Instant::now();
    let guest = sandbox.load(wasm).await.expect("the guest loads");
    println!("  load: {:?}", begin.elapsed());
    let mut instances = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + WARM_UP {
        let taken = weft_sandbox::bench::instantiate(sandbox, &guest).await;
        if round >= WARM_UP {
            instances.push(taken);
        }
    }
    let (instantiate, call) = targets(name);
    print(name, "instantiate", instances, instantiate);
    let mut attempts = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + WARM_UP {
        let (sink, _stream) = EventSink::channel(64);
        let request = request(&guest, task, inputs.clone(), sink);
        let begin = Instant::now();
        let report = sandbox.run(request).await;
        let taken = begin.elapsed();
        assert!(
            !matches!(report.outcome, AttemptOutcome::Failed(_)),
            "{:?}",
            report.outcome
        );
        if round >= WARM_UP {
            attempts.push(taken);
        }
    }
    print(name, "instance and call", attempts, call);
}

/// What the medians must reach, in microseconds: instantiating, and a whole attempt.
fn targets(name: &str) -> (Option<f64>, Option<f64>) {
    match Path::new(name).file_stem().and_then(|stem| stem.to_str()) {
        Some("guest_bare") => (Some(8.0), Some(40.0)),
        Some("bench_sdk") => (None, Some(100.0)),
        _ => (None, None),
    }
}

fn request(
    guest: &Guest,
    task: &str,
    inputs: Vec<(String, String)>,
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
    let guest = Path::new(name)
        .file_stem()
        .map_or_else(|| name.into(), |stem| stem.to_string_lossy());
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let figure = serde_json::json!({
        "figure": format!("sandbox: {guest}, {what}"),
        "unit": "us",
        "median": micros(at(0.5)),
        "p99": micros(at(0.99)),
        "target": target,
    });
    println!("{figure}");
}
