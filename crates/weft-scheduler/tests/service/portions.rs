//! Commands that change thousands of instances: their rows take several turns.

use crate::{
    harness::{Installation, Rule, failure, success},
    watched_store::WatchedStore,
};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use weft_broker::{Dispatch, ReportedOutcome};
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Instance, RunState, Selection},
    run_id::RunId,
    time::Timestamp,
};
use weft_scheduler::SchedulerOptions;
use weft_store::{CommandId, CommandKind, InstanceTag};
use weft_store_sql::{CommandOutcome, Deployed, InstanceFilter, InstanceView};

/// Instances of the mapped task.
const COUNT: u32 = 5_000;
/// The bound on rows of a turn.
const MAX_ROWS: usize = 100;
/// What a start may take longer beside the cancel than half as long again: the tests of a machine run
/// beside each other.
const SLACK: Duration = Duration::from_millis(40);
/// Portions of a command that are committed before a crash.
const PORTIONS: usize = 3;

/// A scheduler whose turns are small, over a database that is watched.
fn start(installation: &mut Installation, id: &str) -> WatchedStore {
    let mut options = SchedulerOptions::new(id);
    options.max_rows_per_turn = MAX_ROWS;
    WatchedStore::start_scheduler(installation, options, MAX_ROWS / 2)
}

/// Starts a run of [`COUNT`] instances and one after them.
async fn started(installation: &mut Installation, rule: Rule) -> RunId {
    let deployed = installation
        .deploy(&json!({ "id": "large", "tasks": {
            "each": { "expand": { "item": { "value": vec![0; COUNT as usize] } } },
            "then": { "after": ["each"] },
        } }))
        .await;
    installation.start_worker("worker", &["default"], COUNT, rule);
    installation.trigger(&deployed).await
}

async fn send(installation: &Installation, run: RunId, kind: &CommandKind) -> CommandId {
    let tenant = TenantId::default();
    let database = &installation.database;
    let sent = database.insert_command(&tenant, run, kind, "test").await;
    installation.handle().wake(weft_scheduler::Wake::Command);
    sent.expect("it is taken")
}

async fn stopped(store: &WatchedStore) {
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    while !store.is_stopped() {
        ticks.tick().await;
    }
}

/// All rows of the mapped task's instances.
async fn rows(installation: &Installation, run: RunId) -> Vec<InstanceView> {
    let mut filter = InstanceFilter {
        tenant: TenantId::default(),
        run,
        task: Some(TaskIndex(0)),
        state: None,
        after: None,
    };
    let mut rows = Vec::new();
    loop {
        let page = installation.database.list_instances(&filter, 1000).await;
        let page = page.expect("the database answers");
        let Some(last) = page.last() else { return rows };
        filter.after = Some(last.instance);
        rows.extend(page);
    }
}

fn count(rows: &[InstanceView], state: InstanceTag) -> usize {
    rows.iter().filter(|row| row.state == state).count()
}

async fn is_done(installation: &Installation, id: CommandId) -> bool {
    let row = installation
        .database
        .show_command(&TenantId::default(), id)
        .await;
    let row = row.expect("the database answers").expect("it is kept");
    !matches!(row.outcome, CommandOutcome::Waiting)
}

/// How the attempts of an instance ended that are history.
async fn ends_of(installation: &Installation, run: RunId, instance: Instance) -> Vec<String> {
    let tenant = TenantId::default();
    let database = &installation.database;
    let shown = database.show_instance(&tenant, run, instance, 9).await;
    let (_, attempts) = shown.expect("it answers").expect("it exists");
    attempts.iter().map(|attempt| attempt.end.clone()).collect()
}

/// Checks what a cancelled run looks like in the end.
async fn assert_cancelled(installation: &Installation, run: RunId) {
    let rows = rows(installation, run).await;
    assert_eq!(rows.len(), COUNT as usize);
    assert_eq!(count(&rows, InstanceTag::Cancelled), COUNT as usize);
    let row = installation.show(run).await;
    assert_eq!(row.counts.cancelled, u64::from(COUNT) + 1);
    assert_eq!(row.counts.unfinished(), 0);
    for index in [0, COUNT / 2, COUNT - 1] {
        let instance = Instance {
            task: TaskIndex(0),
            index,
        };
        assert_eq!(ends_of(installation, run, instance).await, ["revoked"]);
    }
}

async fn all_live(installation: &Installation, run: RunId) {
    let all = u64::from(COUNT);
    installation
        .wait(run, |row| row.counts.queued + row.counts.running == all)
        .await;
}

#[tokio::test]
async fn a_large_run_is_cancelled_in_portions() {
    let mut installation = Installation::new().await;
    let store = start(&mut installation, "first");
    let run = started(&mut installation, Arc::new(|_| None)).await;
    all_live(&installation, run).await;
    // The store notes a turn after it is visible.
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    while store.rows().iter().sum::<usize>() < COUNT as usize {
        ticks.tick().await;
    }
    let before = store.rows().len();
    installation.command(run, CommandKind::Cancel).await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    assert_cancelled(&installation, run).await;
    let turns = store.rows().split_off(before);
    let largest = turns.iter().max();
    assert!(largest <= Some(&MAX_ROWS), "{largest:?}");
    let written: usize = turns.iter().sum();
    assert!(written >= 2 * COUNT as usize, "{written}");
    let commits = store.calls()["commit"];
    assert!(commits > 2 * COUNT as usize / MAX_ROWS, "{commits}");
}

#[tokio::test]
async fn a_cancel_that_a_crash_interrupts_is_finished_by_the_next_scheduler() {
    let mut installation = Installation::new().await;
    let store = start(&mut installation, "first");
    let run = started(&mut installation, Arc::new(|_| None)).await;
    all_live(&installation, run).await;
    store.stop_after(PORTIONS);
    let id = send(&installation, run, &CommandKind::Cancel).await;
    stopped(&store).await;
    drop(store);

    let cancelled = count(&rows(&installation, run).await, InstanceTag::Cancelled);
    assert!((1..COUNT as usize).contains(&cancelled), "{cancelled}");
    assert_eq!(installation.show(run).await.state, RunState::Running);
    assert!(!is_done(&installation, id).await);

    installation.crash().await;
    start(&mut installation, "second");
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    assert_eq!(installation.command_outcome(id).await, None);
    assert_cancelled(&installation, run).await;
}

#[tokio::test]
async fn a_clear_that_a_crash_interrupts_is_finished_by_the_next_scheduler() {
    let mut installation = Installation::new().await;
    let store = start(&mut installation, "first");
    let run = started(&mut installation, Arc::new(|_| success("1"))).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    store.stop_after(PORTIONS);
    let clear = CommandKind::Clear(Selection::of(vec!["each".parse().expect("an id")], true));
    let id = send(&installation, run, &clear).await;
    stopped(&store).await;
    drop(store);
    let left = rows(&installation, run).await.len();
    assert!((1..COUNT as usize).contains(&left), "{left}");
    assert_eq!(installation.show(run).await.state, RunState::Success);
    assert!(!is_done(&installation, id).await);

    installation.crash().await;
    start(&mut installation, "second");
    let rule: Rule = Arc::new(|_| success("2"));
    installation.start_worker("another", &["default"], COUNT, rule);
    assert_eq!(installation.command_outcome(id).await, None);
    assert_eq!(installation.ended(run).await, RunState::Success);
    let rows = rows(&installation, run).await;
    assert_eq!(count(&rows, InstanceTag::Success), COUNT as usize);
    assert!(rows.iter().all(|row| row.number == 2));
    let last = Instance {
        task: TaskIndex(0),
        index: COUNT - 1,
    };
    assert_eq!(ends_of(&installation, run, last).await, ["success"]);
}

#[tokio::test]
async fn what_failed_of_a_large_run_is_cleared_in_portions() {
    let mut installation = Installation::new().await;
    let store = start(&mut installation, "first");
    let fails = Arc::new(AtomicBool::new(true));
    let is_failing = Arc::clone(&fails);
    let rule: Rule = Arc::new(move |dispatch: &Dispatch| {
        let is_last = dispatch.document.map_index == Some(u64::from(COUNT - 1));
        if is_failing.load(Relaxed) && !is_last {
            failure(false)
        } else {
            success("1")
        }
    });
    let run = started(&mut installation, rule).await;
    assert_eq!(installation.ended(run).await, RunState::Failed);
    fails.store(false, Relaxed);
    installation
        .command(run, CommandKind::Clear(Selection::failed()))
        .await;
    installation
        .wait(run, |row| row.state == RunState::Success)
        .await;
    let cleared = store.cleared();
    assert!(cleared.iter().max() <= Some(&MAX_ROWS), "{cleared:?}");
    assert_eq!(cleared.iter().sum::<usize>(), COUNT as usize - 1);
    let rows = rows(&installation, run).await;
    assert_eq!(count(&rows, InstanceTag::Success), COUNT as usize);
    let (again, once): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.number == 2);
    assert_eq!((again.len(), once.len()), (COUNT as usize - 1, 1));
    let first = Instance {
        task: TaskIndex(0),
        index: 0,
    };
    assert_eq!(ends_of(&installation, run, first).await, ["failed"]);
}

/// Starts another run `count` times, one after another; returns how long each took until its task
/// was claimed, the shortest first.
async fn times_to_start(
    installation: &Installation,
    other: &Deployed,
    claims: &mut mpsc::UnboundedReceiver<()>,
    count: usize,
) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        installation.trigger(other).await;
        claims.recv().await.expect("it starts");
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn others_start_while_a_large_run_is_cancelled() {
    let count = weft_sweeps::CANCELLED_INSTANCES.size();
    let mut installation = Installation::new().await;
    installation.start_scheduler("first");
    let (claimed, mut claims) = mpsc::unbounded_channel();
    let rule: Rule = Arc::new(move |dispatch: &Dispatch| {
        if dispatch.document.task.as_str() == "quick" {
            claimed.send(()).expect("the test receives");
            return success("1");
        }
        // It waits for years, and has a row.
        Some(ReportedOutcome::Deferred {
            until: Some(Timestamp(4_000_000_000_000)),
            wait: None,
            call: None,
            approval: None,
            state: "{}".into(),
        })
    });
    installation.start_worker("worker", &["default"], 2_000, rule);
    let large = installation
        .deploy(&json!({ "id": "large", "tasks": {
            "each": { "expand": { "item": { "value": vec![0; usize::try_from(count).expect("it fits")] } } },
        } }))
        .await;
    let other = installation
        .deploy(&json!({ "id": "other", "max_active_runs": 1000, "tasks": { "quick": {} } }))
        .await;
    let run = installation.trigger(&large).await;
    installation
        .wait(run, |row| row.counts.deferred == count)
        .await;
    let quiet = times_to_start(&installation, &other, &mut claims, 200).await;
    installation.command(run, CommandKind::Cancel).await;
    let began = Instant::now();
    let mut busy = Vec::new();
    while installation.show(run).await.state == RunState::Running {
        busy.extend(times_to_start(&installation, &other, &mut claims, 10).await);
    }
    let took = began.elapsed();
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    busy.sort_unstable();
    let p99 = |times: &[Duration]| times[(times.len() - 1) * 99 / 100];
    println!(
        "{count} cancelled in {took:?}; p99 of a start: {:?} quiet, {:?} of {} meanwhile (at most {:?})",
        p99(&quiet),
        p99(&busy),
        busy.len(),
        busy.last(),
    );
    assert!(busy.len() >= 20, "others start before the last portion");
    assert!(p99(&busy) <= p99(&quiet) * 3 / 2 + SLACK, "{busy:?}");
}
