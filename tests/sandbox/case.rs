//! One hostile attempt: runs it beside a neighbour, measures what the process
//! holds meanwhile, and keeps what there was to see.
//!
//! Whatever the guest does, three things always hold, and are asserted here:
//! the neighbour's results are right, the process holds at most
//! [`OVERHEAD_BYTES`] beyond the guest's own limit of memory, and nothing of
//! the attempt is left behind (folders, file descriptors).

use crate::artifact_store::ArtifactStore;
use bytes::Bytes;
use std::{
    fs,
    future::Future,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use weft_core::{document::OutputFormat, grant::HttpGrant, limit::Limits, policy::Granted};
use weft_sandbox::{
    AttemptFailure, AttemptOutcome, AttemptReport, AttemptRequest, CancelSignal, ConnectionScope,
    Entry, EventSink, FailureKind, FixedResolver, Guest, GuestEvent, NoVariables, ProgramEntry,
    Sandbox, SandboxOptions, Services,
};
use weft_tests::{guests, residency};

/// What the host may hold of its own for one guest.
pub(crate) const OVERHEAD_BYTES: u64 = 64 << 20;

/// A neighbour that waits longer for its result was starved.
const STARVED: Duration = Duration::from_secs(5);

/// Events beyond these are counted and not kept, so that the test's own memory stays small.
const KEPT_EVENTS: usize = 2_000;

/// What the document of the attempt says; hostile guests don't care.
pub(crate) const ATTEMPT: &str = r#"{"tenant":"t","dag":"d","run":"r","task":"t","map_index":null,"number":1,"logical_date":"2026-01-01T00:00:00Z","data_interval":{"start":"2026-01-01T00:00:00Z","end":"2026-01-02T00:00:00Z"},"params":{},"deadline":null,"idempotency_key":"k"}"#;

/// An attempt that is to be made.
pub(crate) struct Case {
    guest: Bytes,
    entry: Entry,
    limits: Limits,
    grants: Granted,
    deterministic: bool,
    names: FixedResolver,
    artifact_store: Arc<ArtifactStore>,
}

/// What there was to see.
pub(crate) struct Seen {
    pub(crate) report: AttemptReport,
    /// The first ones.
    pub(crate) events: Vec<GuestEvent>,
    pub(crate) event_count: u64,
    /// Lines and bytes that were dropped, if the last event says so.
    pub(crate) dropped: Option<(u64, u64)>,
    /// How long the attempt took.
    pub(crate) wall: Duration,
    /// What the neighbour got done meanwhile.
    pub(crate) neighbour_runs: u32,
    /// What the attempt stored.
    pub(crate) artifact_store: Arc<ArtifactStore>,
}

/// Limits that a test reaches soon, and that a busy machine does not.
pub(crate) fn limits() -> Limits {
    Limits {
        memory_bytes: 64 << 20,
        cpu_ms: 20_000,
        timeout_ms: 60_000,
        ..Limits::DEFAULT
    }
}

/// HTTP grants as an author writes them, and no private address.
pub(crate) fn granted_http(hosts: &[&str]) -> Granted {
    let http = hosts
        .iter()
        .map(|host| {
            host.parse::<HttpGrant>()
                .expect("a grant in a test is valid")
        })
        .collect();
    Granted {
        http,
        ..Granted::default()
    }
}

impl Case {
    /// A task of the component `guest_hostile`.
    pub(crate) fn task(name: &str) -> Self {
        Self::task_of(guests::read("guest_hostile"), name)
    }

    /// A task of the component `guest_hostile_concurrent`, whose `run` is async.
    pub(crate) fn async_task(name: &str) -> Self {
        Self::task_of(guests::read("guest_hostile_concurrent"), name)
    }

    pub(crate) fn task_of(guest: Vec<u8>, name: &str) -> Self {
        Self::new(
            guest,
            Entry::Task {
                name: name.to_owned(),
                inputs: Vec::new(),
            },
        )
    }

    /// A program's behaviour; `guest` is `hostile-program` or `hostile-module`.
    pub(crate) fn program(guest: &str, behaviour: &str) -> Self {
        let entry = ProgramEntry {
            args: vec![behaviour.to_owned()],
            env: Vec::new(),
            stdin: Vec::new(),
            output: OutputFormat::Json,
            fail_on_exit: Vec::new(),
            skip_on_exit: Vec::new(),
            files_in: Vec::new(),
        };
        Self::new(guests::read(guest), Entry::Program(entry))
    }

    fn new(guest: Vec<u8>, entry: Entry) -> Self {
        Self {
            guest: guest.into(),
            entry,
            limits: limits(),
            grants: Granted::default(),
            deterministic: false,
            names: FixedResolver::default(),
            artifact_store: Arc::default(),
        }
    }

    /// An artifact that is there before the attempt, and its reference.
    pub(crate) fn shelve(self, bytes: &'static str) -> (Self, String) {
        let reference = self.artifact_store.put(bytes);
        (self, reference)
    }

    /// Where a host's name leads; other names lead nowhere.
    pub(crate) fn name(mut self, name: &str, address: IpAddr) -> Self {
        self.names.0.insert(name.to_owned(), vec![address]);
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(crate) fn entry(mut self, change: impl FnOnce(&mut ProgramEntry)) -> Self {
        match &mut self.entry {
            Entry::Program(program) => change(program),
            Entry::Task { .. } => panic!("this case is a task"),
        }
        self
    }

    pub(crate) fn input(mut self, name: &str, json: impl Into<Arc<str>>) -> Self {
        match &mut self.entry {
            Entry::Task { inputs, .. } => inputs.push((name.to_owned(), json.into())),
            Entry::Program(_) => panic!("this case is a program"),
        }
        self
    }

    pub(crate) fn grants(mut self, grants: Granted) -> Self {
        self.grants = grants;
        self
    }

    pub(crate) fn deterministic(mut self) -> Self {
        self.deterministic = true;
        self
    }

    /// Makes the attempt on a runtime of its own.
    pub(crate) fn run(self) -> Seen {
        on_runtime(self.run_async())
    }

    /// Makes the attempt, with everything around it.
    pub(crate) async fn run_async(self) -> Seen {
        let scratch = tempfile::tempdir().expect("there is room for a folder");
        let options = SandboxOptions {
            resolver: Arc::new(self.names),
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::new(options).expect("a sandbox can be made");
        let neighbour = Neighbour::new(&sandbox).await;
        let guest = sandbox.load(self.guest).await.expect("the guest loads");
        neighbour.run().await;

        let (events, mut stream) = EventSink::channel(64);
        let artifact_store = self.artifact_store;
        let memory_limit = self.limits.memory_bytes;
        let request = AttemptRequest {
            guest,
            entry: self.entry,
            attempt: ATTEMPT.to_owned(),
            resumed: None,
            grants: self.grants,
            limits: self.limits,
            deterministic: self.deterministic,
            services: Services {
                events,
                artifacts: artifact_store.clone(),
                variables: Arc::new(NoVariables),
            },
            scratch_root: scratch.path().to_owned(),
            connection_scope: ConnectionScope::of_task("default", "tests", "task"),
            cancel: CancelSignal::new(),
        };
        let collector = tokio::spawn(async move {
            let (mut kept, mut count, mut dropped) = (Vec::new(), 0u64, None);
            while let Some(event) = stream.next().await {
                count += 1;
                assert_eq!(dropped, None, "{event:?} came after the last event");
                if let GuestEvent::LogTruncated {
                    dropped_lines,
                    dropped_bytes,
                } = event
                {
                    dropped = Some((dropped_lines, dropped_bytes));
                }
                if kept.len() < KEPT_EVENTS {
                    kept.push(event);
                }
            }
            (kept, count, dropped)
        });

        let descriptors = open_descriptors();
        let before = residency::now_bytes();
        residency::reset_peak();
        let started = Instant::now();
        let attempt = tokio::spawn({
            let sandbox = sandbox.clone();
            async move {
                let report = sandbox.run(request).await;
                (report, started.elapsed())
            }
        });
        let mut neighbour_runs = 0;
        while !attempt.is_finished() {
            let waited = neighbour.run().await;
            assert!(
                waited < STARVED,
                "the neighbour waited {waited:?} for its result"
            );
            neighbour_runs += 1;
        }
        let (report, wall) = attempt.await.expect("running a guest never panics");
        let growth_bytes = residency::peak_bytes().saturating_sub(before);
        neighbour.run().await;
        let (events, event_count, dropped) = collector
            .await
            .expect("the collector ends with the attempt's sinks");

        let allowed = memory_limit + OVERHEAD_BYTES;
        assert!(
            growth_bytes <= allowed,
            "the process grew by {} MiB, {} are allowed: {report:?}",
            growth_bytes >> 20,
            allowed >> 20
        );
        let left: Vec<_> = fs::read_dir(scratch.path())
            .expect("the folder is still there")
            .flatten()
            .collect();
        assert!(left.is_empty(), "the attempt left {left:?} behind");
        let more = open_descriptors().saturating_sub(descriptors);
        assert!(more <= 8, "the attempt left {more} file descriptors open");
        Seen {
            report,
            events,
            event_count,
            dropped,
            wall,
            neighbour_runs,
            artifact_store,
        }
    }
}

impl Seen {
    /// The failure, which must be of this kind, with these words in its message.
    #[track_caller]
    pub(crate) fn fails(&self, kind: FailureKind, words: &[&str]) -> &AttemptFailure {
        let AttemptOutcome::Failed(failure) = &self.report.outcome else {
            panic!(
                "the attempt did not fail: {:?}",
                shortened(&self.report.outcome)
            );
        };
        assert_eq!(failure.kind, kind, "{failure:?}");
        for word in words {
            assert!(
                failure.message.contains(word),
                "{word:?} is missing in {:?}",
                failure.message
            );
        }
        assert!(
            failure.message.len() <= AttemptFailure::MAX_MESSAGE_BYTES,
            "{} bytes",
            failure.message.len()
        );
        failure
    }

    /// The output, which must have these words in it.
    #[track_caller]
    pub(crate) fn succeeds(&self, words: &[&str]) -> &str {
        let AttemptOutcome::Success { output } = &self.report.outcome else {
            panic!("the attempt did not succeed: {:?}", self.report.outcome);
        };
        for word in words {
            assert!(output.contains(word), "{word:?} is missing in {output:?}");
        }
        output
    }
}

fn shortened(outcome: &AttemptOutcome) -> String {
    format!("{outcome:?}").chars().take(500).collect()
}

/// A friendly guest whose results are known.
pub(crate) struct Neighbour {
    sandbox: Sandbox,
    guest: Guest,
}

impl Neighbour {
    pub(crate) async fn new(sandbox: &Sandbox) -> Self {
        let guest = sandbox
            .load(guests::read("guest_bare"))
            .await
            .expect("the neighbour loads");
        Self {
            sandbox: sandbox.clone(),
            guest,
        }
    }

    /// Computes one result and checks it; returns how long that took.
    pub(crate) async fn run(&self) -> Duration {
        let started = Instant::now();
        let report = self
            .sandbox
            .run(request(&self.guest, "fib", &[("n", "18")]))
            .await;
        assert_eq!(
            report.outcome,
            AttemptOutcome::Success {
                output: "2584".into()
            },
            "the neighbour's result"
        );
        started.elapsed()
    }
}

/// A plain attempt of a task, with nothing granted and no scratch folder to speak of.
pub(crate) fn request(guest: &Guest, task: &str, inputs: &[(&str, &str)]) -> AttemptRequest {
    AttemptRequest {
        guest: guest.clone(),
        entry: Entry::Task {
            name: task.to_owned(),
            inputs: inputs
                .iter()
                .map(|(name, json)| ((*name).to_owned(), Arc::from(*json)))
                .collect(),
        },
        attempt: ATTEMPT.to_owned(),
        resumed: None,
        grants: Granted::default(),
        limits: limits(),
        deterministic: false,
        services: Services {
            events: EventSink::discard(),
            artifacts: Arc::new(ArtifactStore::default()),
            variables: Arc::new(NoVariables),
        },
        scratch_root: std::env::temp_dir(),
        connection_scope: ConnectionScope::of_task("default", "tests", "task"),
        cancel: CancelSignal::new(),
    }
}

/// A program's start with one argument.
pub(crate) fn program_entry(behaviour: &str) -> Entry {
    Entry::Program(ProgramEntry {
        args: vec![behaviour.to_owned()],
        env: Vec::new(),
        stdin: Vec::new(),
        output: OutputFormat::Json,
        fail_on_exit: Vec::new(),
        skip_on_exit: Vec::new(),
        files_in: Vec::new(),
    })
}

/// A runtime with two threads, like a small worker's.
pub(crate) fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(work)
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd")
        .expect("/proc is mounted")
        .count()
}
