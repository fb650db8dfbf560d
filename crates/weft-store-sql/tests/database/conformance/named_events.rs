//! Events that are sent to runs: each wakes one wait, whichever of the two comes first.

use super::turn::instance_row;
use crate::setup::{at, lease, one_dag, text, trigger_of, turn};
use weft_core::{
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    wait::Wait,
};
use weft_store::{
    Arrival, CommandDone, CommandKind, InstanceRow, InstanceTag, RunStore as _, RunUpdate, ShardId,
    ShardLease,
};
use weft_store_sql::{Database, RunRetention, SendError, SendEvent, Sent};

const SHARD: ShardId = ShardId(0);

fn event(run: RunId, name: &str, payload: &str) -> SendEvent {
    SendEvent {
        tenant: TenantId::default(),
        run,
        name: name.parse().unwrap(),
        payload: payload.into(),
        by: "ada".into(),
        idempotency_key: None,
    }
}

/// A deferred instance of a map index, whose attempt 3 waits for an event.
fn waiting(run: RunId, index: u32, name: &str) -> InstanceRow {
    InstanceRow {
        state: InstanceTag::Deferred,
        number: 3,
        output: None,
        resume: text("1"),
        wait: Some(Wait::Event(name.parse().unwrap())),
        ..instance_row(run, 0, index)
    }
}

fn update(run: RunId, state: RunState) -> RunUpdate {
    RunUpdate {
        id: run,
        state,
        started: Some(at(5)),
        ended: state.is_ended().then_some(at(6)),
        counts: Counts::default(),
    }
}

/// A database, and the lease of its first shard.
#[derive(Clone, Copy)]
struct At<'a>(&'a Database, ShardLease);

async fn leased(database: &Database) -> At<'_> {
    At(database, lease(database).await)
}

async fn started(database: &Database) -> RunId {
    let dag = one_dag(database, "x").await;
    database.trigger(&trigger_of(&dag)).await.unwrap().run()
}

async fn write(at: At<'_>, rows: Vec<InstanceRow>, done: Vec<CommandDone>) {
    let At(database, lease) = at;
    let mut turn = turn(database, lease).await;
    turn.instances = rows;
    turn.commands = done;
    database.commit(&turn).await.unwrap();
}

async fn sent(database: &Database, event: &SendEvent) -> Option<Instance> {
    match database.send_event(event).await.unwrap() {
        Sent::New(row) => row.taken_by,
        Sent::Before(row) => panic!("it was sent before: {row:?}"),
    }
}

/// The instances that waiting commands wake, with what wakes them.
async fn woken(database: &Database) -> Vec<(u32, u32, String)> {
    let commands = database.commands(SHARD, None, 100).await.unwrap().readable;
    let ended = commands.into_iter().map(|command| match command.kind {
        CommandKind::EndWait {
            instance,
            by: Arrival { number, woken },
        } => (instance.index, number, woken.to_string()),
        other => panic!("no client sent {other:?}"),
    });
    ended.collect()
}

pub(crate) async fn an_event_wakes_one_instance_that_waits_for_it(database: &Database) {
    let run = started(database).await;
    let at = leased(database).await;
    let rows = vec![
        waiting(run, 0, "paid"),
        waiting(run, 1, "paid"),
        waiting(run, 2, "sent"),
    ];
    write(at, rows, Vec::new()).await;
    let taken = sent(database, &event(run, "paid", r#"{"n":1}"#)).await;
    assert_eq!(taken.unwrap().index, 0);
    // The first one is woken soon, so the next event is for the other one.
    let taken = sent(database, &event(run, "paid", "2")).await;
    assert_eq!(taken.unwrap().index, 1);
    assert_eq!(sent(database, &event(run, "paid", "3")).await, None);
    assert_eq!(
        woken(database).await,
        [
            (0, 3, r#"{"event":"paid","payload":{"n":1}}"#.into()),
            (1, 3, r#"{"event":"paid","payload":2}"#.into()),
        ]
    );
}

pub(crate) async fn an_event_that_came_before_is_taken_by_the_next_wait(database: &Database) {
    let run = started(database).await;
    let at = leased(database).await;
    assert_eq!(sent(database, &event(run, "paid", "1")).await, None);
    assert_eq!(sent(database, &event(run, "paid", "2")).await, None);
    assert_eq!(woken(database).await, []);
    write(at, vec![waiting(run, 7, "paid")], Vec::new()).await;
    let first = (7, 3, r#"{"event":"paid","payload":1}"#.to_owned());
    assert_eq!(woken(database).await, std::slice::from_ref(&first));
    // The same row again, as a turn writes one that changed otherwise, takes nothing more.
    write(at, vec![waiting(run, 7, "paid")], Vec::new()).await;
    assert_eq!(woken(database).await, [first]);
    let name = "paid".parse().unwrap();
    let of = (&TenantId::default(), run);
    let events = database.named_events(of, &name, 0, 10).await.unwrap();
    let taken: Vec<_> = events
        .iter()
        .map(|event| (&*event.payload, event.taken_by.map(|by| by.index)))
        .collect();
    assert_eq!(taken, [("1", Some(7)), ("2", None)]);
}

pub(crate) async fn an_event_that_came_too_late_is_kept_again(database: &Database) {
    let run = started(database).await;
    let at = leased(database).await;
    write(at, vec![waiting(run, 0, "paid")], Vec::new()).await;
    assert!(sent(database, &event(run, "paid", "1")).await.is_some());
    let command = &database.commands(SHARD, None, 10).await.unwrap().readable[0];
    // Its timeout had woken the instance in the scheduler's memory, and it waits again already.
    let mut again = waiting(run, 0, "paid");
    again.number = 4;
    let refused = CommandDone {
        id: command.id,
        run,
        refused: Some("too late".into()),
    };
    write(at, vec![again], vec![refused]).await;
    let event = r#"{"event":"paid","payload":1}"#;
    assert_eq!(woken(database).await, [(0, 4, event.into())]);
}

pub(crate) async fn a_refused_event_does_not_wake_the_same_wait_again(database: &Database) {
    let run = started(database).await;
    let at = leased(database).await;
    write(at, vec![waiting(run, 0, "paid")], Vec::new()).await;
    assert!(sent(database, &event(run, "paid", "1")).await.is_some());
    let command = &database.commands(SHARD, None, 10).await.unwrap().readable[0];
    let refused = CommandDone {
        id: command.id,
        run,
        refused: Some("the row is older than the memory".into()),
    };
    write(at, Vec::new(), vec![refused]).await;
    assert_eq!(woken(database).await, []);
    // It is there for the next one.
    write(at, vec![waiting(run, 1, "paid")], Vec::new()).await;
    assert_eq!(woken(database).await.len(), 1);
}

pub(crate) async fn an_event_of_one_key_is_sent_once(database: &Database) {
    let run = started(database).await;
    let at = leased(database).await;
    let mut event = event(run, "paid", "1");
    event.idempotency_key = Some("k".into());
    let Sent::New(first) = database.send_event(&event).await.unwrap() else {
        panic!("it was not sent before");
    };
    write(at, vec![waiting(run, 0, "paid")], Vec::new()).await;
    let Sent::Before(again) = database.send_event(&event).await.unwrap() else {
        panic!("it was sent before");
    };
    assert_eq!(again.id, first.id);
    assert_eq!(again.taken_by.map(|by| by.index), Some(0));
    assert_eq!(woken(database).await.len(), 1);
}

pub(crate) async fn an_event_for_an_ended_or_unknown_run_is_refused(database: &Database) {
    let run = started(database).await;
    let missing = RunId::from_i64(1).unwrap();
    let error = database.send_event(&event(missing, "paid", "1")).await;
    assert!(matches!(error, Err(SendError::UnknownRun(_))), "{error:?}");
    let mut foreign = event(run, "paid", "1");
    foreign.tenant = "other".parse().unwrap();
    let error = database.send_event(&foreign).await;
    assert!(matches!(error, Err(SendError::UnknownRun(_))), "{error:?}");
    assert_eq!(sent(database, &event(run, "paid", "1")).await, None);
    let mut end = turn(database, lease(database).await).await;
    end.runs = vec![update(run, RunState::Success)];
    database.commit(&end).await.unwrap();
    let error = database.send_event(&event(run, "paid", "1")).await;
    assert!(matches!(error, Err(SendError::Ended(_))), "{error:?}");
    let retention = RunRetention {
        before: at(4_000_000_000_000),
        keep_last: 0,
    };
    let step = database.delete_runs_before(retention, None, 10).await;
    assert_eq!(step.unwrap().deleted, [run]);
    let name = "paid".parse().unwrap();
    let of = (&TenantId::default(), run);
    let left = database.named_events(of, &name, 0, 10).await.unwrap();
    assert_eq!(left, []);
}

/// Waits and events that are written at the same time never miss each other.
pub(crate) async fn a_wait_and_an_event_at_once_meet(database: &Database) {
    let run = started(database).await;
    let at = leased(database).await;
    for round in 0..20 {
        let wait = write(at, vec![waiting(run, round, "go")], Vec::new());
        let event = event(run, "go", "1");
        let ((), _taken) = tokio::join!(wait, sent(database, &event));
        let woken = woken(database).await;
        assert_eq!(woken.len(), round as usize + 1, "{woken:?}");
    }
}
