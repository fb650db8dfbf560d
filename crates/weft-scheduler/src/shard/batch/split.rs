//! A turn split by run, to find the run whose rows break it.

use std::collections::BTreeSet;
use weft_core::run_id::RunId;
use weft_store::{NewRun, RunKind, TimetableUpdate, Turn};

/// The runs of a turn, in the order in which their parts are committed. A timetable advances with
/// each of its runs, so new runs follow the others by date.
pub(crate) fn runs_of(turn: &Turn) -> Vec<RunId> {
    let mut runs: BTreeSet<RunId> = turn
        .events
        .iter()
        .map(|chunk| chunk.run)
        .chain(turn.runs.iter().map(|run| run.id))
        .chain(turn.commands.iter().map(|done| done.run))
        // Of a run whose rows take several turns.
        .chain(turn.instances.iter().map(|row| row.run))
        .chain(turn.attempts.iter().map(|attempt| attempt.run))
        .chain(turn.cleared.iter().map(|cleared| cleared.run))
        .collect();
    let mut new_runs: Vec<&NewRun> = turn.new_runs.iter().collect();
    new_runs.sort_by_key(|new| (new.dag, new.logical_date));
    for new in &new_runs {
        runs.remove(&new.id);
    }
    runs.into_iter()
        .chain(new_runs.iter().map(|new| new.id))
        .collect()
}

/// A run's part of a turn. With a scheduled run that the turn creates goes its timetable, up to
/// its date: otherwise a crash could create a run for that date twice, or never.
pub(crate) fn part_of_run(turn: &Turn, run: RunId, number: i64) -> Turn {
    Turn {
        lease: turn.lease,
        number,
        new_runs: turn
            .new_runs
            .iter()
            .filter(|new| new.id == run)
            .cloned()
            .collect(),
        runs: turn
            .runs
            .iter()
            .filter(|update| update.id == run)
            .cloned()
            .collect(),
        events: turn
            .events
            .iter()
            .filter(|chunk| chunk.run == run)
            .cloned()
            .collect(),
        cleared: turn
            .cleared
            .iter()
            .filter(|cleared| cleared.run == run)
            .copied()
            .collect(),
        attempts: turn
            .attempts
            .iter()
            .filter(|attempt| attempt.run == run)
            .cloned()
            .collect(),
        instances: turn
            .instances
            .iter()
            .filter(|row| row.run == run)
            .cloned()
            .collect(),
        approvals: turn
            .approvals
            .iter()
            .filter(|asked| asked.run == run)
            .cloned()
            .collect(),
        missed: turn
            .missed
            .iter()
            .filter(|missed| missed.run == run)
            .cloned()
            .collect(),
        updates: turn
            .updates
            .iter()
            .filter(|updated| updated.run == run)
            .cloned()
            .collect(),
        tasks: turn
            .tasks
            .iter()
            .filter(|task| task.run == run)
            .cloned()
            .collect(),
        // With what it did to the run goes that it was carried out: a takeover between the two
        // would carry it out again.
        commands: turn
            .commands
            .iter()
            .filter(|done| done.run == run)
            .cloned()
            .collect(),
        timetables: turn
            .new_runs
            .iter()
            .filter(|new| new.id == run && new.kind == RunKind::Scheduled)
            .filter_map(|new| {
                let update = turn
                    .timetables
                    .iter()
                    .find(|update| update.dag == new.dag)?;
                Some(TimetableUpdate {
                    last_scheduled: new.logical_date,
                    ..update.clone()
                })
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::{id::TenantId, time::Timestamp};
    use weft_store::{CommandDone, CommandId, DagKey, ShardId, ShardLease, VersionId};

    fn new_run(id: i64, dag: i64, date: i64, kind: RunKind) -> NewRun {
        let date = Timestamp(date);
        NewRun {
            id: RunId::from_i64(id).expect("not negative"),
            tenant: TenantId::default(),
            dag: DagKey(dag),
            version: VersionId(1),
            kind,
            logical_date: date,
            interval: (date, date),
            params: "{}".into(),
            concurrency_key: None,
            not_before: date,
            created: date,
            trace: None,
            caller: None,
            taken: Vec::new(),
        }
    }

    fn empty_turn() -> Turn {
        Turn {
            lease: ShardLease {
                shard: ShardId(0),
                epoch: 1,
                until: Timestamp(0),
                turn: 6,
            },
            number: 7,
            new_runs: Vec::new(),
            runs: Vec::new(),
            events: Vec::new(),
            cleared: Vec::new(),
            attempts: Vec::new(),
            instances: Vec::new(),
            approvals: Vec::new(),
            missed: Vec::new(),
            updates: Vec::new(),
            tasks: Vec::new(),
            commands: Vec::new(),
            timetables: Vec::new(),
        }
    }

    fn last_scheduled(turn: &Turn, run: i64) -> Vec<(i64, i64)> {
        let run = RunId::from_i64(run).expect("not negative");
        let alone = part_of_run(turn, run, 8);
        assert_eq!(alone.new_runs.len(), 1);
        let timetables = alone.timetables.iter();
        timetables
            .map(|update| (update.dag.0, update.last_scheduled.0))
            .collect()
    }

    #[test]
    fn a_new_run_that_is_committed_by_itself_advances_its_timetable_to_its_own_date() {
        let update = |dag, date| TimetableUpdate {
            dag: DagKey(dag),
            last_scheduled: Timestamp(date),
            next: None,
        };
        let turn = Turn {
            new_runs: vec![
                new_run(1, 1, 10, RunKind::Scheduled),
                new_run(2, 1, 20, RunKind::Scheduled),
                new_run(3, 2, 15, RunKind::Scheduled),
                new_run(4, 3, 15, RunKind::Scheduled),
            ],
            timetables: vec![update(1, 20), update(2, 15)],
            ..empty_turn()
        };
        assert_eq!(last_scheduled(&turn, 1), [(1, 10)]);
        assert_eq!(last_scheduled(&turn, 2), [(1, 20)]);
        assert_eq!(last_scheduled(&turn, 3), [(2, 15)]);
        assert_eq!(last_scheduled(&turn, 4), [], "a continuous one has none");
    }

    #[test]
    fn a_command_is_committed_with_what_it_did_to_its_run() {
        let run = |id| RunId::from_i64(id).expect("not negative");
        let done = |id, of| CommandDone {
            id: CommandId(id),
            run: run(of),
            refused: None,
        };
        let turn = Turn {
            commands: vec![done(1, 5), done(2, 6), done(3, 5)],
            ..empty_turn()
        };
        assert_eq!(runs_of(&turn), [run(5), run(6)]);
        let part = part_of_run(&turn, run(5), 8);
        assert_eq!(part.commands, [done(1, 5), done(3, 5)]);
    }
}
