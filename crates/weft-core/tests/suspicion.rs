//! Who is suspected of taking workers down, who is blamed, and who is let go.

use proptest::prelude::*;
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    run::Instance,
    run_id::RunId,
    suspicion::{Blamed, Crash, Evidence, MAX_TASKS_BLAMED_BY_ONE_WORKER, Suspects, Verdict},
    time::Timestamp,
};

const MOST: u32 = 3;
const RUN: i64 = 7;

fn blamed(file: &str, task: &str) -> Blamed {
    Blamed {
        dag: 1,
        digest: Digest::of(file.as_bytes()),
        task: task.parse().expect("a name"),
    }
}

fn run(number: i64) -> RunId {
    RunId::from_i64(number).expect("not negative")
}

fn instance(index: u32) -> Instance {
    Instance {
        task: TaskIndex(0),
        index,
    }
}

fn crash(index: u32, number: u32) -> Crash {
    Crash {
        run: run(RUN),
        instance: instance(index),
        number,
        worker: Arc::from(format!("worker-{number}")),
        at: Timestamp(i64::from(number)),
        absolved: false,
    }
}

#[test]
fn an_instance_that_was_the_one_suspect_often_enough_fails_and_its_task_is_in_quarantine() {
    let (mut suspects, bad) = (Suspects::new(MOST), blamed("file", "bad"));
    for number in 1..=MOST {
        assert_eq!(suspects.verdict(&bad, run(RUN), instance(0)), None);
        assert!(suspects.crashed(bad.clone(), crash(0, number), Evidence::Alone));
        assert!(suspects.is_watched(&bad, run(RUN), instance(0)));
    }
    let deaths: Vec<(Arc<str>, Timestamp)> = (1..=MOST)
        .map(|number| (crash(0, number).worker, crash(0, number).at))
        .collect();
    assert_eq!(
        suspects.verdict(&bad, run(RUN), instance(0)),
        Some(Verdict::Instance(deaths.clone()))
    );
    assert_eq!(
        suspects.verdict(&bad, run(8), instance(5)),
        Some(Verdict::Quarantine(deaths))
    );
    // Neither another task of the file nor the next version of the task has done anything.
    for innocent in [blamed("file", "good"), blamed("next", "bad")] {
        assert_eq!(suspects.verdict(&innocent, run(RUN), instance(0)), None);
        assert!(!suspects.is_watched(&innocent, run(8), instance(0)));
    }
}

#[test]
fn one_death_that_is_reported_often_counts_once() {
    let (mut suspects, bad) = (Suspects::new(MOST), blamed("file", "bad"));
    assert!(suspects.crashed(bad.clone(), crash(0, 1), Evidence::Alone));
    for _again in 0..10 {
        assert!(!suspects.crashed(bad.clone(), crash(0, 1), Evidence::Alone));
    }
    assert_eq!(suspects.verdict(&bad, run(RUN), instance(0)), None);
}

#[test]
fn a_worker_that_blames_many_tasks_is_the_suspect_itself() {
    let mut suspects = Suspects::new(MOST);
    let task = |number: usize| blamed("file", &format!("task{number}"));
    let from = |worker: &str, number| Crash {
        worker: Arc::from(worker),
        ..crash(0, number)
    };
    for number in 0..MAX_TASKS_BLAMED_BY_ONE_WORKER {
        assert!(suspects.crashed(task(number), from("liar", 1), Evidence::Alone));
    }
    let next = task(MAX_TASKS_BLAMED_BY_ONE_WORKER);
    assert!(!suspects.crashed(next.clone(), from("liar", 1), Evidence::Alone));
    // A task that it blamed before may really crash workers.
    assert!(suspects.crashed(task(0), from("liar", 2), Evidence::Alone));
    // Deaths of other workers count as ever.
    for number in 1..=MOST {
        assert_eq!(suspects.verdict(&next, run(RUN), instance(0)), None);
        assert!(suspects.crashed(next.clone(), from("other", number), Evidence::Alone));
    }
    assert!(suspects.verdict(&next, run(RUN), instance(0)).is_some());
}

#[test]
fn one_of_many_is_watched_and_not_blamed() {
    let (mut suspects, one) = (Suspects::new(MOST), blamed("file", "one"));
    for number in 1..=20 {
        let evidence = Evidence::Among { others: 99 };
        assert!(!suspects.crashed(one.clone(), crash(0, number), evidence));
    }
    assert_eq!(suspects.verdict(&one, run(RUN), instance(0)), None);
    assert!(suspects.is_watched(&one, run(RUN), instance(0)));
    // A sibling's end says nothing about the instance that was there.
    assert!(!suspects.ended(&one, run(RUN), instance(1)));
    assert!(suspects.is_watched(&one, run(RUN), instance(0)));
    assert!(!suspects.is_watched(&one, run(RUN), instance(1)));
    suspects.ended(&one, run(RUN), instance(0));
    assert!(suspects.is_empty());
}

#[test]
fn a_kill_from_outside_suspects_no_task() {
    let (mut suspects, one) = (Suspects::new(MOST), blamed("file", "one"));
    for number in 1..=20 {
        assert!(!suspects.crashed(one.clone(), crash(0, number), Evidence::Outside));
    }
    assert!(suspects.is_empty());
}

#[test]
fn what_ends_by_itself_absolves_its_task_and_not_the_instance_that_goes_on_killing() {
    let (mut suspects, task) = (Suspects::new(MOST), blamed("file", "task"));
    for number in 1..=MOST {
        suspects.crashed(task.clone(), crash(0, number), Evidence::Alone);
        if number < MOST {
            assert!(suspects.ended(&task, run(RUN), instance(1)));
        }
    }
    assert!(matches!(
        suspects.verdict(&task, run(RUN), instance(0)),
        Some(Verdict::Instance(deaths)) if deaths.len() == 3
    ));
    assert_eq!(suspects.verdict(&task, run(RUN), instance(1)), None);
    // An operator fixed its input, and wants it tried again.
    assert!(suspects.ended(&task, run(RUN), instance(1)));
    assert!(suspects.cleared(&task, run(RUN), TaskIndex(0)));
    assert_eq!(suspects.verdict(&task, run(RUN), instance(0)), None);
}

#[test]
fn a_quarantine_outlasts_runs_clears_and_stragglers_until_it_is_lifted() {
    let (mut suspects, bad) = (Suspects::new(MOST), blamed("file", "bad"));
    let mut kept = Vec::new();
    for number in 1..=MOST {
        suspects.crashed(bad.clone(), crash(number, number), Evidence::Alone);
        kept.push((bad.clone(), crash(number, number)));
    }
    let is_quarantined = |suspects: &Suspects| {
        matches!(
            suspects.verdict(&bad, run(8), instance(0)),
            Some(Verdict::Quarantine(_))
        )
    };
    assert!(is_quarantined(&suspects));
    assert!(!suspects.ended(&bad, run(8), instance(0)));
    assert!(!suspects.cleared(&bad, run(RUN), TaskIndex(0)));
    suspects.forget_run(run(RUN));
    assert!(is_quarantined(&suspects));
    let mut after_restart = Suspects::new(MOST);
    after_restart.replace(kept);
    assert!(is_quarantined(&after_restart));
    suspects.replace([]);
    assert!(!is_quarantined(&suspects));
}

#[test]
fn without_a_bound_no_task_is_blamed() {
    let (mut suspects, bad) = (Suspects::new(0), blamed("file", "bad"));
    for number in 1..=10 {
        suspects.crashed(bad.clone(), crash(0, number), Evidence::Alone);
    }
    assert_eq!(suspects.verdict(&bad, run(RUN), instance(0)), None);
}

proptest! {
    /// Whatever dies together with whom: who was never the one suspect is never blamed, and
    /// what was kept says the same as what was seen.
    #[test]
    fn a_task_that_was_never_alone_is_not_blamed(
        happened in prop::collection::vec((0..4_usize, 0..3_u32, 1..40_u32, 0..4_u8), 0..200)
    ) {
        let tasks = ["a", "b", "c", "d"].map(|task| blamed("file", task));
        let mut suspects = Suspects::new(MOST);
        let mut kept: Vec<(Blamed, Crash)> = Vec::new();
        for (task, index, number, what) in happened {
            let of = &tasks[task];
            match what {
                0 => {
                    if suspects.ended(of, run(RUN), instance(index)) {
                        for (_, crash) in kept.iter_mut().filter(|(blamed, _)| blamed == of) {
                            crash.absolved = true;
                        }
                    }
                }
                // The task with an odd number is never alone.
                1 if task % 2 == 0 => {
                    if suspects.crashed(of.clone(), crash(index, number), Evidence::Alone) {
                        kept.push((of.clone(), crash(index, number)));
                    }
                }
                _ => {
                    let evidence = if what == 2 { Evidence::Outside } else { Evidence::Among { others: 1 } };
                    prop_assert!(!suspects.crashed(of.clone(), crash(index, number), evidence));
                }
            }
            let mut again = Suspects::new(MOST);
            again.replace(kept.clone());
            for (at, of) in tasks.iter().enumerate() {
                for index in 0..3 {
                    let verdict = suspects.verdict(of, run(RUN), instance(index));
                    prop_assert!(at % 2 == 0 || verdict.is_none());
                    prop_assert_eq!(verdict, again.verdict(of, run(RUN), instance(index)));
                }
            }
        }
    }
}
