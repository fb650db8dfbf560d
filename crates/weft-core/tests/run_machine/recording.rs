//! Events of a run, written, read back and applied again.
//!
//! One file of more than 500 lines: each kind of event is written, read and damaged alike.

use super::{
    driver::{Drive, NOW, at, failed, mapped, plan, task, timer},
    properties::{steps, wild},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use weft_core::{
    document::TaskIndex,
    plan::{Defaults, Plan, Step},
    retry::RetryPolicy,
    run::{
        Action, Attempt, Event, Instance, InstanceState, LiveAttempt, Marked, Moment, Outcome,
        Phase, Rejection, ReplayError, Run, Selection, Timer,
        record::{self, RecordError, Recorder},
    },
    time::{DurationMs, Timestamp},
};

fn attempt() -> Attempt {
    Attempt {
        instance: at(3, 7),
        number: 2,
        nonce: u64::MAX,
    }
}

fn moment(now: i64, entropy: u64) -> Moment {
    Moment {
        now: Timestamp(now),
        entropy,
    }
}

/// What drivers and workers tell, and how it is written (between the braces, after the kind).
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn kinds() -> Vec<(Event, &'static str)> {
    let finished = |outcome| Event::Finished {
        attempt: attempt(),
        outcome,
    };
    let (task, instance) = (TaskIndex(3), at(3, 7));
    vec![
        (Event::Start, r#""k":"start""#),
        (
            Event::Expanded {
                task,
                generation: 1,
                instances: 10,
            },
            r#""k":"many","x":3,"g":1,"c":10"#,
        ),
        (
            Event::ExpandFailed {
                task,
                generation: 0,
                message: "a \"number\"".into(),
            },
            r#""k":"nolist","x":3,"m":"a \"number\"""#,
        ),
        (
            Event::Dispatched {
                instance: at(3, 0),
                nonce: u64::MAX,
            },
            r#""k":"disp","x":3,"n":18446744073709551615"#,
        ),
        (
            Event::Started { attempt: attempt() },
            r#""k":"run","x":3,"i":7,"a":2,"n":18446744073709551615"#,
        ),
        (
            finished(Outcome::Success),
            r#""k":"ok","x":3,"i":7,"a":2,"n":18446744073709551615"#,
        ),
        (
            finished(Outcome::Branch {
                chosen: vec![TaskIndex(4), TaskIndex(9)],
            }),
            r#""k":"pick","x":3,"i":7,"a":2,"n":18446744073709551615,"l":[4,9]"#,
        ),
        (
            finished(Outcome::Skipped),
            r#""k":"skip","x":3,"i":7,"a":2,"n":18446744073709551615"#,
        ),
        (
            finished(Outcome::Deferred { until: None }),
            r#""k":"defer","x":3,"i":7,"a":2,"n":18446744073709551615"#,
        ),
        (
            finished(Outcome::Deferred {
                until: Some(Timestamp(-5)),
            }),
            r#""k":"defer","x":3,"i":7,"a":2,"n":18446744073709551615,"u":-5"#,
        ),
        (
            finished(Outcome::Failed {
                retryable: true,
                retry_after: Some(DurationMs(9)),
                message: "no".into(),
            }),
            r#""k":"fail","e":6,"x":3,"i":7,"a":2,"n":18446744073709551615,"w":9,"y":true,"m":"no""#,
        ),
        (
            Event::Lost { attempt: attempt() },
            r#""k":"lost","x":3,"i":7,"a":2,"n":18446744073709551615"#,
        ),
        (
            Event::Due {
                timer: Timer::Instance {
                    instance,
                    number: 2,
                },
            },
            r#""k":"due","x":3,"i":7,"a":2"#,
        ),
        (
            Event::Due {
                timer: Timer::RunTimeout { episode: 2 },
            },
            r#""k":"over","g":2"#,
        ),
        (
            Event::Due {
                timer: Timer::Deadline { task: None },
            },
            r#""k":"late""#,
        ),
        (
            Event::Due {
                timer: Timer::Deadline { task: Some(task) },
            },
            r#""k":"late","x":3"#,
        ),
        (
            Event::PreconditionChecked {
                task,
                generation: 2,
                runs: true,
            },
            r#""k":"cond","x":3,"g":2,"y":true"#,
        ),
        (Event::Woken { instance }, r#""k":"wake","x":3,"i":7"#),
    ]
}

/// What people do to a run, likewise.
fn operations() -> Vec<(Event, &'static str)> {
    let task = TaskIndex(3);
    vec![
        (Event::Cancel, r#""k":"stop""#),
        (
            Event::Clear(Selection::of(vec![task], true)),
            r#""k":"clear","y":true,"l":[3]"#,
        ),
        (
            Event::Clear(Selection::failed()),
            r#""k":"pickclear","l":[],"of":true"#,
        ),
        (
            Event::Clear(Selection {
                indexes: Some("3,7-9".parse().expect("indexes")),
                upstream: true,
                ..Selection::of(vec![task], true)
            }),
            r#""k":"pickclear","y":true,"l":[3],"ix":[[3,3],[7,9]],"up":true"#,
        ),
        (
            Event::Mark {
                instance: at(3, 0),
                as_state: Marked::Skipped,
            },
            r#""k":"mark","x":3,"s":"skipped""#,
        ),
    ]
}

#[test]
fn each_kind_of_event_is_written_shortly_and_read_back() {
    for (event, text) in kinds().into_iter().chain(operations()) {
        let (kind, rest) = text.split_once(',').unwrap_or((text, ""));
        let comma = if rest.is_empty() { "" } else { "," };
        let expected = format!(r#"{{"v":1,"e":[{{{kind},"t":5{comma}{rest}}}]}}"#);
        let at = moment(5, 6);
        let written = record::encode(&[(at, event.clone())]);
        assert_eq!(written, expected);
        let entropy = u64::from(text.contains("\"fail\"")) * 6;
        assert_eq!(
            record::decode(&written),
            Ok(vec![(moment(5, entropy), event)])
        );
    }
}

#[test]
fn the_time_is_written_where_it_changes_and_a_worker_where_one_is_known() {
    let mut recorder = Recorder::new();
    assert!(recorder.is_empty());
    recorder.push(moment(5, 0), &Event::Start);
    recorder.push_started(moment(5, 0), attempt(), "w\"1");
    recorder.push(moment(4, 0), &Event::Cancel);
    assert_eq!(recorder.len(), 3);
    let bytes = recorder.bytes();
    let text = recorder.finish();
    assert_eq!(
        text,
        r#"{"v":1,"e":[{"k":"start","t":5},{"k":"run","x":3,"i":7,"a":2,"n":18446744073709551615,"by":"w\"1"},{"k":"stop","t":4}]}"#
    );
    assert_eq!(bytes, text.len() - r#"{"v":1,"e":[]}"#.len());
    let entries = record::read(&text).expect("as written");
    let returned: Vec<_> = entries
        .iter()
        .map(|entry| (entry.at.now.0, entry.worker.as_deref()))
        .collect();
    assert_eq!(returned, [(5, None), (5, Some("w\"1")), (4, None)]);
    assert_eq!(record::decode(&record::encode(&[])), Ok(Vec::new()));
}

#[test]
fn what_a_later_version_adds_is_ignored_and_what_it_changes_is_refused() {
    let added = r#"{"v":1,"more":{"a":[1]},"e":[{"k":"start","t":5,"z":{"x":1}}]}"#;
    assert_eq!(
        record::decode(added),
        Ok(vec![(moment(5, 0), Event::Start)])
    );
    let newer = r#"{"v":2,"e":{"quite":"different"}}"#;
    assert_eq!(record::decode(newer), Err(RecordError::Newer(2)));
    let refused = |chunk: &str| record::decode(chunk).expect_err("refused").to_string();
    for (chunk, says) in [
        (
            r#"{"v":1,"e":[{"k":"warp","t":5}]}"#,
            "event 0 of the chunk (\"warp\") is of a kind that this version doesn't know",
        ),
        (
            r#"{"v":1,"e":[{"k":"start"}]}"#,
            "event 0 of the chunk (\"start\") has no time",
        ),
        (
            r#"{"v":1,"e":[{"k":"start","t":5},{"k":"disp","n":1}]}"#,
            "event 1 of the chunk (\"disp\") has no task",
        ),
        (
            r#"{"v":1,"e":[{"k":"disp","t":5,"x":1}]}"#,
            "event 0 of the chunk (\"disp\") has no nonce",
        ),
        (
            r#"{"v":1,"e":[{"k":"ok","t":5,"x":1,"n":1}]}"#,
            "event 0 of the chunk (\"ok\") has no attempt",
        ),
        (
            r#"{"v":1,"e":[{"k":"many","t":5,"x":1}]}"#,
            "event 0 of the chunk (\"many\") has no number of instances",
        ),
        (
            r#"{"v":1,"e":[{"k":"mark","t":5,"x":1,"s":"great"}]}"#,
            "event 0 of the chunk (\"mark\") has no state that can be given",
        ),
        (
            r#"{"v":1,"e":[{"k":"clear","t":5}]}"#,
            "event 0 of the chunk (\"clear\") has no list of tasks",
        ),
    ] {
        assert_eq!(refused(chunk), says);
    }
    for torn in [
        "",
        "{}",
        r#"{"v":1}"#,
        r#"{"v":1,"e":[{"k":"sta"#,
        r#"{"v":1,"e":[{"k":7}]}"#,
    ] {
        assert!(
            matches!(record::decode(torn), Err(RecordError::Malformed(_))),
            "{torn}"
        );
    }
}

#[test]
fn the_first_chunk_says_with_which_defaults_the_run_began() {
    let begun = Defaults {
        retry: RetryPolicy {
            retries: 2,
            delay: DurationMs(1_500),
            backoff: 1.1,
            max_delay: DurationMs(60_000),
            jitter: 0.0,
        },
        run_timeout: Some(DurationMs(3_600_000)),
        max_losses: 20,
        max_deferrals: 1_000,
    };
    let events = [(moment(5, 0), Event::Start)];
    let first = record::encode_first(&begun, &events);
    assert_eq!(
        first,
        r#"{"v":1,"r":{"machine":1,"retries":2,"delay":1500,"backoff":"1.1","max_delay":60000,"jitter":"0","run_timeout":3600000,"max_losses":20,"max_deferrals":1000},"e":[{"k":"start","t":5}]}"#
    );
    assert_eq!(record::decode(&first), Ok(events.to_vec()));
    let more = record::encode(&[(moment(6, 0), Event::Cancel)]);
    assert_eq!(record::defaults([&first, &more]), Ok(Some(begun.clone())));
    // One that a version of Weft began which recorded no defaults.
    assert_eq!(record::defaults([&more]), Ok(None));
    assert_eq!(record::defaults([&more, &first]), Ok(Some(begun)));
    let other = first.replace(r#""machine":1"#, r#""machine":2"#);
    assert_eq!(record::decode(&other), Err(RecordError::OtherMachine(2)));
    assert_eq!(
        record::defaults([&other]),
        Err(RecordError::OtherMachine(2))
    );
    for bad in [
        first.replace(r#""1.1""#, r#""much""#),
        first.replace(r#""retries":2,"#, ""),
    ] {
        let refused = record::defaults([&bad]);
        assert!(matches!(refused, Err(RecordError::Malformed(_))), "{bad}");
    }
}

#[test]
fn a_replay_names_what_it_cannot_apply() {
    let two = plan(vec![task(&[]), task(&[0])]);
    let started = record::encode(&[(moment(5, 0), Event::Start)]);
    let twice = Run::replay(Arc::clone(&two), None, [&started, &started]);
    assert_eq!(
        twice,
        Err(ReplayError::Refused {
            chunk: 1,
            event: 0,
            text: "Start".into(),
            rejection: Rejection::WrongState
        })
    );
    let torn = Run::replay(Arc::clone(&two), None, [started.as_str(), "{"]);
    assert!(matches!(
        torn,
        Err(ReplayError::Unreadable {
            chunk: 1,
            error: RecordError::Malformed(_)
        })
    ));
    let second = Run::replay(two, Some(&[TaskIndex(1)]), [&started]).expect("a record of this run");
    assert_eq!(second.instance(at(0, 0)), None);
    assert_eq!(second.instance(at(1, 0)), Some(InstanceState::Ready));
}

#[test]
fn the_timeout_counts_from_each_opening_and_only_while_the_run_goes_on() {
    let mut run = Run::new(plan(vec![task(&[])]));
    assert_eq!(run.timeout_at(), None);
    let mut tell = |now, event| {
        run.handle(moment(now, 0), event, &mut Vec::new())
            .map(|()| run.timeout_at())
    };
    assert_eq!(tell(1_000, Event::Start), Ok(Some(Timestamp(61_000))));
    assert_eq!(tell(2_000, Event::Cancel), Ok(None));
    let again = Event::Clear(Selection::of(vec![TaskIndex(0)], false));
    assert_eq!(tell(9_000, again), Ok(Some(Timestamp(69_000))));
    assert_eq!(
        run.pending().collect::<Vec<_>>(),
        [
            Action::Ready {
                task: TaskIndex(0),
                indexes: 0..1
            },
            Action::SetTimer {
                timer: Timer::RunTimeout { episode: 2 },
                at: Timestamp(69_000)
            },
        ]
    );
}

#[test]
fn a_retry_that_max_active_keeps_back_has_no_timer_any_more() {
    let mut drive = Drive::started(vec![task(&[]), mapped(&[0], Some(1))]);
    drive.succeed(0);
    drive.expand(1, 2);
    let first = drive.attempted(1, 0, failed(true));
    let wait = Action::SetTimer {
        timer: timer(first),
        at: Timestamp(NOW.0 + 1_000),
    };
    assert!(drive.run.pending().any(|action| action == wait));
    drive.due(first);
    let pending: Vec<Action> = drive.run.pending().collect();
    let ready = Action::Ready {
        task: TaskIndex(1),
        indexes: 1..2,
    };
    let timeout = Action::SetTimer {
        timer: Timer::RunTimeout { episode: 1 },
        at: Timestamp(NOW.0 + 60_000),
    };
    assert_eq!(pending, [ready, timeout]);
}

/// What a driver knows that carried out every action.
#[derive(Default)]
struct Held {
    ready: BTreeSet<Instance>,
    expanding: BTreeMap<TaskIndex, u32>,
    checked: BTreeMap<TaskIndex, u32>,
    timers: BTreeMap<Timer, Timestamp>,
}

impl Held {
    fn take(&mut self, action: &Action) {
        match action {
            Action::Ready { task, indexes } => {
                self.ready
                    .extend(indexes.clone().map(|index| Instance { task: *task, index }));
            }
            Action::Expand { task, generation } => {
                self.expanding.insert(*task, *generation);
            }
            Action::CheckPrecondition { task, generation } => {
                self.checked.insert(*task, *generation);
            }
            Action::SetTimer { timer, at } => {
                self.timers.insert(*timer, *at);
            }
            Action::Revoke { .. }
            | Action::Cleared { .. }
            | Action::InstancesCleared { .. }
            | Action::InstanceChanged { .. }
            | Action::DeadlineMissed { .. }
            | Action::RangeChanged { .. }
            | Action::RunChanged { .. } => {}
        }
    }

    /// Without what no longer holds.
    fn drop_stale(&mut self, run: &Run) {
        self.ready
            .retain(|instance| run.instance(*instance) == Some(InstanceState::Ready));
        self.expanding.retain(|task, generation| {
            let placeholder = Instance {
                task: *task,
                index: 0,
            };
            run.instance(placeholder) == Some(InstanceState::Expanding)
                && run.generation(*task) == *generation
        });
        self.checked.retain(|task, generation| {
            run.awaits_precondition(*task) && run.generation(*task) == *generation
        });
        self.timers.retain(|timer, _| {
            let due = Event::Due { timer: *timer };
            run.clone()
                .handle(moment(0, 0), due, &mut Vec::new())
                .is_ok()
        });
    }
}

/// How a random run goes on: anything at all, or what a driver would say.
#[derive(Debug, Clone)]
enum Move {
    Any(Event),
    Dispatch(usize),
    Finish(usize, Outcome),
    Expand(u32),
    Check(bool),
    Due(usize),
}

fn moves() -> impl Strategy<Value = Vec<(Move, i64, u64)>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success),
        2 => (any::<bool>(), prop::option::of(0..9_000_u64)).prop_map(|(retryable, after)| Outcome::Failed {
            retryable,
            retry_after: after.map(DurationMs),
            message: "no".into(),
        }),
        1 => Just(Outcome::Skipped),
        2 => prop::option::of(0..5_i64).prop_map(|until| Outcome::Deferred { until: until.map(Timestamp) }),
    ];
    let one = prop_oneof![
        3 => wild().prop_map(Move::Any),
        4 => any::<usize>().prop_map(Move::Dispatch),
        4 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Move::Finish(which, outcome)),
        2 => (0..5_u32).prop_map(Move::Expand),
        2 => any::<bool>().prop_map(Move::Check),
        1 => any::<usize>().prop_map(Move::Due),
    ];
    prop::collection::vec((one, 0..3_i64, any::<u64>()), 0..120)
}

fn nth<T: Copy>(items: impl IntoIterator<Item = T>, which: usize) -> Option<T> {
    let items: Vec<T> = items.into_iter().collect();
    items.get(which.checked_rem(items.len())?).copied()
}

fn event_of(step: Move, run: &Run, held: &Held) -> Option<Event> {
    match step {
        Move::Any(event) => Some(event),
        Move::Dispatch(which) => Some(Event::Dispatched {
            instance: nth(held.ready.iter().copied(), which)?,
            nonce: which as u64,
        }),
        Move::Finish(which, outcome) => Some(Event::Finished {
            attempt: nth(run.live_attempts().map(|live| live.attempt), which)?,
            outcome,
        }),
        Move::Expand(instances) => {
            let (task, generation) = held.expanding.first_key_value()?;
            Some(Event::Expanded {
                task: *task,
                generation: *generation,
                instances,
            })
        }
        Move::Check(runs) => {
            let (task, generation) = held.checked.first_key_value()?;
            Some(Event::PreconditionChecked {
                task: *task,
                generation: *generation,
                runs,
            })
        }
        Move::Due(which) => Some(Event::Due {
            timer: nth(held.timers.keys().copied(), which)?,
        }),
    }
}

fn jittery(steps: Vec<Step>) -> Arc<Plan> {
    let jittery = |step: Step| Step {
        retry: RetryPolicy {
            retries: 3,
            jitter: 1.0,
            ..step.retry
        },
        has_precondition: step.upstreams.len() == 1,
        ..step
    };
    plan(steps.into_iter().map(jittery).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_replayed_run_is_the_run_and_asks_for_what_still_holds(
        steps in steps(),
        included in prop::option::of(prop::collection::vec((0..7_u32).prop_map(TaskIndex), 1..7)),
        moves in moves(),
        chunk_length in 1..9_usize,
    ) {
        let plan = jittery(steps);
        let mut run = match &included {
            None => Run::new(Arc::clone(&plan)),
            Some(tasks) => Run::partial(Arc::clone(&plan), tasks),
        };
        let mut held = Held::default();
        let (mut accepted, mut now) = (Vec::new(), NOW.0);
        let start = (Move::Any(Event::Start), 0, 0);
        for (step, later, entropy) in std::iter::once(start).chain(moves) {
            now += later;
            let Some(event) = event_of(step, &run, &held) else { continue };
            let at = moment(now, entropy);
            let mut actions = Vec::new();
            if run.handle(at, event.clone(), &mut actions).is_ok() {
                accepted.push((at, event));
                for action in &actions { held.take(action); }
                held.drop_stale(&run);
            }
        }
        let chunks: Vec<String> = accepted.chunks(chunk_length).map(record::encode).collect();
        let replayed = Run::replay(plan, included.as_deref(), &chunks);
        prop_assert_eq!(replayed.as_ref(), Ok(&run));
        let replayed = replayed.expect("just compared");

        let mut pending = Held::default();
        let mut ready = 0;
        for action in replayed.pending() {
            if let Action::Ready { indexes, .. } = &action {
                ready += indexes.len();
            }
            pending.take(&action);
        }
        prop_assert_eq!(ready, pending.ready.len(), "nothing is ready twice");
        prop_assert_eq!(&pending.ready, &held.ready);
        prop_assert_eq!(&pending.expanding, &held.expanding);
        prop_assert_eq!(&pending.checked, &held.checked);
        prop_assert_eq!(&pending.timers, &held.timers);

        let mut live = Vec::new();
        for task in replayed.plan().tasks() {
            for index in 0..replayed.instances_of(task) {
                match replayed.instance(Instance { task, index }) {
                    Some(InstanceState::Queued { attempt }) => live.push(LiveAttempt { attempt, phase: Phase::Queued }),
                    Some(InstanceState::Running { attempt }) => live.push(LiveAttempt { attempt, phase: Phase::Running }),
                    Some(_) | None => {}
                }
            }
        }
        prop_assert_eq!(replayed.live_attempts().collect::<Vec<_>>(), live);
    }

    #[test]
    fn defaults_are_read_back_to_the_last_bit(
        numbers in any::<(u32, u64, u64, Option<u64>, u32, u32)>(),
        backoff in any::<f64>(),
        jitter in 0.0..=1.0_f64,
    ) {
        let (retries, delay, max_delay, run_timeout, max_losses, max_deferrals) = numbers;
        let begun = Defaults {
            retry: RetryPolicy {
                retries,
                delay: DurationMs(delay),
                backoff,
                max_delay: DurationMs(max_delay),
                jitter,
            },
            run_timeout: run_timeout.map(DurationMs),
            max_losses,
            max_deferrals,
        };
        let chunk = record::encode_first(&begun, &[]);
        prop_assert_eq!(record::defaults([chunk]), Ok(Some(begun)));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}", inside in ".{0,40}") {
        for text in [text, format!(r#"{{"v":1,"e":[{inside}]}}"#)] {
            if let Ok(events) = record::decode(&text) {
                prop_assert_eq!(record::decode(&record::encode(&events)), Ok(events));
            }
        }
    }
}
