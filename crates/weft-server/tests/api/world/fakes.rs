//! Fakes of the compiler, the scheduler, live logs and workers.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::broadcast;
use weft_blob::logs::{LiveLines, LogLine};
use weft_broker::{
    AttemptKey, BrokerError,
    direct_worker::{DirectWorker, DirectWorkerBroker, DirectWorkerError, RedisCredentials},
};
use weft_core::{digest::Digest, document::TaskIndex, run_id::RunId};
use weft_server::ports::{
    BadFile, Change, Changes, CodeError, CompileError, Compiler, Drain, Fleet, FleetError,
    InspectedFile, Inspection, Listen, LiveLogs, LogKey, QueueInfo, Reason, SchedulerGone,
    SchedulerHandle, SchedulerHealth, Wake, WorkerInfo,
};

/// A file that describes these DAGs: the document itself takes the place of WebAssembly.
#[expect(
    clippy::needless_pass_by_value,
    reason = "tests write json!(..) in its place"
)]
pub(crate) fn file(dags: Value) -> Vec<u8> {
    json!({ "contract": "weft.dag/1", "dags": dags })
        .to_string()
        .into_bytes()
}

/// A packed manifest for [`FakeCompiler`]: its document, and what each component that it
/// names says of its own tasks.
pub(crate) fn packed(dags: &Value, components: &[(&str, Value)]) -> Vec<u8> {
    let components: Vec<Value> = components
        .iter()
        .map(|(name, dags)| json!([name, { "contract": "weft.dag/1", "dags": dags }]))
        .collect();
    let document = json!({ "contract": "weft.dag/1", "dags": dags });
    json!({ "packed": document, "components": components })
        .to_string()
        .into_bytes()
}

/// What [`packed`] writes.
#[derive(serde::Deserialize)]
struct Packed {
    packed: Value,
    components: Vec<(String, Value)>,
}

/// What [`FakeCompiler`] calls the only code that it makes.
pub(crate) const CODE: &str = "component.fast.here.1";

/// What it makes.
pub(crate) fn fake_code(digest: &Digest) -> Bytes {
    format!("code of {digest}").into()
}

/// Takes a document for a file. Texts that aren't one are bad files.
#[derive(Default)]
pub(crate) struct FakeCompiler {
    made: AtomicU32,
}

impl FakeCompiler {
    /// How often it was asked for code and made it.
    pub(crate) fn made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Compiler for FakeCompiler {
    async fn inspect(&self, file: Bytes) -> Result<Inspection, CompileError> {
        let bad = |what, message: &str| {
            Err(CompileError::Bad {
                what,
                message: message.to_owned(),
                help: Some("build it again".into()),
            })
        };
        match &file[..] {
            b"program" => return bad(BadFile::NoDags, "this is a program"),
            b"import" => return bad(BadFile::UnknownImport, "it imports env"),
            b"describe" => return bad(BadFile::Describe, "describe trapped"),
            b"huge" => return bad(BadFile::Compile, "it takes too much to compile"),
            b"gone" => return Err(CompileError::Unavailable("killed".into())),
            b"panic" => panic!("the compiler met what it did not expect"),
            _ => {}
        }
        let Ok(document) = std::str::from_utf8(&file).map(str::to_owned) else {
            return bad(BadFile::NotWasm, "this is not WebAssembly");
        };
        let digest = Digest::of(&file);
        if let Ok(Packed { packed, components }) = serde_json::from_slice(&file) {
            let inside = |(name, document): (String, Value)| InspectedFile {
                digest: Digest::of(name.as_bytes()),
                bytes: name.clone().into_bytes().into(),
                name,
                document: Some(document.to_string().into()),
                code: None,
            };
            return Ok(Inspection {
                digest,
                kind: "packed manifest".into(),
                imports: Vec::new(),
                files: components.into_iter().map(inside).collect(),
                document: packed.to_string().into(),
            });
        }
        Ok(Inspection {
            digest,
            kind: "component with tasks".into(),
            imports: vec!["wasi:clocks/wall-clock@0.2.6".into()],
            files: vec![InspectedFile {
                name: String::new(),
                digest,
                bytes: file,
                document: None,
                code: Some(CODE.into()),
            }],
            document: document.into(),
        })
    }

    fn signer(&self) -> Arc<str> {
        "the key".into()
    }

    async fn code(&self, file: Bytes, digest: Digest, name: &str) -> Result<Bytes, CodeError> {
        assert_eq!(Digest::of(&file), digest);
        match name {
            CODE => {
                self.made.fetch_add(1, Ordering::Relaxed);
                Ok(fake_code(&digest))
            }
            "slow" => Err(CodeError::Unavailable("killed".into())),
            _other => Err(CodeError::Unknown("another version".into())),
        }
    }
}

/// Records its wake-ups, and returns scripted answers.
pub(crate) struct FakeScheduler {
    pub(crate) wakes: Mutex<Vec<Wake>>,
    pub(crate) health: Mutex<Option<Duration>>,
    pub(crate) progress: Mutex<Option<Duration>>,
    pub(crate) changes: broadcast::Sender<Arc<Change>>,
    pub(crate) changes_of_runs: broadcast::Sender<Arc<Change>>,
}

impl Default for FakeScheduler {
    fn default() -> Self {
        Self {
            wakes: Mutex::default(),
            health: Mutex::new(Some(Duration::from_millis(5))),
            progress: Mutex::default(),
            changes: broadcast::channel(16).0,
            changes_of_runs: broadcast::channel(16).0,
        }
    }
}

impl FakeScheduler {
    /// What it was woken for since it was asked last.
    pub(crate) fn woken(&self) -> Vec<Wake> {
        std::mem::take(&mut self.wakes.lock().unwrap())
    }
}

#[async_trait]
impl SchedulerHandle for FakeScheduler {
    fn wake(&self, wake: Wake) {
        self.wakes.lock().unwrap().push(wake);
    }

    async fn why(
        &self,
        _run: RunId,
        task: TaskIndex,
        index: u32,
    ) -> Result<Vec<Reason>, SchedulerGone> {
        if self.health.lock().unwrap().is_none() {
            return Err(SchedulerGone);
        }
        Ok(vec![Reason {
            code: "pool_full".into(),
            message: format!("task {} instance {index}", task.0),
            help: None,
        }])
    }

    fn health(&self) -> SchedulerHealth {
        SchedulerHealth {
            since_last_turn: *self.health.lock().unwrap(),
            since_progress: *self.progress.lock().unwrap(),
        }
    }

    fn ready(&self) -> BTreeMap<Arc<str>, u64> {
        BTreeMap::from([("default".into(), 3), ("unknown".into(), 5)])
    }

    fn changes(&self, to: Listen) -> Changes {
        Changes::Here(match to {
            Listen::Everything => self.changes.subscribe(),
            Listen::Runs => self.changes_of_runs.subscribe(),
        })
    }
}

/// Lines that were put there, each answer once.
#[derive(Default)]
pub(crate) struct FakeLogs(
    pub(crate) Mutex<HashMap<LogKey, Vec<LiveLines>>>,
    /// The numbers of lines that workers sent.
    pub(crate) Mutex<Vec<(LogKey, u64, usize)>>,
);

#[async_trait]
impl LiveLogs for FakeLogs {
    async fn lines(
        &self,
        attempt: &LogKey,
        from: u64,
        max: usize,
        _patience: Duration,
    ) -> Option<LiveLines> {
        let mut known = self.0.lock().unwrap();
        let answers = known.get_mut(attempt)?;
        if answers.is_empty() {
            return None;
        }
        let mut answer = answers.remove(0);
        assert!(answer.first >= from, "lines before {from} were asked for");
        answer.lines.truncate(max);
        Some(answer)
    }

    fn add(&self, attempt: &LogKey, first: u64, lines: Vec<LogLine>) {
        let added = (attempt.clone(), first, lines.len());
        self.1.lock().unwrap().push(added);
    }
}

/// One worker and its queue.
pub(crate) struct FakeFleet;

#[async_trait]
impl Fleet for FakeFleet {
    async fn workers(&self) -> Result<Vec<WorkerInfo>, FleetError> {
        Ok(vec![WorkerInfo {
            id: "w1".into(),
            queues: vec!["default".into()],
            slots: 8,
            claimed: 2,
            draining: false,
            labels: vec![("arch".into(), "x86_64".into())],
        }])
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, FleetError> {
        Ok(vec![QueueInfo {
            name: "default".into(),
            workers: 1,
            places: 6,
            queued: 0,
            ready: 0,
        }])
    }

    async fn drain(&self, worker: &str) -> Result<Drain, FleetError> {
        Ok(match worker {
            "w1" => Drain::Requested,
            "local" => Drain::PartOfServer,
            _ => Drain::Unknown,
        })
    }
}

/// A transport that accepts every worker, and believes what a test says that it holds.
#[derive(Default)]
pub(crate) struct FakeDirectWorkers {
    direct_workers: Mutex<HashMap<String, DirectWorker>>,
    /// By the worker's name.
    pub(crate) held: Mutex<HashMap<String, Vec<AttemptKey>>>,
}

impl FakeDirectWorkers {
    /// It loses everything.
    pub(crate) fn forget(&self) {
        self.direct_workers.lock().unwrap().clear();
    }

    pub(crate) fn count(&self) -> usize {
        self.direct_workers.lock().unwrap().len()
    }
}

#[async_trait]
impl DirectWorkerBroker for FakeDirectWorkers {
    async fn issue_credentials(
        &self,
        token: i64,
        worker: &str,
    ) -> Result<(DirectWorker, RedisCredentials), DirectWorkerError> {
        if worker.starts_with("odd") {
            return Err(DirectWorkerError::Unsupported(
                "direct workers are refused".to_owned(),
            ));
        }
        let user = format!("weft-guest-{}", fastrand::u64(..));
        let direct_worker = DirectWorker {
            user: user.as_str().into(),
            token,
            worker: worker.into(),
            password: Digest::of(b"hush"),
        };
        self.direct_workers
            .lock()
            .unwrap()
            .insert(user.clone(), direct_worker.clone());
        let pass = RedisCredentials {
            address: "redis://localhost".to_owned(),
            user,
            password: "hush".to_owned(),
            roots: None,
            namespace: "weft".to_owned(),
            shard: 0,
            shards: vec![0],
            worker: worker.to_owned(),
        };
        Ok((direct_worker, pass))
    }

    async fn renew_credentials(
        &self,
        direct_worker: &DirectWorker,
    ) -> Result<(), DirectWorkerError> {
        let mut direct_workers = self.direct_workers.lock().unwrap();
        direct_workers.insert(direct_worker.user.to_string(), direct_worker.clone());
        Ok(())
    }

    async fn find_direct_worker(&self, user: &str) -> Result<Option<DirectWorker>, BrokerError> {
        Ok(self.direct_workers.lock().unwrap().get(user).cloned())
    }

    async fn revoke_credentials(&self, user: &str) -> Result<(), BrokerError> {
        self.direct_workers.lock().unwrap().remove(user);
        Ok(())
    }

    async fn remove_expired(&self) -> Result<usize, BrokerError> {
        Ok(0)
    }

    fn shards(&self) -> Vec<u32> {
        vec![0]
    }

    async fn held_by(&self, worker: &str) -> Result<Vec<AttemptKey>, BrokerError> {
        let held = self.held.lock().unwrap();
        Ok(held.get(worker).cloned().unwrap_or_default())
    }
}
