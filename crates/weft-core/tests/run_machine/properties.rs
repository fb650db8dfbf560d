//! Properties of every DAG and every sequence of events, sensible or not.

use super::driver::{NOW, at, plan, task};
use proptest::prelude::*;
use std::sync::Arc;
use weft_core::{
    document::TaskIndex,
    plan::{Mapping, Plan, Step},
    run::{Attempt, Event, Indexes, Marked, Moment, Outcome, Rejection, Run, Selection, Timer},
    time::{DurationMs, Timestamp},
    trigger_rule::TriggerRule,
};

/// Tasks of a random DAG.
const TASKS: u32 = 7;

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = |at: u32| {
        let rule = prop::sample::select(TriggerRule::ALL.to_vec());
        let upstreams = prop::collection::btree_set(0..at.max(1), 0..3);
        let flags = (any::<bool>(), any::<[bool; 2]>());
        (rule, upstreams, 0..4_u32, flags).prop_map(
            move |(rule, upstreams, kind, (some, along))| {
                let upstreams: Vec<u32> = upstreams
                    .into_iter()
                    .filter(|upstream| *upstream < at)
                    .collect();
                let sources = upstreams
                    .first()
                    .copied()
                    .map(TaskIndex)
                    .into_iter()
                    .collect();
                let mapping = (kind == 0).then_some(Mapping {
                    sources,
                    max_active: some.then_some(2),
                    by_index: upstreams
                        .iter()
                        .zip(along)
                        .filter_map(|(upstream, along)| along.then_some(TaskIndex(*upstream)))
                        .collect(),
                });
                Step {
                    rule,
                    mapping,
                    branch: kind == 1,
                    ..task(&upstreams)
                }
            },
        )
    };
    (0..TASKS).map(step).collect::<Vec<_>>()
}

/// Any event about tasks below `tasks`. Nonces repeat, so that many attempts
/// are the current ones.
fn event(tasks: std::ops::Range<u32>) -> impl Strategy<Value = Event> {
    let instance = (tasks.clone(), 0..4_u32).prop_map(|(task, index)| at(task, index));
    let attempt =
        (instance.clone(), 1..3_u32, 0..8_u32).prop_map(|(instance, number, odd)| Attempt {
            instance,
            number,
            nonce: if odd == 0 { 8 } else { 7 },
        });
    let chosen = prop::collection::vec(tasks.clone().prop_map(TaskIndex), 0..3);
    let outcome = prop_oneof![
        4 => Just(Outcome::Success),
        1 => Just(Outcome::Skipped),
        1 => chosen.prop_map(|chosen| Outcome::Branch { chosen }),
        1 => any::<bool>().prop_map(|set| Outcome::Deferred { until: set.then_some(Timestamp(3)) }),
        2 => (any::<bool>(), prop::option::of(any::<u64>())).prop_map(|(retryable, after)| Outcome::Failed {
            retryable,
            retry_after: after.map(DurationMs),
            message: String::new(),
        }),
    ];
    let task = tasks.prop_map(TaskIndex);
    let generation = 0..2_u32;
    let marked = prop::sample::select(vec![Marked::Success, Marked::Failed, Marked::Skipped]);
    prop_oneof![
        6 => instance.clone().prop_map(|instance| Event::Dispatched { instance, nonce: 7 }),
        6 => (attempt.clone(), outcome).prop_map(|(attempt, outcome)| Event::Finished { attempt, outcome }),
        2 => attempt.clone().prop_map(|attempt| Event::Started { attempt }),
        1 => attempt.prop_map(|attempt| Event::Lost { attempt }),
        3 => (task.clone(), generation.clone(), 0..4_u32)
            .prop_map(|(task, generation, instances)| Event::Expanded { task, generation, instances }),
        1 => (task.clone(), generation.clone(), any::<bool>())
            .prop_map(|(task, generation, runs)| Event::PreconditionChecked { task, generation, runs }),
        1 => task.clone().prop_map(|task| Event::Due { timer: Timer::Deadline { task: Some(task) } }),
        1 => (task, generation)
            .prop_map(|(task, generation)| Event::ExpandFailed { task, generation, message: String::new() }),
        2 => (instance.clone(), 1..3_u32)
            .prop_map(|(instance, number)| Event::Due { timer: Timer::Instance { instance, number } }),
        1 => instance.clone().prop_map(|instance| Event::Woken { instance }),
        1 => (instance, marked).prop_map(|(instance, as_state)| Event::Mark { instance, as_state }),
    ]
}

/// Any event at all, about tasks and instances that may not exist.
pub(crate) fn wild() -> impl Strategy<Value = Event> {
    let tasks = prop::collection::vec((0..TASKS + 1).prop_map(TaskIndex), 0..3);
    prop_oneof![
        20 => event(0..TASKS + 1),
        1 => Just(Event::Start),
        1 => Just(Event::Cancel),
        1 => (0..3_u32).prop_map(|episode| Event::Due { timer: Timer::RunTimeout { episode } }),
        1 => Just(Event::Due { timer: Timer::Deadline { task: None } }),
        2 => selection(tasks).prop_map(Event::Clear),
    ]
}

/// Any selection of a clear, sensible or not.
fn selection(tasks: impl Strategy<Value = Vec<TaskIndex>>) -> impl Strategy<Value = Selection> {
    let indexes = prop::option::of((0..3_u32, 0..3_u32));
    let flags = any::<[bool; 3]>();
    (tasks, indexes, flags).prop_map(|(tasks, indexes, [upstream, downstream, only_failed])| {
        Selection {
            indexes: indexes
                .and_then(|(one, other)| Indexes::of([one..one + 1, other..other + 1]).ok()),
            upstream,
            only_failed,
            ..Selection::of(tasks, downstream)
        }
    })
}

fn moment() -> Moment {
    Moment {
        now: NOW,
        entropy: 1 << 63,
    }
}

fn started(plan: &Arc<Plan>) -> Run {
    let mut run = Run::new(Arc::clone(plan));
    run.handle(moment(), Event::Start, &mut Vec::new())
        .expect("a pending run starts");
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_events_are_applied_whole_or_refused_whole(steps in steps(), events in prop::collection::vec(wild(), 0..80)) {
        let plan = plan(steps);
        let (mut run, mut twin) = (Run::new(Arc::clone(&plan)), Run::new(Arc::clone(&plan)));
        for event in events {
            let before = run.clone();
            let (mut returned, mut twin_returned) = (Vec::new(), Vec::new());
            let result = run.handle(moment(), event.clone(), &mut returned);
            prop_assert_eq!(twin.handle(moment(), event.clone(), &mut twin_returned), result);
            prop_assert_eq!(&returned, &twin_returned, "the same events lead to the same actions");
            if result.is_err() {
                prop_assert_eq!(&run, &before, "{:?} was refused", event);
                prop_assert!(returned.is_empty());
            } else {
                prop_assert!(run != before, "{:?} was accepted", event);
            }
            let totals = run.totals();
            prop_assert_eq!(totals.unfinished(), run.unfinished());
            let instances: u64 = plan.tasks().map(|task| u64::from(run.instances_of(task))).sum();
            prop_assert_eq!(totals.unfinished() + totals.ended(), instances);
        }
        prop_assert_eq!(run, twin);
    }

    #[test]
    fn the_same_report_twice_changes_nothing(steps in steps(), events in prop::collection::vec(event(0..TASKS), 0..60)) {
        let mut run = started(&plan(steps));
        for event in events {
            let first = run.handle(moment(), event.clone(), &mut Vec::new());
            if let (Event::Finished { attempt, .. } | Event::Lost { attempt }, Ok(())) = (&event, first) {
                let before = run.clone();
                let again = run.handle(moment(), event.clone(), &mut Vec::new());
                prop_assert_eq!(again, Err(Rejection::Duplicate), "{:?}", attempt);
                prop_assert_eq!(&run, &before);
            }
        }
    }

    #[test]
    fn events_of_unconnected_tasks_commute(
        left in steps(),
        right in steps(),
        first in prop::collection::vec(event(0..TASKS), 0..40),
        second in prop::collection::vec(event(TASKS..2 * TASKS), 0..40),
        order in prop::collection::vec(any::<bool>(), 80),
    ) {
        let shifted = |tasks: &[TaskIndex]| tasks.iter().map(|task| TaskIndex(task.0 + TASKS)).collect();
        let right = right.into_iter().map(|step| Step {
            upstreams: shifted(&step.upstreams),
            mapping: step.mapping.map(|mapping| Mapping {
                sources: shifted(&mapping.sources),
                by_index: shifted(&mapping.by_index),
                ..mapping
            }),
            ..step
        });
        let plan = plan(left.into_iter().chain(right).collect());
        let mut one_by_one = started(&plan);
        for event in first.iter().chain(&second) {
            // Refusals are part of the property: they have to be the same in both orders.
            let _refused = one_by_one.handle(moment(), event.clone(), &mut Vec::new()).is_err();
        }
        let mut woven = started(&plan);
        let (mut first, mut second) = (first.iter(), second.iter());
        for from_first in order.into_iter().chain([true; 40]).chain([false; 40]) {
            if let Some(event) = if from_first { first.next() } else { second.next() } {
                let _refused = woven.handle(moment(), event.clone(), &mut Vec::new()).is_err();
            }
        }
        prop_assert_eq!(one_by_one, woven);
    }
}
