//! From a document to a plan.

use super::driver::{branch, mapped, plan, task};
use weft_core::{
    document::{Format, Source, TaskIndex, parse},
    plan::{Bounds, Defaults, Mapping, Plan, PlanError},
    retry::RetryPolicy,
    time::DurationMs,
    trigger_rule::TriggerRule,
};

const BOUNDS: Bounds = Bounds {
    run_timeout: None,
    stops_at_deadline: false,
    max_losses: 0,
    max_deferrals: 0,
};

#[test]
fn a_document_becomes_a_plan_with_the_installations_defaults() {
    let text = r#"
[dag]
id = "quakes"
timeout = "2h"
[tasks.list]
program = "a.wasm"
retries = 3
retry_backoff = 2.0
[tasks.each]
program = "a.wasm"
expand = { item = "list" }
max_active = 4
[tasks.last]
program = "a.wasm"
after = ["each", "list"]
trigger_rule = "all_done"
"#;
    let source = Source {
        name: "dag.toml",
        text,
        format: Format::Toml,
    };
    let document = parse(source).expect("a good manifest");
    let defaults = Defaults {
        retry: RetryPolicy {
            delay: DurationMs(7),
            ..RetryPolicy::default()
        },
        max_losses: 9,
        ..Defaults::default()
    };
    let plan = Plan::new(&document.dags[0], &defaults);
    let named = |id: &str| {
        let position = document.dags[0]
            .tasks
            .iter()
            .position(|task| task.id.as_str() == id);
        TaskIndex(u32::try_from(position.expect("the task is there")).expect("few tasks"))
    };
    let (list, each, last) = (named("list"), named("each"), named("last"));
    assert_eq!(plan.bounds().run_timeout, Some(DurationMs(7_200_000)));
    assert_eq!(plan.bounds().max_losses, 9);
    let retry = RetryPolicy {
        retries: 3,
        delay: DurationMs(7),
        backoff: 2.0,
        ..RetryPolicy::default()
    };
    assert_eq!(plan.step(list).retry, retry);
    let mapping = Mapping {
        sources: vec![list],
        max_active: Some(4),
        by_index: Vec::new(),
    };
    assert_eq!(plan.step(each).mapping, Some(mapping));
    assert_eq!(plan.step(last).rule, TriggerRule::AllDone);
    let mut upstreams = vec![list, each];
    upstreams.sort_unstable();
    assert_eq!(plan.step(last).upstreams, upstreams);
    assert_eq!(plan.downstreams(each), [last]);
}

#[test]
fn cycles_and_strangers_make_no_plan() {
    let cycle = Plan::from_steps(vec![task(&[]), task(&[0, 2]), task(&[1])], BOUNDS);
    assert_eq!(cycle, Err(PlanError::Cycle(TaskIndex(1))));
    let own = Plan::from_steps(vec![task(&[0])], BOUNDS);
    assert_eq!(own, Err(PlanError::Cycle(TaskIndex(0))));
    let stranger = Plan::from_steps(vec![task(&[1])], BOUNDS);
    assert_eq!(stranger, Err(PlanError::Unknown(TaskIndex(0))));
    let source = weft_core::plan::Step {
        upstreams: Vec::new(),
        ..mapped(&[3], None)
    };
    let source = Plan::from_steps(vec![task(&[]), source], BOUNDS);
    assert_eq!(source, Err(PlanError::Unknown(TaskIndex(1))));
}

#[test]
fn everything_downstream_comes_once_and_upstreams_first() {
    // 3 -> 0 -> 1 -> 2, 3 -> 2, and 4 alone.
    let plan = plan(vec![
        task(&[3]),
        branch(&[0]),
        task(&[1, 3]),
        task(&[]),
        task(&[]),
    ]);
    let found = plan.with_downstreams(&[TaskIndex(1), TaskIndex(3), TaskIndex(1)]);
    assert_eq!(found, [3, 0, 1, 2].map(TaskIndex));
    assert_eq!(plan.with_downstreams(&[TaskIndex(4)]), [TaskIndex(4)]);
}
