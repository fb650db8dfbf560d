//! Every function of WASI 0.1, called with arguments that no compiler would
//! pass: lengths of gigabytes, addresses beyond the memory, handles that never
//! were. The host answers an error or ends the guest; nothing else happens.

use crate::artifact_store::ArtifactStore;
use crate::case::{ATTEMPT, Neighbour, OVERHEAD_BYTES, limits, on_runtime};
use std::{fs, sync::Arc};
use weft_core::{document::OutputFormat, limit::Limits, policy::Granted};
use weft_sandbox::{
    AttemptOutcome, AttemptRequest, CancelSignal, ConnectionScope, Entry, EventSink, FailureKind,
    NoVariables, ProgramEntry, Sandbox, SandboxOptions, Services,
};
use weft_tests::{isolated, residency};

/// Names and parameters: `i` for 32 bits, `l` for 64. All but `proc_exit` return a number.
const FUNCTIONS: [(&str, &str); 45] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "ili"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_advise", "illi"),
    ("fd_allocate", "ill"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "ill"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "il"),
    ("fd_filestat_set_times", "illi"),
    ("fd_pread", "iiili"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiili"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiili"),
    ("fd_renumber", "ii"),
    ("fd_seek", "ilii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiilli"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiillii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Handles, small numbers, edges of the memory, edges of the numbers.
const NUMBERS: [i64; 18] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    100,
    1024,
    65_535,
    65_536,
    1 << 20,
    (32 << 20) - 1,
    32 << 20,
    0x7fff_ffff,
    -0x8000_0000,
    -2,
    -1,
];

/// Modules for each function, and calls in each of them: the first trap ends the module.
const MODULES: u64 = 6;
const CALLS: u64 = 24;

/// A fixed walk through the numbers (Steele, Lea, Flood: `SplitMix64`).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn module(name: &str, params: &str, seed: u64) -> String {
    let mut state = seed;
    let types: String = params
        .chars()
        .map(|param| if param == 'i' { " i32" } else { " i64" })
        .collect();
    let mut calls = String::new();
    for _ in 0..CALLS {
        calls.push_str("(drop (call $f");
        for param in params.chars() {
            let pick =
                usize::try_from(next(&mut state) % NUMBERS.len() as u64).expect("a small index");
            let number = NUMBERS[pick];
            let bits = if param == 'i' { 32 } else { 64 };
            calls.extend([
                " (i",
                &bits.to_string(),
                ".const ",
                &number.to_string(),
                ")",
            ]);
        }
        calls.push_str("))\n");
    }
    // Half of the memory is data that reads as paths, lists of buffers and subscriptions.
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "{name}" (func $f (param{types}) (result i32)))
            (memory (export "memory") 512)
            (func (export "_start")
                (memory.fill (i32.const 0) (i32.const {fill}) (i32.const 1048576))
                {calls}))"#,
        fill = [0, 1, 47, 255][usize::try_from(seed % 4).expect("a small index")]
    )
}

#[test]
fn wild_calls_of_wasi_0_1() {
    isolated!(|| {
        let scratch = tempfile::tempdir().expect("there is room for a folder");
        on_runtime(async {
            let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox can be made");
            let neighbour = Neighbour::new(&sandbox).await;
            neighbour.run().await;
            let limits = Limits {
                memory_bytes: 64 << 20,
                timeout_ms: 2_000,
                handles: 50,
                scratch_bytes: 8 << 20,
                ..limits()
            };
            let before = residency::now_bytes();
            residency::reset_peak();
            for (number, (name, params)) in FUNCTIONS.iter().enumerate() {
                for turn in 0..MODULES {
                    let text = module(name, params, number as u64 * 1_000 + turn);
                    let file = wat::parse_str(&text).expect("the module is valid text");
                    let guest = sandbox
                        .load(file)
                        .await
                        .unwrap_or_else(|error| panic!("{name}: {error}"));
                    let report = sandbox
                        .run(AttemptRequest {
                            guest,
                            entry: Entry::Program(ProgramEntry {
                                args: vec!["one".into()],
                                env: vec![("NAME".into(), "value".into())],
                                stdin: b"some input".to_vec(),
                                output: OutputFormat::Text,
                                fail_on_exit: Vec::new(),
                                skip_on_exit: Vec::new(),
                                files_in: Vec::new(),
                            }),
                            attempt: ATTEMPT.to_owned(),
                            resumed: None,
                            grants: Granted::default(),
                            limits,
                            deterministic: false,
                            services: Services {
                                events: EventSink::discard(),
                                artifacts: Arc::new(ArtifactStore::default()),
                                variables: Arc::new(NoVariables),
                            },
                            scratch_root: scratch.path().to_owned(),
                            connection_scope: ConnectionScope::of_task("default", "tests", "task"),
                            cancel: CancelSignal::new(),
                        })
                        .await;
                    if let AttemptOutcome::Failed(failure) = &report.outcome {
                        assert_ne!(
                            failure.kind,
                            FailureKind::Internal,
                            "{name}: {failure:?}\n{text}"
                        );
                    }
                    let growth = residency::peak_bytes().saturating_sub(before);
                    let allowed = limits.memory_bytes + OVERHEAD_BYTES;
                    assert!(
                        growth <= allowed,
                        "{name}: the process grew by {} MiB\n{text}",
                        growth >> 20
                    );
                }
                neighbour.run().await;
            }
        });
        let left: Vec<_> = fs::read_dir(scratch.path())
            .expect("the folder is still there")
            .flatten()
            .collect();
        assert!(left.is_empty(), "{left:?} was left behind");
    });
}
