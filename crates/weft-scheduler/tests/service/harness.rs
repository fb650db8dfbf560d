//! An installation in a temporary folder, and a worker that answers by a rule.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};
use weft_blob::Blobs;
use weft_broker::{
    Dispatch, Failure, Output, Report, ReportedOutcome, Usage, WorkerBroker as _, WorkerInfo,
    in_process::{InProcess, Options},
};
use weft_core::{
    digest::Digest,
    document::{Format, Source, TaskIndex},
    id::{DagId, TenantId},
    run::{Counts, RunState},
    run_id::RunId,
    time::{DurationMs, Timestamp},
};
use weft_scheduler::{Brokers, Deps, Handle, Listen, OneBroker, Scheduler, SchedulerOptions, Wake};
use weft_store::{CommandId, CommandKind, EventChunk, FileEntry, RunStore as _, RunUpdate, Turn};
use weft_store_sql::{
    CommandOutcome, Database, DatabaseLocation, Deploy, DeployDag, Deployed, InstanceFilter,
    InstanceView, RunRow, Trigger,
};

/// The longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(30);

/// The outcome that a worker reports for a dispatch; without one the attempt runs forever.
pub(crate) type Rule = Arc<dyn Fn(&Dispatch) -> Option<ReportedOutcome> + Send + Sync>;

/// Everything but the scheduler, which tests stop and start.
pub(crate) struct Installation {
    folder: tempfile::TempDir,
    pub(crate) database: Database,
    pub(crate) broker: Arc<InProcess>,
    pub(crate) blobs: Blobs,
    /// Every attempt that the worker claimed, in order, by task.
    pub(crate) taken: Arc<Mutex<Vec<String>>>,
    scheduler: Option<Running>,
    workers: Vec<JoinHandle<()>>,
}

struct Running {
    handle: Handle,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Installation {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = open(folder.path()).await;
        Self::of(folder, database)
    }

    /// An installation over another database than one of its own.
    pub(crate) fn over(database: Database) -> Self {
        Self::of(tempfile::tempdir().expect("a folder"), database)
    }

    fn of(folder: tempfile::TempDir, database: Database) -> Self {
        let blobs = Blobs::local(&folder.path().join("blobs")).expect("a folder");
        Self {
            folder,
            database,
            broker: InProcess::new(Options::default()),
            blobs,
            taken: Arc::default(),
            scheduler: None,
            workers: Vec::new(),
        }
    }

    /// An installation whose scheduler and one worker run.
    pub(crate) async fn running(
        slots: u32,
        rule: impl Fn(&Dispatch) -> Option<ReportedOutcome> + Send + Sync + 'static,
    ) -> Self {
        let mut installation = Self::new().await;
        installation.start_scheduler("first");
        installation.start_worker("worker", &["default"], slots, Arc::new(rule));
        installation
    }

    pub(crate) fn start_scheduler(&mut self, id: &str) {
        let brokers = OneBroker::new(Arc::new(self.broker.scheduler()));
        self.start_scheduler_with(id, Arc::new(brokers));
    }

    pub(crate) fn start_scheduler_with(&mut self, id: &str, brokers: Arc<dyn Brokers>) {
        let deps = Deps {
            store: Arc::new(self.database.clone()),
            brokers,
            blobs: Arc::new(self.blobs.clone()),
        };
        self.start_scheduler_over(SchedulerOptions::new(id), deps);
    }

    /// What a scheduler of this installation is given. Its broker refuses all schedulers before.
    pub(crate) fn deps(&self) -> Deps {
        Deps {
            store: Arc::new(self.database.clone()),
            brokers: Arc::new(OneBroker::new(Arc::new(self.broker.scheduler()))),
            blobs: Arc::new(self.blobs.clone()),
        }
    }

    pub(crate) fn start_scheduler_over(&mut self, options: SchedulerOptions, deps: Deps) {
        let (scheduler, handle) = Scheduler::new(options, deps);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                // A dropped sender stops it as well.
                drop(stopped.await);
            };
            scheduler
                .run(stopped)
                .await
                .expect("it ends only when asked");
        });
        self.scheduler = Some(Running { handle, stop, task });
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.scheduler.as_ref().expect("it runs").handle
    }

    /// Ends the scheduler cleanly.
    pub(crate) async fn stop_scheduler(&mut self) {
        let running = self.scheduler.take().expect("it runs");
        drop(running.stop);
        running.task.await.expect("it ends without a panic");
    }

    /// Crashes the process, as far as a test can: scheduler, broker and workers are dropped in
    /// the middle of their work.
    pub(crate) async fn crash(&mut self) {
        let running = self.scheduler.take().expect("it runs");
        running.task.abort();
        drop(running.task.await);
        for worker in self.workers.drain(..) {
            worker.abort();
            drop(worker.await);
        }
        self.broker.close();
        self.broker = InProcess::new(Options::default());
        // The last clone holds the lock, so another database replaces it for a moment.
        let other = tempfile::tempdir().expect("a folder");
        self.database = open(other.path()).await;
        self.database = open(self.folder.path()).await;
    }

    pub(crate) fn start_worker(&mut self, id: &str, queues: &[&str], slots: u32, rule: Rule) {
        let worker = Arc::new(self.broker.worker());
        let info = WorkerInfo {
            id: id.into(),
            queues: queues.iter().map(|queue| Arc::from(*queue)).collect(),
            slots,
            prefetch: 0,
            memory_bytes: None,
            labels: Vec::new(),
        };
        let taken = Arc::clone(&self.taken);
        self.workers.push(tokio::spawn(async move {
            worker.register(&info, &[]).await.expect("it registers");
            loop {
                let Ok(claims) = worker.claim(slots).await else {
                    return;
                };
                for claim in claims {
                    taken
                        .lock()
                        .expect("no test panics with it")
                        .push(claim.dispatch.document.task.to_string());
                    let Some(outcome) = rule(&claim.dispatch) else {
                        continue;
                    };
                    let report = Report {
                        key: claim.dispatch.key,
                        outcome,
                        usage: Usage::default(),
                        log: None,
                        artifacts: Vec::new(),
                        updates: Vec::new(),
                        worker: Arc::clone(&info.id),
                        secret: claim.secret,
                        ahead: Vec::new(),
                    };
                    if worker.report(vec![report]).await.is_err() {
                        return;
                    }
                }
            }
        }));
    }

    /// Deploys a DAG written as a manifest's tables, in JSON; its tasks are those of one component.
    pub(crate) async fn deploy(&self, dag: &serde_json::Value) -> Deployed {
        self.deploy_for(&TenantId::default(), dag).await
    }

    pub(crate) async fn deploy_for(&self, tenant: &TenantId, dag: &serde_json::Value) -> Deployed {
        let document = serde_json::json!({ "contract": "weft.dag/1", "dags": [dag] }).to_string();
        let parsed = weft_core::document::parse(Source {
            name: "the test",
            text: &document,
            format: Format::Json,
        })
        .unwrap_or_else(|error| panic!("{error}"));
        let id = parsed.dags[0].id.clone();
        self.deploy_text(tenant, id, &document).await
    }

    /// Deploys a document that no scheduler can read.
    pub(crate) async fn deploy_unreadable(&self, id: &str) -> Deployed {
        let id = id.parse().expect("an id");
        let document = r#"{"contract":"weft.dag/9"}"#;
        self.deploy_text(&TenantId::default(), id, document).await
    }

    async fn deploy_text(&self, tenant: &TenantId, id: DagId, document: &str) -> Deployed {
        let digest = Digest::of(document.as_bytes());
        let deploy = Deploy {
            tenant: tenant.clone(),
            digest,
            dags: vec![DeployDag {
                id,
                document: document.into(),
                files: vec![FileEntry {
                    name: String::new(),
                    digest,
                }],
            }],
            activate: true,
            paused: false,
            by: "test".into(),
        };
        let mut deployed = self.database.deploy(&deploy).await.expect("it deploys");
        if let Some(running) = &self.scheduler {
            running.handle.wake(Wake::Settings);
        }
        deployed.remove(0)
    }

    pub(crate) async fn trigger(&self, deployed: &Deployed) -> RunId {
        self.trigger_at(deployed, None, None).await
    }

    pub(crate) async fn trigger_at(
        &self,
        deployed: &Deployed,
        logical_date: Option<Timestamp>,
        not_before: Option<Timestamp>,
    ) -> RunId {
        let tenant = TenantId::default();
        self.trigger_for(tenant, deployed, logical_date, not_before)
            .await
    }

    pub(crate) async fn trigger_for(
        &self,
        tenant: TenantId,
        deployed: &Deployed,
        logical_date: Option<Timestamp>,
        not_before: Option<Timestamp>,
    ) -> RunId {
        let trigger = Trigger {
            tenant,
            logical_date,
            not_before,
            ..Self::trigger_of(deployed)
        };
        self.make_run(deployed, &trigger).await
    }

    /// A run by hand that counts by this key.
    pub(crate) async fn trigger_with_key(
        &self,
        deployed: &Deployed,
        date: i64,
        key: &str,
    ) -> RunId {
        let trigger = Trigger {
            logical_date: Some(Timestamp(date)),
            concurrency_key: Some(key.into()),
            ..Self::trigger_of(deployed)
        };
        self.make_run(deployed, &trigger).await
    }

    fn trigger_of(deployed: &Deployed) -> Trigger {
        Trigger {
            tenant: TenantId::default(),
            dag: deployed.id.clone(),
            version: deployed.version,
            logical_date: None,
            interval: None,
            params: "{}".into(),
            concurrency_key: None,
            not_before: None,
            by: "test".into(),
            trace: None,
            idempotency_key: None,
        }
    }

    async fn make_run(&self, deployed: &Deployed, trigger: &Trigger) -> RunId {
        let made = self.database.trigger(trigger).await;
        if let Some(running) = &self.scheduler {
            running.handle.wake(Wake::Queued(deployed.key));
        }
        made.expect("it triggers").run()
    }

    pub(crate) async fn show(&self, run: RunId) -> RunRow {
        self.show_for(&TenantId::default(), run).await
    }

    async fn show_for(&self, tenant: &TenantId, run: RunId) -> RunRow {
        let found = self.database.show_run(tenant, run).await;
        found
            .expect("the database answers")
            .expect("there is such a run")
    }

    /// Waits until a run satisfies `until`, woken by the scheduler's changes.
    pub(crate) async fn wait(&self, run: RunId, until: impl FnMut(&RunRow) -> bool) -> RunRow {
        self.wait_for(&TenantId::default(), run, until).await
    }

    async fn wait_for(
        &self,
        tenant: &TenantId,
        run: RunId,
        mut until: impl FnMut(&RunRow) -> bool,
    ) -> RunRow {
        let mut changes = self.handle().changes(Listen::Everything);
        let wait = async {
            loop {
                let row = self.show_for(tenant, run).await;
                if until(&row) {
                    return row;
                }
                // A listener that lags reads the database again.
                drop(changes.recv().await);
            }
        };
        let patience = Duration::from_secs(weft_sweeps::PATIENCE_SECONDS.size());
        if let Ok(row) = tokio::time::timeout(patience, wait).await {
            return row;
        }
        panic!("in vain: {:?}", self.show_for(tenant, run).await)
    }

    pub(crate) async fn ended(&self, run: RunId) -> RunState {
        self.ended_for(&TenantId::default(), run).await
    }

    pub(crate) async fn ended_for(&self, tenant: &TenantId, run: RunId) -> RunState {
        let row = self.wait_for(tenant, run, |row| row.state.is_ended()).await;
        row.state
    }

    /// Instances of a run by (task index, map index).
    pub(crate) async fn instances(&self, run: RunId) -> HashMap<(u32, u32), InstanceView> {
        let filter = InstanceFilter {
            tenant: TenantId::default(),
            run,
            task: None,
            state: None,
            after: None,
        };
        let rows = self
            .database
            .list_instances(&filter, 1000)
            .await
            .expect("the database answers");
        rows.into_iter()
            .map(|row| ((row.instance.task.0, row.instance.index), row))
            .collect()
    }

    /// The first instance of a task.
    pub(crate) async fn show_instance(&self, run: RunId, task: u32) -> InstanceView {
        let filter = InstanceFilter {
            tenant: TenantId::default(),
            run,
            task: Some(TaskIndex(task)),
            state: None,
            after: None,
        };
        let rows = self.database.list_instances(&filter, 1).await;
        rows.expect("the database answers").remove(0)
    }

    /// Waits until the first instance of a run has a row that satisfies `until`.
    pub(crate) async fn shows(
        &self,
        run: RunId,
        until: impl Fn(&InstanceView) -> bool,
    ) -> InstanceView {
        let mut changes = self.handle().changes(Listen::Everything);
        let shows = async {
            loop {
                let first = self.instances(run).await.remove(&(0, 0));
                if let Some(row) = first.filter(&until) {
                    return row;
                }
                // A listener that lags reads the database again.
                drop(changes.recv().await);
            }
        };
        tokio::time::timeout(PATIENCE, shows)
            .await
            .expect("it comes to that")
    }

    /// Why a command was refused, if it was, once it was applied.
    pub(crate) async fn command_outcome(&self, id: CommandId) -> Option<String> {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        let wait = async {
            loop {
                let row = self.database.show_command(&TenantId::default(), id).await;
                match row
                    .expect("the database answers")
                    .expect("it is kept")
                    .outcome
                {
                    CommandOutcome::Waiting => drop(ticks.tick().await),
                    CommandOutcome::CarriedOut(_) => return None,
                    CommandOutcome::Refused(_, why) => return Some(why),
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("the scheduler looks at commands")
    }

    /// Sets the row of a run to queued, which no scheduler does.
    pub(crate) async fn store_as_queued(&self, run: RunId) {
        let update = RunUpdate {
            id: run,
            state: RunState::Pending,
            started: None,
            ended: None,
            counts: Counts::default(),
        };
        self.write_turn(|turn| turn.runs.push(update)).await;
    }

    /// Adds events to a run that no scheduler can replay.
    pub(crate) async fn damage_events(&self, run: RunId) {
        let stored = self.database.run(run).await.expect("it answers");
        let stored = stored.expect("there is such a run");
        let chunk = EventChunk {
            run,
            seq: stored.expect("it can be read").next_seq,
            at: Timestamp(1),
            body: "damaged".into(),
        };
        self.write_turn(|turn| turn.events.push(chunk)).await;
    }

    /// Writes something that no scheduler does.
    async fn write_turn(&self, add: impl FnOnce(&mut Turn)) {
        let leases = self
            .database
            .lease_shards("meddler", DurationMs(60_000), u32::MAX)
            .await
            .expect("the database answers");
        let last = self.database.shard_state(leases[0].shard).await;
        let mut turn = Turn {
            lease: leases[0],
            number: last.expect("the database answers").turn + 1,
            new_runs: Vec::new(),
            runs: Vec::new(),
            events: Vec::new(),
            cleared: Vec::new(),
            attempts: Vec::new(),
            instances: Vec::new(),
            tasks: Vec::new(),
            commands: Vec::new(),
            approvals: Vec::new(),
            missed: Vec::new(),
            updates: Vec::new(),
            timetables: Vec::new(),
        };
        add(&mut turn);
        self.database.commit(&turn).await.expect("it is written");
        self.database
            .release_shards("meddler")
            .await
            .expect("the database answers");
    }

    /// Waits until a run is shown as held aside.
    pub(crate) async fn wait_held(&self, run: RunId) {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        let held = async {
            while self.show(run).await.held.is_none() {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, held)
            .await
            .expect("the scheduler holds it aside");
    }

    pub(crate) async fn set_paused(&self, deployed: &Deployed, paused: bool) {
        let tenant = TenantId::default();
        let changed = if paused {
            self.database.pause_dag(&tenant, &deployed.id, "test").await
        } else {
            self.database
                .unpause_dag(&tenant, &deployed.id, "test")
                .await
        };
        assert!(
            changed.expect("the database answers"),
            "there is such a DAG"
        );
        self.handle().wake(Wake::Settings);
    }

    pub(crate) fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("no test panics with it").clone()
    }

    /// Waits until the worker has claimed `times` attempts of a task.
    pub(crate) async fn claimed(&self, task: &str, times: usize) {
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        let claimed = async {
            while self.taken().iter().filter(|taken| *taken == task).count() < times {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(PATIENCE, claimed)
            .await
            .expect("it is dispatched");
    }

    pub(crate) async fn command(&self, run: RunId, kind: CommandKind) {
        self.database
            .insert_command(&TenantId::default(), run, &kind, "test")
            .await
            .expect("it is taken");
        if let Some(running) = &self.scheduler {
            running.handle.wake(Wake::Command);
        }
    }
}

async fn open(folder: &std::path::Path) -> Database {
    let place = DatabaseLocation::Sqlite {
        folder: folder.to_owned(),
    };
    let database = Database::open(&place).await.expect("it opens");
    database.migrate().await.expect("it migrates");
    database
}

#[expect(clippy::unnecessary_wraps, reason = "as a rule answers")]
pub(crate) fn success(output: &str) -> Option<ReportedOutcome> {
    Some(ReportedOutcome::Success {
        output: Output::Inline(output.into()),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "as a rule answers")]
pub(crate) fn failure(retryable: bool) -> Option<ReportedOutcome> {
    Some(ReportedOutcome::Failed(Failure {
        code: "author".into(),
        retryable,
        message: "no".into(),
        retry_after: None,
        details: None,
        backtrace: None,
    }))
}
