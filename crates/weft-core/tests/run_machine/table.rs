//! Every event in every state: what is accepted and where it leads, what is
//! refused and how.

use super::driver::{Drive, NOW, at, failed, mapped, plan, task, timer};
use weft_core::{
    document::TaskIndex,
    run::{Event, InstanceState, Marked, Outcome, Rejection, Run, RunState, Selection, Timer},
    time::Timestamp,
};

/// Brings task 1, downstream of task 0, to a state.
fn brought_to(state: &str) -> Drive {
    let second = if state == "expanding" {
        mapped(&[0], None)
    } else {
        task(&[0])
    };
    let mut drive = Drive::started(vec![task(&[]), second]);
    match state {
        "waiting" => return drive,
        "upstream_failed" => {
            drive.fail(0);
            return drive;
        }
        _ => drive.succeed(0),
    }
    if matches!(state, "expanding" | "ready") {
        return drive;
    }
    let attempt = drive.dispatch(1, 0);
    if state == "queued" {
        return drive;
    }
    drive.ok(Event::Started { attempt });
    match state {
        "running" => {}
        "up_for_retry" => drive.finish(attempt, failed(true)),
        "deferred" => drive.finish(
            attempt,
            Outcome::Deferred {
                until: Some(Timestamp(5)),
            },
        ),
        "success" => drive.finish(attempt, Outcome::Success),
        "failed" => drive.finish(attempt, failed(false)),
        "skipped" => drive.finish(attempt, Outcome::Skipped),
        "cancelled" => drive.ok(Event::Cancel),
        other => panic!("no state {other}"),
    }
    drive
}

fn event(name: &str, drive: &Drive) -> Event {
    let attempt = drive.attempt(at(1, 0));
    let (task, generation) = (TaskIndex(1), 0);
    match name {
        "expanded" => Event::Expanded {
            task,
            generation,
            instances: 2,
        },
        "no list" => Event::ExpandFailed {
            task,
            generation,
            message: "a number".into(),
        },
        "dispatched" => Event::Dispatched {
            instance: at(1, 0),
            nonce: 9,
        },
        "started" => Event::Started { attempt },
        "success" => Event::Finished {
            attempt,
            outcome: Outcome::Success,
        },
        "failure" => Event::Finished {
            attempt,
            outcome: failed(true),
        },
        "lost" => Event::Lost { attempt },
        "due" => Event::Due {
            timer: timer(attempt),
        },
        "woken" => Event::Woken { instance: at(1, 0) },
        "marked" => Event::Mark {
            instance: at(1, 0),
            as_state: Marked::Success,
        },
        "cleared" => Event::Clear(Selection::of(vec![task], true)),
        other => panic!("no event {other}"),
    }
}

fn answer(result: Result<(), Rejection>, state: InstanceState) -> &'static str {
    match result {
        Err(Rejection::Duplicate) => "dup",
        Err(Rejection::Stale) => "old",
        Err(Rejection::WrongState) => "no",
        Err(Rejection::Unknown) => "?",
        Err(Rejection::RunEnded) => "end",
        Err(Rejection::NothingSelected) => "none",
        Ok(()) => match state {
            InstanceState::Waiting => "WAITING",
            InstanceState::Expanding => "EXPAND",
            InstanceState::Ready => "READY",
            InstanceState::Queued { .. } => "QUEUED",
            InstanceState::Running { .. } => "RUNNING",
            InstanceState::UpForRetry { .. } => "RETRY",
            InstanceState::Deferred { .. } => "DEFERRED",
            InstanceState::Success => "SUCCESS",
            InstanceState::Failed => "FAILED",
            InstanceState::Skipped => "SKIPPED",
            InstanceState::UpstreamFailed => "UPFAILED",
            InstanceState::Cancelled => "CANCELLED",
        },
    }
}

const EVENTS: [&str; 11] = [
    "expanded",
    "no list",
    "dispatched",
    "started",
    "success",
    "failure",
    "lost",
    "due",
    "woken",
    "marked",
    "cleared",
];

/// In the order of [`EVENTS`]. In capitals where the event leads; in small
/// letters how it is refused: `dup`licate, `old` (stale), `no` (wrong state), `?` (unknown).
#[rustfmt::skip]
const TABLE: [(&str, [&str; 11]); 12] = [
    //                  expanded no list dispatch  started    success    failure   lost     due      woken    marked     cleared
    ("waiting",         ["no",   "no",    "no",     "?",       "?",       "?",     "?",     "old",   "no",    "SUCCESS", "WAITING"]),
    ("expanding",       ["READY","FAILED","no",     "?",       "?",       "?",     "?",     "old",   "no",    "SUCCESS", "EXPAND"]),
    ("ready",           ["no",   "no",    "QUEUED", "?",       "?",       "?",     "?",     "old",   "no",    "SUCCESS", "READY"]),
    ("queued",          ["no",   "no",    "no",     "RUNNING", "SUCCESS", "RETRY", "READY", "old",   "no",    "SUCCESS", "READY"]),
    ("running",         ["no",   "no",    "no",     "dup",     "SUCCESS", "RETRY", "READY", "old",   "no",    "SUCCESS", "READY"]),
    ("up_for_retry",    ["no",   "no",    "no",     "old",     "old",     "dup",   "old",   "READY", "no",    "SUCCESS", "READY"]),
    ("deferred",        ["no",   "no",    "no",     "old",     "old",     "old",   "old",   "READY", "READY", "SUCCESS", "READY"]),
    ("success",         ["old",  "old",   "no",     "old",     "dup",     "old",   "old",   "old",   "no",    "dup",     "READY"]),
    ("failed",          ["old",  "old",   "no",     "old",     "old",     "dup",   "old",   "old",   "no",    "SUCCESS", "READY"]),
    ("skipped",         ["old",  "old",   "no",     "old",     "old",     "old",   "old",   "old",   "no",    "SUCCESS", "READY"]),
    ("upstream_failed", ["old",  "old",   "no",     "?",       "?",       "?",     "?",     "old",   "no",    "SUCCESS", "UPFAILED"]),
    ("cancelled",       ["old",  "old",   "no",     "old",     "old",     "old",   "old",   "old",   "no",    "SUCCESS", "READY"]),
];

#[test]
fn every_event_in_every_state() {
    for (state, answers) in TABLE {
        for (name, expected) in EVENTS.into_iter().zip(answers) {
            let mut drive = brought_to(state);
            let before = drive.run.clone();
            let event = event(name, &drive);
            let result = drive.send(event);
            assert_eq!(
                answer(result, drive.state(1)),
                expected,
                "{name} while {state}"
            );
            assert_eq!(
                result.is_err(),
                drive.run == before,
                "{name} while {state} changes the run if and only if accepted"
            );
        }
    }
}

#[test]
fn every_event_of_a_run_in_every_state_of_it() {
    use RunState::{Cancelled, Failed, Pending, Running, Success};
    let run_in = |state: RunState| {
        let mut drive = Drive {
            run: Run::new(plan(vec![task(&[])])),
            actions: Vec::new(),
        };
        if state != RunState::Pending {
            drive.ok(Event::Start);
        }
        match state {
            RunState::Pending | RunState::Running => {}
            RunState::Success => drive.succeed(0),
            RunState::Failed => drive.fail(0),
            RunState::Cancelled => drive.ok(Event::Cancel),
        }
        assert_eq!(drive.run.state(), state);
        drive
    };
    let clear = Event::Clear(Selection::of(vec![TaskIndex(0)], false));
    let timeout = Event::Due {
        timer: Timer::RunTimeout { episode: 1 },
    };
    let (no, old, end) = (
        Err(Rejection::WrongState),
        Err(Rejection::Stale),
        Err(Rejection::RunEnded),
    );
    for (state, start, cancel, cleared, timed_out) in [
        (Pending, Ok(Running), Ok(Cancelled), no, old),
        (Running, no, Ok(Cancelled), Ok(Running), Ok(Failed)),
        (Success, end, end, Ok(Running), old),
        (Failed, end, end, Ok(Running), old),
        (Cancelled, end, end, Ok(Running), old),
    ] {
        for (event, expected) in [
            (Event::Start, start),
            (Event::Cancel, cancel),
            (clear.clone(), cleared),
            (timeout.clone(), timed_out),
        ] {
            let mut drive = run_in(state);
            let text = format!("{event:?} while {state:?} at {NOW:?}");
            let result = drive.send(event).map(|()| drive.run.state());
            assert_eq!(result, expected, "{text}");
        }
    }
}

#[test]
fn what_does_not_exist_is_unknown() {
    let mut drive = Drive::started(vec![task(&[])]);
    for instance in [at(0, 1), at(1, 0), at(u32::MAX, u32::MAX)] {
        let attempt = drive.attempt(instance);
        drive.refused(Event::Dispatched { instance, nonce: 1 }, Rejection::Unknown);
        drive.refused(Event::Started { attempt }, Rejection::Unknown);
        drive.refused(
            Event::Finished {
                attempt,
                outcome: Outcome::Success,
            },
            Rejection::Unknown,
        );
        drive.refused(Event::Lost { attempt }, Rejection::Unknown);
        drive.refused(Event::Woken { instance }, Rejection::Unknown);
        drive.refused(
            Event::Mark {
                instance,
                as_state: Marked::Failed,
            },
            Rejection::Unknown,
        );
    }
    drive.refused(
        Event::Clear(Selection::of(vec![TaskIndex(0), TaskIndex(1)], true)),
        Rejection::Unknown,
    );
    drive.refused(
        Event::Clear(Selection::of(Vec::new(), true)),
        Rejection::WrongState,
    );
    drive.refused(
        Event::Expanded {
            task: TaskIndex(1),
            generation: 0,
            instances: 1,
        },
        Rejection::Unknown,
    );
}
