//! Random DAGs: every rule, mapped tasks and groups, branches, teardowns, conditions on other runs, retries, bounds.

use fastrand::Rng;
use weft_core::{
    document::TaskIndex,
    plan::{Bounds, Mapping, Step},
    retry::RetryPolicy,
    teardown::Teardown,
    time::DurationMs,
    trigger_rule::TriggerRule,
};

/// The most tasks of a random DAG.
pub const MAX_TASKS: usize = 200;

/// A DAG, and which part of it is run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The tasks; their order is not topological.
    pub steps: Vec<Step>,
    /// The bounds of the run.
    pub bounds: Bounds,
    /// Where only a part is run: which.
    pub part: Option<Vec<TaskIndex>>,
}

/// A random scenario. Small DAGs are as likely as large ones, so that most
/// findings are small.
pub fn random(rng: &mut Rng) -> Scenario {
    let doublings = rng.u32(0..8);
    let tasks = rng.usize(1..=(1_usize << doublings))
        + if doublings == 7 {
            rng.usize(0..=MAX_TASKS - 128)
        } else {
            0
        };
    // The n-th task to be built, which has only earlier ones upstream, gets the n-th name.
    let mut names: Vec<u32> = (0..u32::try_from(tasks).expect("at most 200")).collect();
    rng.shuffle(&mut names);
    let reach = [2, 5, tasks.max(1)][rng.usize(0..3)];
    let odd_rules = rng.u32(0..100);
    let teardowns = [0, 0, 5, 20][rng.usize(0..4)];
    let preconditions = [0, 0, 5, 30][rng.usize(0..4)];
    let grouped = [0, 0, 30, 60][rng.usize(0..4)];
    let mut groups: Vec<Group> = Vec::new();
    let mut steps: Vec<Option<Step>> = vec![None; tasks];
    for at in 0..tasks {
        let mut upstreams: Vec<TaskIndex> = Vec::new();
        if at > 0 {
            for _ in 0..[0, 1, 1, 2, 2, 3, 5][rng.usize(0..7)] {
                upstreams.push(TaskIndex(names[rng.usize(at.saturating_sub(reach)..at)]));
            }
        }
        upstreams.sort_unstable();
        upstreams.dedup();
        let rule = if rng.u32(0..100) < odd_rules {
            TriggerRule::ALL[rng.usize(0..TriggerRule::ALL.len())]
        } else {
            TriggerRule::AllSuccess
        };
        let mut step = step(rng, upstreams, rule);
        if rng.u32(0..100) < teardowns {
            step.teardown = Some(Teardown {
                setups: step
                    .upstreams
                    .iter()
                    .copied()
                    .filter(|_| rng.bool())
                    .collect(),
                fails_run: rng.u32(0..4) == 0,
            });
            step.branch = false;
        }
        step.has_precondition = rng.u32(0..100) < preconditions;
        if rng.u32(0..100) < grouped {
            join_a_group(rng, &mut groups, TaskIndex(names[at]), &mut step);
        }
        steps[names[at] as usize] = Some(step);
    }
    let steps: Vec<Step> = steps
        .into_iter()
        .map(|step| step.expect("names are a permutation"))
        .collect();
    let bounds = Bounds {
        run_timeout: (rng.u32(0..10) == 0).then(|| DurationMs(rng.u64(1..100_000))),
        stops_at_deadline: rng.bool(),
        max_losses: rng.u32(0..4),
        max_deferrals: rng.u32(0..4),
    };
    let part = (rng.u32(0..10) == 0).then(|| {
        (0..tasks)
            .filter(|_| rng.u32(0..4) > 0)
            .map(|at| TaskIndex(names[at]))
            .collect()
    });
    Scenario {
        steps,
        bounds,
        part,
    }
}

/// A mapped group: where its lists come from, and the tasks it has so far.
struct Group {
    sources: Vec<TaskIndex>,
    tasks: Vec<TaskIndex>,
}

/// Puts a task into a mapped group, or begins one with it.
fn join_a_group(rng: &mut Rng, groups: &mut Vec<Group>, task: TaskIndex, step: &mut Step) {
    let found = if groups.is_empty() || rng.u32(0..5) == 0 {
        groups.push(Group {
            sources: step
                .upstreams
                .iter()
                .copied()
                .filter(|_| rng.u32(0..3) == 0)
                .collect(),
            tasks: Vec::new(),
        });
        groups.len() - 1
    } else {
        rng.usize(0..groups.len())
    };
    let group = &mut groups[found];
    step.upstreams.extend(&group.sources);
    if !group.tasks.is_empty() && rng.u32(0..4) > 0 {
        step.upstreams
            .push(group.tasks[rng.usize(0..group.tasks.len())]);
    }
    step.upstreams.sort_unstable();
    step.upstreams.dedup();
    step.branch = false;
    step.mapping = Some(Mapping {
        sources: group.sources.clone(),
        max_active: rng.bool().then(|| rng.u32(1..4)),
        by_index: step
            .upstreams
            .iter()
            .copied()
            .filter(|upstream| group.tasks.contains(upstream))
            .collect(),
    });
    group.tasks.push(task);
}

fn step(rng: &mut Rng, upstreams: Vec<TaskIndex>, rule: TriggerRule) -> Step {
    let mapped = rng.u32(0..100) < 15;
    let mapping = mapped.then(|| Mapping {
        sources: upstreams
            .iter()
            .copied()
            .filter(|_| rng.u32(0..3) == 0)
            .collect(),
        max_active: rng.bool().then(|| rng.u32(1..4)),
        by_index: Vec::new(),
    });
    Step {
        upstreams,
        rule,
        retry: RetryPolicy {
            retries: if rng.bool() { 0 } else { rng.u32(1..4) },
            delay: DurationMs(rng.u64(0..5000)),
            backoff: [1.0, 2.0, 3.5][rng.usize(0..3)],
            max_delay: DurationMs(rng.u64(1000..10_000)),
            jitter: [0.0, 0.5, 1.0][rng.usize(0..3)],
        },
        branch: rng.u32(0..100) < if mapped { 2 } else { 15 },
        mapping,
        teardown: None,
        has_precondition: false,
        stops_at_deadline: rng.bool(),
    }
}
