//! From the tree to tasks: the fields of a task, with every name resolved.

use super::{
    Binding, MAX_RETRIES, MAX_RETRY_BACKOFF, MAX_RETRY_DELAY, ProblemCode, Task, TaskIndex,
    assets::read_outlets,
    binding::{Mapped, check_list, read_bindings, read_expansions, resolve_task},
    collect::Problems,
    deadline::read_deadline,
    fields::{Fields, did_you_mean, wrong_type},
    groups::Group,
    names::Names,
    path::{Path, quoted},
    read_code::read_code,
    tree::Node,
};
use crate::{
    failure_code::FailureCode,
    grant::{GrantRequest, HttpGrant},
    id::TaskId,
    limit::LimitRequest,
    precondition::Precondition,
    teardown::Teardown,
    trigger_rule::TriggerRule,
};
use serde_json::Value;
use std::{collections::HashSet, sync::Arc};

/// The fields of a task.
pub(crate) const TASK_KEYS: &[&str] = &[
    "description",
    "component",
    "task",
    "program",
    "args",
    "env",
    "output",
    "fail_on_exit",
    "skip_on_exit",
    "inputs",
    "expand",
    "after",
    "zip",
    "max_active",
    "trigger_rule",
    "teardown_of",
    "teardown_fails_run",
    "depends_on_past",
    "wait_for_downstream",
    "latest_only",
    "deadline",
    "on_missed_deadline",
    "outlets",
    "branch",
    "retries",
    "retry_on",
    "retry_delay",
    "retry_backoff",
    "retry_max_delay",
    "retry_jitter",
    "timeout",
    "deterministic",
    "grants",
    "limits",
    "queue",
    "pool",
    "pool_slots",
    "priority",
    "types",
];
/// The fields of a task's `grants`.
pub(crate) const GRANT_KEYS: &[&str] = &["http", "variables", "connections", "dags"];
/// The fields of a task's `limits`: the requestable rows of `limit::TABLE`.
pub(crate) const LIMIT_KEYS: &[&str] = &["memory", "cpu", "scratch", "output", "log", "artifact"];
/// The fields of a task's `types`.
pub(crate) const TYPE_KEYS: &[&str] = &["inputs", "output"];

/// What a task takes: it, its id, its place among the names, and the searches for cycles.
const TASK_BYTES: usize = size_of::<Task>() + 224;

/// Reads one task; `None` only if it is no table, or the memory is used up.
pub(crate) fn read_task(
    id: TaskId,
    index: TaskIndex,
    node: &Node<'_>,
    path: &Path<'_>,
    names: &Names<'_>,
    problems: &Problems,
) -> Option<Task> {
    let fields = Fields::open(
        node,
        path,
        TASK_KEYS,
        problems,
        "a table with the task's fields",
    )?;
    if !problems.memory.take(TASK_BYTES + id.as_str().len()) {
        return None;
    }
    let group = names.group_of(id.as_str());
    let inputs = read_bindings(&fields, names, group.map(|(_, group)| group));
    let (mut expand, mut elements) = read_expansions(&fields, names);
    check_bindings(&fields, &inputs, &expand);
    let mut zip = fields.flag("zip").unwrap_or_default();
    if let Some((_, group)) = group {
        check_group(&fields, group);
        if !problems.memory.take(group.bytes) {
            return None;
        }
        expand.clone_from(&group.expand);
        elements.clone_from(&group.elements);
        zip = group.zip;
    }
    let mapped_over = if group.is_some() {
        &[]
    } else {
        expand.as_slice()
    };
    let code = read_code(&fields, &id, names, &inputs, mapped_over);
    let teardown = read_teardown(&fields, names);
    let upstreams = read_upstreams(&fields, index, (&inputs, &expand, teardown.as_ref()), names);
    let max_active = fields.count("max_active", 1, u32::MAX);
    let branch = fields.flag("branch").unwrap_or_default();
    check_mapping(&fields, group.is_some(), max_active, branch);
    let (input_schemas, output_schema) = read_types(&fields);
    let task = Task {
        id,
        description: fields.owned("description"),
        code,
        inputs,
        expand,
        elements,
        zip,
        mapped_group: group.map(|(position, _)| position),
        max_active,
        upstreams,
        trigger_rule: read_trigger_rule(&fields),
        teardown,
        precondition: read_precondition(&fields),
        deadline: read_deadline(&fields),
        outlets: read_outlets(&fields),
        branch,
        retries: fields.count("retries", 0, MAX_RETRIES),
        retry_on: read_retry_on(&fields),
        retry_delay: fields.span("retry_delay"),
        retry_backoff: fields.number("retry_backoff", 1.0, MAX_RETRY_BACKOFF),
        retry_max_delay: fields.span("retry_max_delay"),
        retry_jitter: fields.number("retry_jitter", 0.0, 1.0),
        timeout: fields.timeout("timeout"),
        limits: read_limits(&fields),
        grants: read_grants(&fields),
        queue: fields.name("queue"),
        pool: fields.name("pool"),
        pool_slots: fields.count("pool_slots", 1, u32::MAX),
        priority: fields.integer("priority"),
        deterministic: fields.flag("deterministic").unwrap_or_default(),
        input_schemas,
        output_schema,
    };
    check_delays(&fields, &task);
    Some(task)
}

/// `max_active` and `zip` are for mapped tasks alone, and a mapped task chooses no branch.
fn check_mapping(fields: &Fields<'_>, in_group: bool, max_active: Option<u32>, branch: bool) {
    let is_mapped = in_group || fields.has("expand");
    if max_active.is_some() && !is_mapped {
        let help = "add `expand`, or bound the whole DAG with `max_active_tasks`".to_owned();
        fields.problem(
            "max_active",
            ProblemCode::Conflict,
            "only a mapped task has several instances",
            Some(help),
        );
    }
    if fields.has("zip") && !fields.has("expand") && !in_group {
        let help = "add `expand` with the lists, or remove it".to_owned();
        let message = "only a mapped task has lists whose elements go together";
        fields.problem("zip", ProblemCode::Conflict, message, Some(help));
    }
    if branch && is_mapped {
        let help = "remove one of the two; where the choice follows from all instances, let a task after them make it".to_owned();
        fields.problem(
            "branch",
            ProblemCode::Conflict,
            "a mapped task can't choose, since its instances could choose differently",
            Some(help),
        );
    }
}

fn check_delays(fields: &Fields<'_>, task: &Task) {
    for (key, delay) in [
        ("retry_delay", task.retry_delay),
        ("retry_max_delay", task.retry_max_delay),
    ] {
        if delay.is_some_and(|delay| delay > MAX_RETRY_DELAY) {
            fields.problem(
                key,
                ProblemCode::InvalidValue,
                format!("a retry waits at most {MAX_RETRY_DELAY}"),
                None,
            );
        }
    }
    if let (Some(delay), Some(most)) = (task.retry_delay, task.retry_max_delay)
        && most < delay
    {
        let message = format!(
            "the longest wait ({most}) is shorter than the first one (`retry_delay`, {delay})"
        );
        fields.problem("retry_max_delay", ProblemCode::Conflict, message, None);
    }
}

/// A parameter is bound once; a literal that is mapped over is a list.
fn check_bindings(fields: &Fields<'_>, inputs: &[(String, Binding)], expand: &[(String, Binding)]) {
    if expand.is_empty() {
        return;
    }
    let given: HashSet<&str> = inputs.iter().map(|(name, _)| &**name).collect();
    let table = Path::Key(fields.path, "expand");
    for (name, binding) in expand {
        let path = Path::Key(&table, name);
        if given.contains(name.as_str()) {
            let message = format!(
                "the parameter {} is bound in `inputs` already",
                quoted(name)
            );
            let help = "an element of the list, or the same value for every instance: remove one of the two".to_owned();
            fields.problems.add(
                super::path::At::Key,
                &path,
                ProblemCode::Conflict,
                message,
                Some(help),
            );
        }
        check_list(binding, Mapped::Task, &path, fields.problems);
    }
}

/// A task of a mapped group is mapped with it alone.
fn check_group(fields: &Fields<'_>, group: &Group) {
    for key in ["expand", "zip"] {
        if fields.has(key) {
            let message = format!(
                "the task is mapped with its group {}, and not by itself",
                quoted(&group.name)
            );
            let help = format!("remove `{key}`, or move the task out of the group");
            fields.problem(key, ProblemCode::Conflict, message, Some(help));
        }
    }
}

/// The bindings of `inputs` or `expand`.
type Bindings = [(String, Binding)];

/// What `teardown_of` names; `None` for a task that is no teardown.
fn read_teardown(fields: &Fields<'_>, names: &Names<'_>) -> Option<Teardown> {
    let fails_run = fields.flag("teardown_fails_run");
    if !fields.has("teardown_of") {
        if fails_run.is_some() {
            let help = "add `teardown_of` with the names of its setups, or remove it".to_owned();
            let message = "the task is no teardown; any other task fails its run by itself";
            fields.problem(
                "teardown_fails_run",
                ProblemCode::Conflict,
                message,
                Some(help),
            );
        }
        return None;
    }
    let conflicts = [
        (
            "trigger_rule",
            fields.has("trigger_rule"),
            "a teardown has a rule of its own: everything upstream ended, and a setup succeeded",
        ),
        (
            "branch",
            fields.flag("branch") == Some(true),
            "a teardown can't choose what runs",
        ),
        (
            "depends_on_past",
            fields.flag("depends_on_past") == Some(true),
            "a teardown runs whatever came of other runs",
        ),
        (
            "wait_for_downstream",
            fields.flag("wait_for_downstream") == Some(true),
            "a teardown runs whatever came of other runs",
        ),
        (
            "latest_only",
            fields.flag("latest_only") == Some(true),
            "a teardown runs whatever came of other runs",
        ),
    ];
    for (key, is_given, message) in conflicts {
        if is_given {
            let help = format!("remove `{key}` or `teardown_of`");
            fields.problem(key, ProblemCode::Conflict, message, Some(help));
        }
    }
    let list = Path::Key(fields.path, "teardown_of");
    let mut setups: Vec<TaskIndex> = Vec::new();
    for (at, name) in fields.texts("teardown_of") {
        let path = Path::Index(&list, at);
        setups.extend(resolve_task(name, names, &path, fields.problems));
    }
    setups.sort_unstable();
    setups.dedup();
    Some(Teardown {
        setups,
        fails_run: fails_run.unwrap_or_default(),
    })
}

fn read_precondition(fields: &Fields<'_>) -> Precondition {
    let flag = |key| fields.flag(key).unwrap_or_default();
    Precondition {
        depends_on_past: flag("depends_on_past"),
        wait_for_downstream: flag("wait_for_downstream"),
        latest_only: flag("latest_only"),
    }
}

fn read_upstreams(
    fields: &Fields<'_>,
    index: TaskIndex,
    (inputs, expand, teardown): (&Bindings, &Bindings, Option<&Teardown>),
    names: &Names<'_>,
) -> Vec<TaskIndex> {
    let by_data = inputs
        .iter()
        .chain(expand)
        .filter_map(|(_, binding)| binding.upstream());
    let mut upstreams: Vec<TaskIndex> = by_data.collect();
    upstreams.extend(teardown.iter().flat_map(|teardown| &teardown.setups));
    let list = Path::Key(fields.path, "after");
    for (at, name) in fields.texts("after") {
        upstreams.extend(resolve_task(
            name,
            names,
            &Path::Index(&list, at),
            fields.problems,
        ));
    }
    upstreams.sort_unstable();
    upstreams.dedup();
    if upstreams.binary_search(&index).is_ok() {
        let help = "remove it from `inputs`, `expand`, `after` or `teardown_of`".to_owned();
        fields.problem_here(ProblemCode::Cycle, "the task waits for itself", Some(help));
        upstreams.retain(|upstream| *upstream != index);
    }
    upstreams
}

fn read_trigger_rule(fields: &Fields<'_>) -> TriggerRule {
    let Some(text) = fields.text("trigger_rule") else {
        return TriggerRule::default();
    };
    let known = TriggerRule::ALL.iter().copied().map(TriggerRule::name);
    let rule = TriggerRule::ALL
        .into_iter()
        .find(|rule| rule.name() == text);
    rule.unwrap_or_else(|| {
        let help = did_you_mean(text, known.clone())
            .unwrap_or_else(|| format!("known are {}", known.collect::<Vec<_>>().join(", ")));
        fields.problem(
            "trigger_rule",
            ProblemCode::InvalidValue,
            format!("there is no trigger rule {}", quoted(text)),
            Some(help),
        );
        TriggerRule::default()
    })
}

/// The failures that are retried.
fn read_retry_on(fields: &Fields<'_>) -> Option<Vec<FailureCode>> {
    let known = || {
        FailureCode::ALL
            .iter()
            .copied()
            .filter(|code| code.is_of_attempt())
    };
    let names = fields.names("retry_on");
    if let Some(Node::List(codes)) = fields.get("retry_on")
        && codes.is_empty()
    {
        let help = "remove it, or write `retries = 0` for a task that is never retried".to_owned();
        let message = "this must name at least one code";
        fields.problem("retry_on", ProblemCode::InvalidValue, message, Some(help));
    }
    let mut codes = Vec::with_capacity(names.len());
    for name in names {
        if let Some(code) = known().find(|code| code.as_str() == name) {
            codes.push(code);
            continue;
        }
        let all = || known().map(FailureCode::as_str);
        let help = did_you_mean(&name, all())
            .unwrap_or_else(|| format!("known are {}", all().collect::<Vec<_>>().join(", ")));
        let message = format!("no attempt fails with the code {}", quoted(&name));
        fields.problem("retry_on", ProblemCode::InvalidValue, message, Some(help));
    }
    fields.has("retry_on").then_some(codes)
}

fn read_grants(fields: &Fields<'_>) -> GrantRequest {
    let path = Path::Key(fields.path, "grants");
    let Some(node) = fields.get("grants") else {
        return GrantRequest::default();
    };
    let Some(grants) = Fields::open(
        node,
        &path,
        GRANT_KEYS,
        fields.problems,
        "a table with `http`, `variables`, `connections`, `dags`",
    ) else {
        return GrantRequest::default();
    };
    let mut http: Vec<HttpGrant> = Vec::new();
    let list = Path::Key(&path, "http");
    for (at, text) in grants.texts("http") {
        match text.parse() {
            // Two spellings of one host are one grant.
            Ok(grant) if http.contains(&grant) => {}
            Ok(grant) => http.push(grant),
            Err(error) => {
                let help = "write \"host\", \"host:port\" or \"http://host:port\"".to_owned();
                let message = format!("{} is no HTTP grant: {error}", quoted(text));
                grants.problems.add(
                    super::path::At::Value,
                    &Path::Index(&list, at),
                    ProblemCode::InvalidValue,
                    message,
                    Some(help),
                );
            }
        }
    }
    GrantRequest {
        http,
        variables: grants.names("variables"),
        connections: grants.names("connections"),
        dags: grants.names("dags"),
    }
}

fn read_limits(fields: &Fields<'_>) -> LimitRequest {
    let path = Path::Key(fields.path, "limits");
    let Some(node) = fields.get("limits") else {
        return LimitRequest::default();
    };
    let Some(limits) = Fields::open(
        node,
        &path,
        LIMIT_KEYS,
        fields.problems,
        "a table of limits",
    ) else {
        return LimitRequest::default();
    };
    LimitRequest {
        memory_bytes: limits.size("memory"),
        cpu: limits.timeout("cpu"),
        scratch_bytes: limits.size("scratch"),
        output_bytes: limits.size("output"),
        log_bytes: limits.size("log"),
        artifact_bytes: limits.size("artifact"),
    }
}

type Types = (Vec<(String, Arc<Value>)>, Option<Arc<Value>>);

fn read_types(fields: &Fields<'_>) -> Types {
    let path = Path::Key(fields.path, "types");
    let Some(node) = fields.get("types") else {
        return Types::default();
    };
    let Some(types) = Fields::open(
        node,
        &path,
        TYPE_KEYS,
        fields.problems,
        "a table with `inputs` and `output`",
    ) else {
        return Types::default();
    };
    let memory = &fields.problems.memory;
    let schema = |node: &Node<'_>, path: &Path<'_>| match node {
        Node::Table(_) | Node::Bool(_) => Some(memory.schema(node)),
        Node::Null | Node::Number(_) | Node::Text(_) | Node::Date(_) | Node::List(_) => {
            wrong_type(
                fields.problems,
                path,
                "a JSON Schema (a table, true or false)",
                node,
            );
            None
        }
    };
    let table = Path::Key(&path, "inputs");
    let mut inputs = Vec::new();
    for (name, node) in types.table("inputs", "a table of JSON Schemas by parameter") {
        if !memory.take(size_of::<(String, Arc<Value>)>()) || !memory.take_text(name.len()) {
            break;
        }
        inputs.extend(
            schema(node, &Path::Key(&table, name))
                .map(|schema| (name.clone().into_owned(), schema)),
        );
    }
    let output = types
        .get("output")
        .and_then(|node| schema(node, &Path::Key(&path, "output")));
    (inputs, output)
}
