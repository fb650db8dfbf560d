//! How many events a second the run state machine takes on one core.
//!
//! Prints one line for each shape: the median of several runs of the whole
//! DAG, each from `Start` to the run's end, driver included. A task costs three
//! events: dispatched, started, finished.

use std::{
    hint::black_box,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};
use weft_core::{
    document::TaskIndex,
    plan::{Bounds, Mapping, Plan, Step},
    retry::RetryPolicy,
    run::{Action, Attempt, Event, Instance, Moment, Outcome, Run, RunState},
    time::Timestamp,
    trigger_rule::TriggerRule,
};

/// Runs of each shape.
const RUNS: usize = 7;

fn main() {
    for (name, plan, elements) in [
        ("wide: 100,000 tasks without edges", wide(100_000), 0),
        ("chain: 100,000 tasks in a row", chain(100_000), 0),
        (
            "layered: 1,000 layers of 100 tasks with 3 upstreams each",
            layered(1000, 100),
            0,
        ),
        ("star: 1 -> 100,000 -> 1", star(100_000), 0),
        (
            "mapped: 1 -> 1,000,000 elements -> 1",
            mapped(None),
            1_000_000,
        ),
        (
            "mapped, at most 64 at once: 1 -> 1,000,000 elements -> 1",
            mapped(Some(64)),
            1_000_000,
        ),
    ] {
        let plan = Arc::new(plan);
        let mut times: Vec<(Duration, u64)> = (0..RUNS).map(|_| drive(&plan, elements)).collect();
        times.sort_unstable();
        let (time, events) = times[RUNS / 2];
        let per_second = u128::from(events) * 1_000_000_000 / time.as_nanos().max(1);
        println!(
            "{name}: {events} events in {:.1} ms, {per_second} events/s",
            time.as_secs_f64() * 1000.0
        );
        println!(
            r#"{{"figure":"core: {name}","unit":"events/s","median":{per_second},"target":1000000,"better":"higher"}}"#
        );
    }
}

/// What the driver has to do.
enum Work {
    Dispatch {
        task: TaskIndex,
        indexes: Range<u32>,
    },
    Expand {
        task: TaskIndex,
        generation: u32,
    },
}

/// One whole run, depth first: what becomes ready last is dispatched first.
fn drive(plan: &Arc<Plan>, elements: u32) -> (Duration, u64) {
    let mut run = Run::new(Arc::clone(plan));
    let mut actions = Vec::new();
    let mut work: Vec<Work> = Vec::new();
    let mut events = 1_u64;
    let at = Moment {
        now: Timestamp(0),
        entropy: 0,
    };
    let begin = Instant::now();
    run.handle(at, Event::Start, &mut actions)
        .expect("a pending run starts");
    loop {
        for action in actions.drain(..) {
            match action {
                Action::Ready { task, indexes } => work.push(Work::Dispatch { task, indexes }),
                Action::Expand { task, generation } => work.push(Work::Expand { task, generation }),
                other => {
                    black_box(other);
                }
            }
        }
        let instance = match work.last_mut() {
            None => break,
            Some(Work::Expand { task, generation }) => {
                let event = Event::Expanded {
                    task: *task,
                    generation: *generation,
                    instances: elements,
                };
                work.pop();
                run.handle(at, event, &mut actions)
                    .expect("it was asked for");
                events += 1;
                continue;
            }
            Some(Work::Dispatch { task, indexes }) => {
                let instance = Instance {
                    task: *task,
                    index: indexes.start,
                };
                indexes.start += 1;
                if indexes.start == indexes.end {
                    work.pop();
                }
                instance
            }
        };
        let attempt = Attempt {
            instance,
            number: 1,
            nonce: events,
        };
        for event in [
            Event::Dispatched {
                instance,
                nonce: attempt.nonce,
            },
            Event::Started { attempt },
            Event::Finished {
                attempt,
                outcome: Outcome::Success,
            },
        ] {
            run.handle(at, event, &mut actions).expect("it was ready");
        }
        events += 3;
    }
    let time = begin.elapsed();
    assert_eq!(run.state(), RunState::Success, "the whole DAG was run");
    (time, events)
}

fn step(upstreams: Vec<TaskIndex>) -> Step {
    Step {
        upstreams,
        rule: TriggerRule::AllSuccess,
        retry: RetryPolicy::default(),
        mapping: None,
        branch: false,
        teardown: None,
        has_precondition: false,
        stops_at_deadline: false,
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    let bounds = Bounds {
        run_timeout: None,
        stops_at_deadline: false,
        max_losses: 3,
        max_deferrals: 1000,
    };
    Plan::from_steps(steps, bounds).expect("upstreams come first")
}

fn wide(tasks: u32) -> Plan {
    plan((0..tasks).map(|_| step(Vec::new())).collect())
}

fn chain(tasks: u32) -> Plan {
    plan(
        (0..tasks)
            .map(|task| step(task.checked_sub(1).map(TaskIndex).into_iter().collect()))
            .collect(),
    )
}

fn layered(layers: u32, width: u32) -> Plan {
    let upstreams = |layer: u32, at: u32| -> Vec<TaskIndex> {
        let Some(above) = layer.checked_sub(1) else {
            return Vec::new();
        };
        let mut upstreams: Vec<_> = [0, 1, 7]
            .iter()
            .map(|shift| TaskIndex(above * width + (at + shift) % width))
            .collect();
        upstreams.sort_unstable();
        upstreams
    };
    plan(
        (0..layers)
            .flat_map(|layer| (0..width).map(move |at| (layer, at)))
            .map(|(layer, at)| step(upstreams(layer, at)))
            .collect(),
    )
}

fn star(tasks: u32) -> Plan {
    let middle = (0..tasks).map(|_| step(vec![TaskIndex(0)]));
    let last = step((1..=tasks).map(TaskIndex).collect());
    plan(
        std::iter::once(step(Vec::new()))
            .chain(middle)
            .chain([last])
            .collect(),
    )
}

fn mapped(max_active: Option<u32>) -> Plan {
    let mapping = Mapping {
        sources: vec![TaskIndex(0)],
        max_active,
        by_index: Vec::new(),
    };
    let middle = Step {
        mapping: Some(mapping),
        ..step(vec![TaskIndex(0)])
    };
    plan(vec![step(Vec::new()), middle, step(vec![TaskIndex(1)])])
}
