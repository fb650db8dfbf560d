//! Random DAG documents, as people would deploy them, and what their tasks do.
//!
//! A task whose name begins with `l` returns a list, which others may be mapped
//! over. Every output names the attempt and the worker that made it, so that no
//! two are alike and each consumer's inputs can be traced.

use fastrand::Rng;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use weft_core::{
    concurrency::{Concurrency, RateLimit},
    document::{Dag, Format, Source, parse},
    plan::{Defaults, Plan},
    time::DurationMs,
};

/// The queues that workers serve.
pub const QUEUES: [&str; 2] = ["default", "side"];
/// The pools of every tenant.
pub const POOLS: [&str; 2] = ["p0", "p1"];
/// What runs of a DAG with a key count by; those that no operator triggers by the first one.
pub const KEYS: [&str; 3] = ["a", "b", "c"];
/// The most tasks of a DAG.
const MAX_TASKS: usize = 7;

/// The asset that tasks update, of each tenant.
pub const ASSET: &str = "made";
/// The end of the ids of DAGs whose tasks update it.
const PRODUCER: &str = "-0";

/// Whether updates of assets create runs of a DAG. Its tasks call none, or there would be no end.
pub fn is_consumer(dag: &str) -> bool {
    dag.ends_with("-1")
}

/// What stays the same over all versions of a DAG.
#[derive(Debug, Clone)]
pub struct Shape {
    id: String,
    max_active_runs: u32,
    max_active_tasks: Option<u32>,
    /// As written, and in milliseconds.
    schedule: Option<(&'static str, i64)>,
    catchup: bool,
    is_over: bool,
    has_conditions: bool,
    concurrency: Concurrency,
}

impl Shape {
    /// A random DAG's bounds and timetable.
    pub fn random(rng: &mut Rng, id: String, has_conditions: bool) -> Self {
        let schedules = [
            ("every 4s", 4_000),
            ("every 7s", 7_000),
            ("every 30s", 30_000),
        ];
        let schedule = schedules[rng.usize(0..3)];
        Self {
            id,
            max_active_runs: rng.u32(1..5),
            max_active_tasks: rng.bool().then(|| rng.u32(1..6)),
            schedule: (rng.u32(0..3) == 0).then_some(schedule),
            catchup: rng.bool(),
            is_over: false,
            has_conditions,
            concurrency: if has_conditions {
                random_concurrency(rng)
            } else {
                Concurrency::default()
            },
        }
    }

    /// The bounds on its runs by key.
    pub const fn concurrency(&self) -> &Concurrency {
        &self.concurrency
    }

    /// The bound on its runs.
    pub const fn max_active_runs(&self) -> u32 {
        self.max_active_runs
    }

    /// The span between dates, where every date of its timetable gets a run.
    pub const fn every_date_ms(&self) -> Option<i64> {
        match self.schedule {
            Some((_, span)) if self.catchup => Some(span),
            Some(_) | None => None,
        }
    }

    /// No further run is scheduled by the versions to come.
    pub const fn schedule_nothing(&mut self) {
        self.is_over = true;
    }

    /// A document of a version.
    pub fn document(&self, rng: &mut Rng, number: u32) -> Arc<str> {
        let count = rng.usize(1..=MAX_TASKS);
        let names: Vec<String> = (0..count)
            .map(|at| format!("{}{at}", if rng.u32(0..3) == 0 { "l" } else { "t" }))
            .collect();
        let mut tasks = Map::new();
        let mut mapped = vec![false; count];
        for at in 0..count {
            let (mut task, is_mapped) = random_task(rng, &names, at, &mapped);
            mapped[at] = is_mapped;
            if self.has_conditions {
                add_conditions(rng, &mut task);
            }
            if self.id.ends_with(PRODUCER) && at % 2 == 0 {
                task["outlets"] = json!([ASSET]);
            }
            tasks.insert(names[at].clone(), task);
        }
        let mut dag = Map::new();
        let is_list = |at: &usize| mapped[*at] || names[*at].starts_with('l');
        // Not by the random numbers of the document, so that the rest of it is the same without a group.
        let mut own = Rng::with_seed(u64::from(number) + 7 * names.len() as u64);
        if own.u32(0..3) == 0
            && let Some(list) = (0..count).find(is_list)
        {
            add_group(&mut own, &names[list], &mut dag, &mut tasks);
        }
        if own.bool() {
            add_chain(&mut own, &mut tasks);
        }
        dag.insert("id".into(), json!(self.id));
        dag.insert("description".into(), json!(format!("version {number}")));
        dag.insert("max_active_runs".into(), json!(self.max_active_runs));
        if let Some(key) = &self.concurrency.key {
            dag.insert("params".into(), json!({ "k": KEYS[0] }));
            dag.insert("concurrency_key".into(), json!(key));
            dag.insert(
                "max_active_runs_per_key".into(),
                json!(self.concurrency.max_active_runs_per_key),
            );
        }
        if let Some(rate) = self.concurrency.rate_limit {
            let per = rate.per.0 / 1_000;
            dag.insert(
                "rate_limit".into(),
                json!({ "runs": rate.runs, "per": per }),
            );
        }
        if let Some(most) = self.max_active_tasks {
            dag.insert("max_active_tasks".into(), json!(most));
        }
        if let Some((schedule, _)) = self.schedule.filter(|_| !self.is_over) {
            dag.insert("schedule".into(), json!(schedule));
            dag.insert("catchup".into(), json!(self.catchup));
        }
        if is_consumer(&self.id) && !number.is_multiple_of(3) {
            dag.insert("on_assets".into(), json!(ASSET));
        }
        if rng.u32(0..8) == 0 {
            dag.insert("timeout".into(), json!("40s"));
        }
        dag.insert("tasks".into(), Value::Object(tasks));
        json!({ "contract": "weft.dag/1", "dags": [dag] })
            .to_string()
            .into()
    }
}

/// Bounds on runs by key, of half of all DAGs.
fn random_concurrency(rng: &mut Rng) -> Concurrency {
    let has_key = rng.bool();
    Concurrency {
        key: has_key.then(|| "{{ params.k }}".to_owned()),
        max_active_runs_per_key: has_key.then(|| rng.u32(1..3)),
        rate_limit: (rng.u32(0..4) == 0).then(|| RateLimit {
            runs: rng.u32(1..6),
            per: DurationMs(rng.u64(1..8) * 1_000),
        }),
    }
}

/// The ids of all DAGs that there may be: every task may call them.
fn callable_dags() -> Vec<String> {
    let dags = (0..4).flat_map(|tenant| (0..4).map(move |dag| format!("dag-{tenant}-{dag}")));
    dags.collect()
}

/// What a task may require of other runs, and by when it has to end.
fn add_conditions(rng: &mut Rng, task: &mut Value) {
    if task.get("teardown_of").is_none() && rng.u32(0..4) == 0 {
        let conditions = ["latest_only", "depends_on_past", "wait_for_downstream"];
        task[conditions[rng.usize(0..conditions.len())]] = json!(true);
    }
    if rng.u32(0..8) == 0 {
        task["deadline"] = json!(["10s", "2m", "1h"][rng.usize(0..3)]);
    }
}

/// A mapped group of two or three tasks, and a task after it.
fn add_group(
    rng: &mut Rng,
    list: &str,
    dag: &mut Map<String, Value>,
    tasks: &mut Map<String, Value>,
) {
    dag.insert("groups".into(), json!({ "g": { "expand": { "e": list } } }));
    let mut first = json!({ "inputs": { "each": { "element": "e" } } });
    let mut second = json!({ "inputs": { "from_a": "g.a", "each": { "element": "e" } } });
    for task in [&mut first, &mut second] {
        if rng.bool() {
            task["max_active"] = json!(rng.u32(1..3));
        }
        if rng.u32(0..3) == 0 {
            task["retries"] = json!(2);
        }
        task["grants"] = json!({ "dags": callable_dags() });
    }
    if rng.u32(0..3) == 0 {
        let rules = ["all_done", "one_success", "none_failed"];
        second["trigger_rule"] = json!(rules[rng.usize(0..rules.len())]);
    }
    tasks.insert("g.a".into(), first);
    tasks.insert("g.b".into(), second);
    if rng.bool() {
        let mut undo =
            json!({ "inputs": { "from_a": "g.a" }, "after": ["g.b"], "teardown_of": ["g.a"] });
        undo["grants"] = json!({ "dags": callable_dags() });
        tasks.insert("g.c".into(), undo);
    }
    let mut after = json!({ "inputs": { "from_b": "g.b" } });
    after["grants"] = json!({ "dags": callable_dags() });
    tasks.insert("after_g".into(), after);
}

/// Tasks in a row, that may run ahead but for those with effects outside.
fn add_chain(rng: &mut Rng, tasks: &mut Map<String, Value>) {
    for at in 0..rng.usize(3..7) {
        let mut task = json!({ "grants": { "dags": callable_dags() } });
        if at > 0 {
            let input = format!("from_c{}", at - 1);
            task["inputs"] = json!({ input: format!("c{}", at - 1) });
        }
        if rng.u32(0..3) == 0 {
            task["retries"] = json!(1);
        }
        if rng.u32(0..4) == 0 {
            task["grants"]["http"] = json!(["https://example.com"]);
        }
        tasks.insert(format!("c{at}"), task);
    }
}

/// A task of these names, and whether it is mapped.
fn random_task(rng: &mut Rng, names: &[String], at: usize, mapped: &[bool]) -> (Value, bool) {
    let mut task = Map::new();
    let mut inputs = Map::new();
    let mut after = Vec::new();
    let mut expand = None;
    for up in 0..at {
        if rng.u32(0..3) > 0 {
            continue;
        }
        let is_list = mapped[up] || names[up].starts_with('l');
        if is_list && expand.is_none() && rng.bool() {
            expand = Some(json!({ "each": names[up] }));
        } else if rng.u32(0..3) > 0 {
            inputs.insert(format!("from_{}", names[up]), json!(names[up]));
        } else {
            after.push(json!(names[up]));
        }
    }
    let has_upstreams = expand.is_some() || !inputs.is_empty() || !after.is_empty();
    let teardown = has_upstreams && rng.u32(0..8) == 0;
    if teardown {
        let setups: Vec<&String> = names[..at].iter().filter(|_| rng.u32(0..3) == 0).collect();
        task.insert("teardown_of".into(), json!(setups));
        if rng.u32(0..4) == 0 {
            task.insert("teardown_fails_run".into(), json!(true));
        }
    } else if has_upstreams && rng.u32(0..4) == 0 {
        let rule = [
            "all_done",
            "one_success",
            "none_failed",
            "all_done_min_one_success",
        ];
        task.insert("trigger_rule".into(), json!(rule[rng.usize(0..rule.len())]));
    }
    let is_mapped = expand.is_some();
    if let Some(expand) = expand {
        task.insert("expand".into(), expand);
        if rng.bool() {
            task.insert("max_active".into(), json!(rng.u32(1..3)));
        }
    } else if !teardown && rng.u32(0..6) == 0 {
        task.insert("branch".into(), json!(true));
    }
    if !inputs.is_empty() {
        task.insert("inputs".into(), Value::Object(inputs));
    }
    if !after.is_empty() {
        task.insert("after".into(), Value::Array(after));
    }
    if rng.bool() {
        task.insert("retries".into(), json!(rng.u32(1..4)));
        task.insert(
            "retry_delay".into(),
            json!(["0s", "1s", "3s"][rng.usize(0..3)]),
        );
    }
    if rng.u32(0..3) == 0 {
        task.insert("pool".into(), json!(POOLS[rng.usize(0..POOLS.len())]));
        task.insert("pool_slots".into(), json!(rng.u32(1..3)));
    }
    if rng.u32(0..5) == 0 {
        task.insert("queue".into(), json!("side"));
    }
    task.insert("grants".into(), json!({ "dags": callable_dags() }));
    if rng.u32(0..4) == 0 {
        task.insert("priority".into(), json!(rng.i32(-2..3)));
    }
    (Value::Object(task), is_mapped)
}

/// A version, parsed.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// Its only DAG.
    pub dag: Arc<Dag>,
    /// What its runs' machines go by.
    pub plan: Arc<Plan>,
}

impl Parsed {
    /// Reads a document with the defaults of the simulated installation.
    pub fn read(document: &str) -> Self {
        let document = parse(Source {
            name: "the simulation's",
            text: document,
            format: Format::Json,
        })
        .unwrap_or_else(|error| panic!("the simulation writes legal documents: {error}"));
        let [dag] = <[Dag; 1]>::try_from(document.dags).expect("it has one DAG");
        Self {
            plan: Arc::new(Plan::new(&dag, &defaults())),
            dag: Arc::new(dag),
        }
    }
}

/// The defaults of a scheduler's start: every other one is of a release that retries once more.
pub fn defaults_of_start(number: u64) -> Defaults {
    let mut defaults = defaults();
    if number % 2 == 1 {
        defaults.retry.retries += 1;
        defaults.retry.delay = DurationMs(100);
    }
    defaults
}

/// What the simulated installation gives where a document is silent: like the
/// product's, but that nothing fails for the many losses of a bad world.
pub fn defaults() -> Defaults {
    Defaults {
        max_losses: 1_000_000,
        ..Defaults::default()
    }
}
