//! What task instances ask people, and the answers.

use super::turn::instance_row;
use crate::setup::{at, lease, one_dag, text, trigger_of, turn};
use serde_json::{Map, json};
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    wait::Wait,
};
use weft_store::{
    Arrival, Asked, CommandDone, CommandKind, InstanceRow, InstanceTag, RunStore as _, RunUpdate,
    ShardId, ShardLease,
};
use weft_store_sql::{ApprovalRow, Database, Decide, DecideError, RunRetention};

const REQUEST: &str = r#"{"subject":"Ship it?","options":["approve","reject"]}"#;

const fn instance(index: u32) -> Instance {
    let task = TaskIndex(0);
    Instance { task, index }
}

/// A deferred instance whose attempt asks.
fn waiting(run: RunId, index: u32, number: u32) -> InstanceRow {
    InstanceRow {
        state: InstanceTag::Deferred,
        number,
        output: None,
        resume: text("1"),
        wait: Some(Wait::Approval { default: None }),
        ..instance_row(run, 0, index)
    }
}

fn asked(row: &InstanceRow) -> Asked {
    Asked {
        run: row.run,
        instance: row.instance,
        number: row.number,
        request: REQUEST.into(),
        at: at(7),
    }
}

async fn started(database: &Database, dag: &str) -> RunId {
    let dag = one_dag(database, dag).await;
    database.trigger(&trigger_of(&dag)).await.unwrap().run()
}

async fn ask(database: &Database, lease: ShardLease, rows: Vec<InstanceRow>) {
    let mut turn = turn(database, lease).await;
    turn.approvals = rows.iter().map(asked).collect();
    turn.instances = rows;
    database.commit(&turn).await.unwrap();
}

async fn shown(database: &Database, run: RunId, index: u32) -> ApprovalRow {
    let of = (&TenantId::default(), run);
    let row = database.approval(of, instance(index)).await.unwrap();
    row.expect("it asks")
}

async fn decide(
    database: &Database,
    run: RunId,
    number: u32,
    option: &str,
) -> Result<ApprovalRow, DecideError> {
    let decide = Decide {
        tenant: TenantId::default(),
        key: (run, instance(0), number),
        option: option.parse().unwrap(),
        comment: Some("fine".into()),
        fields: Map::from_iter([("rows".to_owned(), json!(3))]),
        by: "ada".into(),
        actor: "ada#1".into(),
    };
    database.decide_approval(&decide).await
}

pub(crate) async fn a_question_waits_until_it_is_answered_once(database: &Database) {
    let run = started(database, "x").await;
    let lease = lease(database).await;
    ask(database, lease, vec![waiting(run, 0, 3)]).await;
    let row = shown(database, run, 0).await;
    assert_eq!((row.number, &*row.request, row.asked), (3, REQUEST, at(7)));
    assert_eq!((row.dag.as_str(), row.is_waiting), ("x", true));
    let outdated = decide(database, run, 2, "approve").await;
    assert!(matches!(outdated, Err(DecideError::Over)), "{outdated:?}");
    let decided = decide(database, run, 3, "approve").await.unwrap();
    assert!(!decided.is_waiting);
    let answer = decided.answer.expect("it is answered");
    assert_eq!(
        (&*answer.option, answer.comment.as_deref(), &*answer.fields),
        ("approve", Some("fine"), r#"{"rows":3}"#)
    );
    let again = decide(database, run, 3, "reject").await;
    let Err(DecideError::Decided { by, option }) = again else {
        panic!("it was answered before: {again:?}");
    };
    assert_eq!((&*by, &*option), ("ada#1", "approve"));
    let commands = database.commands(ShardId(0), None, 10).await.unwrap();
    let [command] = &commands.readable[..] else {
        panic!("one command brings the answer");
    };
    assert_eq!((command.id, command.run), (answer.command, run));
    let CommandKind::EndWait {
        instance: woken,
        by: Arrival {
            number: 3,
            woken: by,
        },
    } = &command.kind
    else {
        panic!("it ends the wait: {command:?}");
    };
    assert_eq!(*woken, instance(0));
    assert!(by.starts_with(r#"{"approval":{"#), "{by}");
    // The scheduler may have to refuse it.
    let mut turn = turn(database, lease).await;
    turn.commands = vec![CommandDone {
        id: command.id,
        run,
        refused: Some("too late".into()),
    }];
    database.commit(&turn).await.unwrap();
    let answer = shown(database, run, 0).await.answer.unwrap();
    assert_eq!(answer.refused.as_deref(), Some("too late"));
    // An instance that was cleared asks anew under the same number, and the next attempt under its own.
    for number in [3, 4] {
        ask(database, lease, vec![waiting(run, 0, number)]).await;
        let row = shown(database, run, 0).await;
        assert_eq!((row.number, row.is_waiting), (number, true));
        decide(database, run, number, "reject").await.unwrap();
    }
}

pub(crate) async fn a_question_whose_wait_ended_takes_no_answer(database: &Database) {
    let run = started(database, "x").await;
    let row = waiting(run, 0, 3);
    let lease = lease(database).await;
    ask(database, lease, vec![row.clone()]).await;
    let mut turn = turn(database, lease).await;
    turn.instances = vec![InstanceRow {
        state: InstanceTag::Ready,
        wait: None,
        ..row
    }];
    database.commit(&turn).await.unwrap();
    let over = shown(database, run, 0).await;
    assert!(!over.is_waiting && over.answer.is_none());
    let late = decide(database, run, 3, "approve").await;
    assert!(matches!(late, Err(DecideError::Over)), "{late:?}");
    let tenant = TenantId::default();
    let waiting = database.waiting_approvals(&tenant, None, None, 10);
    assert_eq!(waiting.await.unwrap(), []);
}

pub(crate) async fn questions_are_listed_by_tenant_dag_and_run(database: &Database) {
    let (first, second) = (started(database, "x").await, started(database, "y").await);
    let rows = vec![
        waiting(first, 0, 1),
        waiting(first, 1, 1),
        waiting(second, 0, 1),
    ];
    let lease = lease(database).await;
    ask(database, lease, rows).await;
    let tenant = TenantId::default();
    let keys = |rows: Vec<ApprovalRow>| -> Vec<(RunId, u32)> {
        rows.iter()
            .map(|row| (row.run, row.instance.index))
            .collect()
    };
    let mut all = vec![(first, 0), (first, 1), (second, 0)];
    all.sort_unstable();
    let listed = database.waiting_approvals(&tenant, None, None, 10).await;
    assert_eq!(keys(listed.unwrap()), all);
    let (run, index) = all[0];
    let after = Some((run, instance(index), 1));
    let rest = database.waiting_approvals(&tenant, None, after, 10).await;
    assert_eq!(keys(rest.unwrap()), all[1..]);
    let dag = "y".parse().unwrap();
    let of_dag = database.waiting_approvals(&tenant, Some(&dag), None, 10);
    assert_eq!(keys(of_dag.await.unwrap()), [(second, 0)]);
    let of_run = database.approvals_of_run((&tenant, first), None, 10).await;
    assert_eq!(keys(of_run.unwrap()), [(first, 0), (first, 1)]);
    let other = "other".parse().unwrap();
    let none = database.waiting_approvals(&other, None, None, 10).await;
    assert_eq!(none.unwrap(), []);
    let none = database.approval((&other, first), instance(0)).await;
    assert_eq!(none.unwrap(), None);
    // They go with their run.
    let mut turn = turn(database, lease).await;
    turn.runs = vec![RunUpdate {
        id: first,
        state: RunState::Success,
        started: Some(at(5)),
        ended: Some(at(6)),
        counts: Counts::default(),
    }];
    database.commit(&turn).await.unwrap();
    let retention = RunRetention {
        before: at(4_000_000_000_000),
        keep_last: 0,
    };
    let step = database.delete_runs_before(retention, None, 10).await;
    assert_eq!(step.unwrap().deleted, [first]);
    let left = database.approvals_of_run((&tenant, first), None, 10).await;
    assert_eq!(left.unwrap(), []);
}
