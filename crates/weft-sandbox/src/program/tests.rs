//! Modules written by hand, run through the sandbox as an operator would.

use crate::{
    ArtifactRef, Artifacts, AttemptFailure, AttemptOutcome, AttemptReport, AttemptRequest,
    CancelSignal, ConnectionScope, Entry, EventSink, FailureKind, FolderArtifacts, ProgramEntry,
    Sandbox, SandboxOptions, Services, variables::NoVariables,
};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use weft_core::{document::OutputFormat, limit::Limits, policy::Granted};

/// Imports, memory, and functions that end the program with an error's number.
const PRELUDE: &str = r#"
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link"
    (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  ;; 0: one buffer (address, length); 8: a count; 12: a file; from 1024: names; from 65536: data
  (func $must (param $errno i32)
    (if (local.get $errno) (then (call $exit (local.get $errno)))))
  (func $buffer (param $address i32) (param $bytes i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $bytes)))
  ;; Opens the name at 1024 below a folder: flags 1 create, 8 cut; rights 2 read, 64 write.
  (func $open (param $folder i32) (param $bytes i32) (param $flags i32) (result i32)
    (call $path_open (local.get $folder) (i32.const 1) (i32.const 1024) (local.get $bytes)
      (local.get $flags) (i64.const 0x42) (i64.const 0x42) (i32.const 0) (i32.const 12)))
  (func $file (result i32) (i32.load (i32.const 12)))
  ;; Copies everything from one file to another.
  (func $copy (param $from i32) (param $to i32)
    (loop $more
      (call $buffer (i32.const 65536) (i32.const 65536))
      (call $must (call $read (local.get $from) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8)) (then
        (call $buffer (i32.const 65536) (i32.load (i32.const 8)))
        (call $must (call $write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br $more)))))
"#;

/// A module: data as WAT, and the body of `_start`.
fn module(data: &str, start: &str) -> Vec<u8> {
    let text = format!(r#"(module {PRELUDE} {data} (func (export "_start") {start}))"#);
    wat::parse_str(text).unwrap()
}

struct Run {
    entry: ProgramEntry,
    limits: Limits,
    root: tempfile::TempDir,
    store: Arc<FolderArtifacts>,
}

impl Run {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self {
            entry: ProgramEntry {
                args: Vec::new(),
                env: Vec::new(),
                stdin: Vec::new(),
                output: OutputFormat::Json,
                fail_on_exit: Vec::new(),
                skip_on_exit: Vec::new(),
                files_in: Vec::new(),
            },
            limits: Limits::DEFAULT,
            store: Arc::new(FolderArtifacts::new(root.path().join("artifacts"))),
            root,
        }
    }

    async fn report(&self, wasm: Vec<u8>) -> AttemptReport {
        let options = SandboxOptions {
            max_instances: 2,
            max_memory_bytes: 64 << 20,
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::new(options).unwrap();
        let scratch_root = self.root.path().join("scratch");
        let report = sandbox
            .run(AttemptRequest {
                guest: sandbox.load(wasm).await.unwrap(),
                entry: Entry::Program(self.entry.clone()),
                attempt: "{}".into(),
                resumed: None,
                grants: Granted::default(),
                limits: self.limits,
                deterministic: false,
                services: Services {
                    events: EventSink::discard(),
                    artifacts: Arc::clone(&self.store) as Arc<dyn Artifacts>,
                    variables: Arc::new(NoVariables),
                },
                scratch_root: scratch_root.clone(),
                connection_scope: ConnectionScope::of_task("default", "programs", "program"),
                cancel: CancelSignal::new(),
            })
            .await;
        let left = std::fs::read_dir(scratch_root).unwrap().count();
        assert_eq!(left, 0, "the scratch folder is still there");
        report
    }

    async fn output(&self, wasm: Vec<u8>) -> String {
        match self.report(wasm).await.outcome {
            AttemptOutcome::Success { output } => output,
            other => panic!("{other:?}"),
        }
    }

    async fn failure(&self, wasm: Vec<u8>) -> AttemptFailure {
        match self.report(wasm).await.outcome {
            AttemptOutcome::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    async fn keep(&self, bytes: &[u8]) -> ArtifactRef {
        let mut writer = self.store.create("text/plain").await.unwrap();
        writer.write_all(bytes).await.unwrap();
        writer.finish().await.unwrap()
    }

    async fn read(&self, reference: &ArtifactRef) -> String {
        let mut text = String::new();
        self.store
            .open(reference)
            .await
            .unwrap()
            .read_to_string(&mut text)
            .await
            .unwrap();
        text
    }
}

#[tokio::test]
async fn standard_input_and_output_are_inputs_and_output() {
    let mut run = Run::new();
    run.entry.stdin = br#"{"rows": [1, 2]}"#.to_vec();
    let echo = module("", "(call $copy (i32.const 0) (i32.const 1))");
    assert_eq!(run.output(echo.clone()).await, r#"{"rows": [1, 2]}"#);
    run.entry.output = OutputFormat::Text;
    assert_eq!(run.output(echo).await, r#""{\"rows\": [1, 2]}""#);
}

#[tokio::test]
async fn arguments_follow_the_programs_name() {
    let mut run = Run::new();
    run.entry.args = vec!["--from".into(), "a b".into()];
    run.entry.output = OutputFormat::Text;
    let print = module(
        "",
        "(call $must (call $args_sizes (i32.const 8) (i32.const 16)))
         (call $must (call $args (i32.const 32) (i32.const 65536)))
         ;; Each ends in a zero byte: program, --from, a b.
         (call $must (i32.ne (i32.load (i32.const 16)) (i32.const 19)))
         (call $buffer (i32.const 65544) (i32.const 6))
         (call $must (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))",
    );
    assert_eq!(run.output(print).await, "\"--from\"");
}

#[tokio::test]
async fn every_exit_code_arrives() {
    let mut run = Run::new();
    run.entry.skip_on_exit = vec![99];
    run.entry.fail_on_exit = vec![200];
    for (code, kind, retryable) in [
        (3, 3, true),
        (200, 200, false),
        (126, 126, true),
        (1000, 255, true),
    ] {
        let failure = run
            .failure(module("", &format!("(call $exit (i32.const {code}))")))
            .await;
        assert_eq!(
            (failure.kind, failure.retryable),
            (FailureKind::Exit(kind), retryable)
        );
    }
    let skipped = run
        .report(module("", "(call $exit (i32.const 99))"))
        .await
        .outcome;
    assert!(
        matches!(skipped, AttemptOutcome::Skipped { .. }),
        "{skipped:?}"
    );
    assert_eq!(
        run.output(module("", "(call $exit (i32.const 0))")).await,
        "null"
    );
}

#[tokio::test]
async fn artifacts_come_in_as_files_and_files_go_out_as_artifacts() {
    let mut run = Run::new();
    run.entry.files_in = vec![("data".into(), run.keep(b"the data").await)];
    let copy = module(
        r#"(data (i32.const 1024) "data")"#,
        "(local $from i32)
         (call $must (call $path_open (i32.const 4) (i32.const 1) (i32.const 1024) (i32.const 4)
           (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 12)))
         (local.set $from (call $file))
         (call $must (call $open (i32.const 5) (i32.const 4) (i32.const 1)))
         (call $copy (local.get $from) (call $file))",
    );
    let report = run.report(copy).await;
    assert_eq!(report.artifacts.len(), 1, "{report:?}");
    assert_eq!(run.read(&report.artifacts[0]).await, "the data");
    let named = format!(r#"{{"data":{{"$artifact":"{}"}}}}"#, report.artifacts[0]);
    assert_eq!(report.outcome, AttemptOutcome::Success { output: named });
    assert_eq!((report.usage.bytes_in, report.usage.bytes_out), (8, 8));
}

#[tokio::test]
async fn a_full_scratch_folder_is_reported_with_its_size() {
    let mut run = Run::new();
    run.limits.scratch_bytes = 1 << 20;
    let fill = module(
        r#"(data (i32.const 1024) "file")"#,
        "(call $must (call $open (i32.const 3) (i32.const 4) (i32.const 1)))
         (call $buffer (i32.const 65536) (i32.const 65536))
         (loop $more
           (call $must (call $write (call $file) (i32.const 0) (i32.const 1) (i32.const 8)))
           (br $more))",
    );
    // 51 is ENOSPC.
    let hole = |call: &str| {
        module(
            r#"(data (i32.const 1024) "file")"#,
            &format!(
                "(call $must (call $open (i32.const 3) (i32.const 4) (i32.const 1)))
                 (call $buffer (i32.const 65536) (i32.const 1))
                 (call $must {call})"
            ),
        )
    };
    let sized = hole("(call $set_size (call $file) (i64.const 1048577))");
    let far = hole(
        "(call $pwrite (call $file) (i32.const 0) (i32.const 1) (i64.const 1048576) (i32.const 8))",
    );
    for wasm in [fill, sized, far] {
        let failure = run.failure(wasm).await;
        assert_eq!(failure.kind, FailureKind::ScratchLimit, "{failure:?}");
        assert!(
            failure.message.contains("exit code 51"),
            "{}",
            failure.message
        );
        assert!(failure.message.contains("1MiB"), "{}", failure.message);
    }
}

#[tokio::test]
async fn unlinking_an_open_file_frees_nothing() {
    let mut run = Run::new();
    run.limits.scratch_bytes = 1 << 20;
    let hoard = module(
        r#"(data (i32.const 1024) "file")"#,
        "(loop $more
           (call $must (call $open (i32.const 3) (i32.const 4) (i32.const 1)))
           (call $must (call $set_size (call $file) (i64.const 600000)))
           (call $must (call $unlink (i32.const 3) (i32.const 1024) (i32.const 4)))
           (br $more))",
    );
    assert_eq!(run.failure(hoard).await.kind, FailureKind::ScratchLimit);
    let tidy = module(
        r#"(data (i32.const 1024) "file")"#,
        "(local $rounds i32)
         (loop $more
           (call $must (call $open (i32.const 3) (i32.const 4) (i32.const 9)))
           (call $must (call $set_size (call $file) (i64.const 600000)))
           (call $must (call $unlink (i32.const 3) (i32.const 1024) (i32.const 4)))
           (call $must (call $close (call $file)))
           (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $rounds) (i32.const 20))))",
    );
    assert_eq!(run.output(tidy).await, "null");
}

#[tokio::test]
async fn too_many_open_files_are_refused() {
    let mut run = Run::new();
    run.limits.handles = 50;
    let open = module(
        r#"(data (i32.const 1024) "file")"#,
        "(loop $more
           (call $must (call $open (i32.const 3) (i32.const 4) (i32.const 1)))
           (br $more))",
    );
    let failure = run.failure(open).await;
    assert_eq!(failure.kind, FailureKind::HandleLimit);
    assert!(failure.message.contains("50"), "{}", failure.message);
}

#[tokio::test]
async fn no_path_of_a_module_leads_out() {
    let mut run = Run::new();
    run.entry.files_in = vec![("data".into(), run.keep(b"the data").await)];
    let mut attempts = Vec::new();
    for (folder, path) in [
        (3, "../in/data"),
        (3, "/etc/passwd"),
        (3, "../../../../../../etc/passwd"),
        (3, "in/data"),
        (4, "data/"),
        // To be written to: /in is read-only.
        (4, "data"),
    ] {
        let data = format!(r#"(data (i32.const 1024) "{path}")"#);
        let bytes = path.len();
        attempts.push((path, module(&data, &format!("(call $must (call $open (i32.const {folder}) (i32.const {bytes}) (i32.const 0)))"))));
    }
    for target in ["/etc/passwd", "../in/data"] {
        let data = format!(r#"(data (i32.const 1024) "link") (data (i32.const 2048) "{target}")"#);
        let bytes = target.len();
        let call = format!(
            "(call $must (call $symlink (i32.const 2048) (i32.const {bytes}) (i32.const 3) (i32.const 1024) (i32.const 4)))"
        );
        attempts.push((target, module(&data, &call)));
    }
    let hard = "(call $must (call $link (i32.const 4) (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 3) (i32.const 1024) (i32.const 4)))";
    attempts.push((
        "a hard link",
        module(r#"(data (i32.const 1024) "data")"#, hard),
    ));
    for (what, wasm) in attempts {
        let failure = run.failure(wasm).await;
        // 44 not there, 54 no folder, 63 not permitted, 76 no capability.
        let refused = matches!(failure.kind, FailureKind::Exit(44 | 54 | 63 | 69 | 76));
        assert!(refused, "{what}: {failure:?}");
    }
}

#[tokio::test]
async fn output_beyond_the_limit_ends_the_program() {
    let mut run = Run::new();
    run.limits.output_bytes = 100_000;
    let flood = module(
        "",
        "(call $buffer (i32.const 65536) (i32.const 65536))
         (loop $more
           (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
           (br $more))",
    );
    let failure = run.failure(flood).await;
    assert_eq!(failure.kind, FailureKind::OutputLimit);
    assert!(failure.message.contains("100000B"), "{}", failure.message);
}

#[tokio::test]
async fn a_sleeping_module_ends_at_its_timeout() {
    let mut run = Run::new();
    run.limits.timeout_ms = 100;
    // One clock, relative, as far away as can be said.
    let sleep = module(
        "",
        "(i64.store (i32.const 2048) (i64.const 1))
         (i32.store8 (i32.const 2056) (i32.const 0))
         (i32.store (i32.const 2064) (i32.const 1))
         (i64.store (i32.const 2072) (i64.const -1))
         (call $must (call $poll (i32.const 2048) (i32.const 4096) (i32.const 1) (i32.const 8)))",
    );
    let report = run.report(sleep).await;
    let AttemptOutcome::Failed(failure) = &report.outcome else {
        panic!("{report:?}")
    };
    assert_eq!(failure.kind, FailureKind::Timeout, "{failure:?}");
    assert!(report.usage.wall < Duration::from_secs(5), "{report:?}");
}
