//! Runs that tasks called, and runs that tasks wait for.

use super::queue::new_run;
use crate::setup::{at, lease, one_dag, trigger_of, turn};
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};
use weft_store::{
    Awaited, Caller, CommandDone, CommandId, CommandKind, NewRun, RunKind, RunStore as _,
    RunUpdate, ShardId, ShardLease,
};
use weft_store_sql::{Database, Deployed};

const SHARD: ShardId = ShardId(0);

fn called(dag: &Deployed, id: i64, by: RunId, index: u32) -> NewRun {
    NewRun {
        kind: RunKind::Called,
        caller: Some(Caller {
            run: by,
            instance: Instance {
                task: TaskIndex(2),
                index,
            },
            dags: vec!["x".parse().unwrap(), "y".parse().unwrap()],
        }),
        ..new_run(dag, id, 50)
    }
}

async fn write(database: &Database, lease: ShardLease, new: Vec<NewRun>, done: Vec<CommandDone>) {
    let mut turn = turn(database, lease).await;
    turn.new_runs = new;
    turn.commands = done;
    database.commit(&turn).await.unwrap();
}

async fn end(database: &Database, lease: ShardLease, run: RunId) {
    let mut turn = turn(database, lease).await;
    turn.runs.push(RunUpdate {
        id: run,
        state: RunState::Success,
        started: Some(at(5)),
        ended: Some(at(6)),
        counts: Counts::default(),
    });
    database.commit(&turn).await.unwrap();
}

fn done(id: CommandId, run: RunId, refused: Option<&str>) -> CommandDone {
    CommandDone {
        id,
        run,
        refused: refused.map(str::to_owned),
    }
}

/// The runs that waiting commands are for; all of them cancel trees.
async fn cancelled(database: &Database) -> Vec<(CommandId, RunId)> {
    let commands = database.commands(SHARD, None, 100).await.unwrap().readable;
    let commands = commands.into_iter().map(|command| {
        assert_eq!(command.kind, CommandKind::CancelTree);
        (command.id, command.run)
    });
    commands.collect()
}

pub(crate) async fn a_called_run_knows_its_caller(database: &Database) {
    let dag = one_dag(database, "x").await;
    let root = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = lease(database).await;
    let child = RunId::from_i64(root.as_i64() + 10).unwrap();
    let grandchild = RunId::from_i64(root.as_i64() + 20).unwrap();
    let new = vec![
        called(&dag, child.as_i64(), root, 0),
        // Two runs of one date are no conflict: neither is of the timetable.
        called(&dag, grandchild.as_i64(), child, 7),
    ];
    let expected = new[1].caller.clone();
    write(database, lease, new, Vec::new()).await;
    let stored = database.run(grandchild).await.unwrap().unwrap().unwrap();
    assert_eq!((stored.kind, stored.caller), (RunKind::Called, expected));
    let stored = database.run(root).await.unwrap().unwrap().unwrap();
    assert_eq!(stored.caller, None);
    let tenant = TenantId::default();
    let shown = database.show_run(&tenant, child).await.unwrap().unwrap();
    assert_eq!(shown.caller, Some(root));
    for of in [root, child, grandchild] {
        let tree = database.run_tree(&tenant, of).await.unwrap();
        let callers: Vec<_> = tree.iter().map(|row| (row.id, row.caller)).collect();
        assert_eq!(
            callers,
            [
                (root, None),
                (child, Some((root, TaskIndex(2), 0))),
                (grandchild, Some((child, TaskIndex(2), 7))),
            ]
        );
    }
    let other: TenantId = "other".parse().unwrap();
    assert!(database.run_tree(&other, child).await.unwrap().is_empty());
}

pub(crate) async fn cancelling_a_tree_goes_on_to_the_runs_that_were_called(database: &Database) {
    let dag = one_dag(database, "x").await;
    let root = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = lease(database).await;
    let id = |more: i64| RunId::from_i64(root.as_i64() + more).unwrap();
    let (child, over, grandchild) = (id(10), id(20), id(30));
    let new = vec![
        called(&dag, child.as_i64(), root, 0),
        called(&dag, over.as_i64(), root, 1),
        called(&dag, grandchild.as_i64(), child, 0),
    ];
    write(database, lease, new, Vec::new()).await;
    end(database, lease, over).await;
    let tenant = TenantId::default();
    let kind = CommandKind::CancelTree;
    let refused = database.insert_command(&tenant, root, &kind, "ada");
    let refused = refused.await.unwrap();
    let answer = done(refused, root, Some("no"));
    write(database, lease, Vec::new(), vec![answer]).await;
    assert_eq!(cancelled(database).await, [], "it was refused");
    let command = database.insert_command(&tenant, root, &kind, "ada");
    let command = command.await.unwrap();
    // A run that the same turn creates is reached as well.
    let late = id(40);
    let new = vec![called(&dag, late.as_i64(), root, 2)];
    write(database, lease, new, vec![done(command, root, None)]).await;
    let commands = cancelled(database).await;
    let runs: Vec<RunId> = commands.iter().map(|(_, run)| *run).collect();
    assert_eq!(runs, [child, late]);
    let (next, _) = commands[0];
    write(database, lease, Vec::new(), vec![done(next, child, None)]).await;
    let runs: Vec<RunId> = cancelled(database).await.iter().map(|at| at.1).collect();
    assert_eq!(runs, [late, grandchild]);
}

pub(crate) async fn awaited_runs_are_found_by_id_and_by_date(database: &Database) {
    let dag = one_dag(database, "x").await;
    let by_hand = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = lease(database).await;
    let dated = RunId::from_i64(by_hand.as_i64() + 10).unwrap();
    let new = new_run(&dag, dated.as_i64(), 700);
    write(database, lease, vec![new], Vec::new()).await;
    end(database, lease, dated).await;
    let tenant = TenantId::default();
    let other: TenantId = "other".parse().unwrap();
    let date = |id: &str, date: i64| Wait::Dag {
        dag: id.parse().unwrap(),
        logical_date: Timestamp(date),
    };
    let found = |run, state| Awaited::Run {
        run,
        dag: dag.id.clone(),
        version: dag.version,
        state,
    };
    let cases = [
        (
            &tenant,
            Wait::Run(by_hand),
            found(by_hand, RunState::Pending),
        ),
        (&tenant, date("x", 700), found(dated, RunState::Success)),
        (&tenant, date("x", 701), Awaited::NoRun),
        (&tenant, date("nothing", 700), Awaited::NoDag),
        (&other, Wait::Run(by_hand), Awaited::NoRun),
        (&other, date("x", 700), Awaited::NoDag),
        (&tenant, Wait::Call(dated), found(dated, RunState::Success)),
        (
            &tenant,
            Wait::RunTask {
                run: dated,
                task: "load".parse().unwrap(),
            },
            found(dated, RunState::Success),
        ),
        (
            &tenant,
            Wait::DagTask {
                dag: dag.id.clone(),
                logical_date: Timestamp(700),
                task: "load".parse().unwrap(),
            },
            found(dated, RunState::Success),
        ),
        (
            &tenant,
            Wait::Run(RunId::from_i64(1).unwrap()),
            Awaited::NoRun,
        ),
        (
            &tenant,
            Wait::Event("paid".parse().unwrap()),
            Awaited::NoRun,
        ),
    ];
    let waits = cases.iter();
    let waits: Vec<(TenantId, Wait)> = waits
        .map(|(tenant, wait, _)| ((*tenant).clone(), wait.clone()))
        .collect();
    let found = database.awaited(&waits).await.unwrap();
    for ((_, wait, expected), found) in cases.iter().zip(found) {
        assert_eq!(found, *expected, "{wait}");
    }
}
