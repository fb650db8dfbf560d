//! From the tree to DAGs: the document's two shapes, and the fields of a DAG.

use super::{
    CONTRACT, Dag, Document, Format, MAX_DAGS, ProblemCode, Task, TaskIndex,
    assets::read_condition,
    collect::Problems,
    concurrency::read_concurrency,
    deadline::read_deadline,
    edges::check_edges,
    fields::{Entries, Fields, wrong_type},
    graph::check_cycles,
    groups::read_groups,
    names::{Described, Names},
    params::read_params,
    path::{At, Path, quoted},
    priority::read_priorities,
    read_schedule::{read_holidays, read_schedule},
    read_task::read_task,
    schedule::{date, zone},
    tree::Node,
};
use crate::{
    id::{DagId, TaskId},
    timetable,
};
use jiff::tz::TimeZone;
use std::collections::HashMap;

/// The fields of a document: of many DAGs `contract` and `dags`, of one `contract`, `dag` and `tasks`.
pub(crate) const ROOT_KEYS: &[&str] = &["contract", "dags", "dag", "tasks"];

/// The fields of a DAG, apart from its tasks.
pub(crate) const DAG_HEAD_KEYS: &[&str] = &[
    "id",
    "description",
    "tags",
    "owners",
    "schedule",
    "holidays",
    "on_assets",
    "timezone",
    "start",
    "end",
    "catchup",
    "max_active_runs",
    "concurrency_key",
    "max_active_runs_per_key",
    "rate_limit",
    "max_active_tasks",
    "timeout",
    "deadline",
    "on_missed_deadline",
    "priority",
    "priority_rule",
    "params",
    "groups",
];
/// The fields of a DAG that holds its tasks.
pub(crate) const DAG_KEYS: &[&str] = &[
    "id",
    "description",
    "tags",
    "owners",
    "schedule",
    "holidays",
    "on_assets",
    "timezone",
    "start",
    "end",
    "catchup",
    "max_active_runs",
    "concurrency_key",
    "max_active_runs_per_key",
    "rate_limit",
    "max_active_tasks",
    "timeout",
    "deadline",
    "on_missed_deadline",
    "priority",
    "priority_rule",
    "params",
    "groups",
    "tasks",
];

/// Reads the whole document; it is whole only if no problem was found.
pub(crate) fn read_document(root: &Node<'_>, format: Format, problems: &Problems) -> Document {
    let mut document = Document { dags: Vec::new() };
    // The contract comes first: of a newer document, no other message is worth reading.
    if let Node::Table(entries) = root
        && !check_contract(entries, problems)
    {
        return document;
    }
    let path = Path::Root;
    let Some(fields) = Fields::open(
        root,
        &path,
        ROOT_KEYS,
        problems,
        "a table with `dags`, or with `dag` and `tasks`",
    ) else {
        return document;
    };
    // Only JSON comes out of a component; a manifest's tasks all name their code.
    let described = if format == Format::Json {
        Described::ByComponent
    } else {
        Described::ByHand
    };
    let many = fields.get_any("dags");
    let one = fields.get_any("dag");
    match (many, one) {
        (Some(_), Some(_)) => {
            fields.problem(
                "dag",
                ProblemCode::Conflict,
                "a document has either `dags` or one `dag`, not both",
                None,
            );
        }
        (Some(dags), None) => {
            check_fields_beside_dags(&fields);
            read_dags(dags, described, problems, &mut document);
        }
        (None, Some(head)) => document
            .dags
            .extend(read_single_dag(head, &fields, described)),
        (None, None) => {
            let help = "begin with [dag] and id = \"my_dag\"".to_owned();
            fields.problem_here(
                ProblemCode::MissingField,
                "there is no `dag` and there are no `dags`",
                Some(help),
            );
        }
    }
    document
}

/// A document of many DAGs names its contract, and each DAG contains its tasks.
fn check_fields_beside_dags(root: &Fields<'_>) {
    if root.has("tasks") {
        root.problem(
            "tasks",
            ProblemCode::Conflict,
            "a document with `dags` has no `tasks` of its own",
            Some("move them into their DAG, `dags[].tasks`".into()),
        );
    }
    if !root.has("contract") {
        root.problem_here(
            ProblemCode::MissingField,
            "`contract` is missing",
            Some(format!("add \"contract\": {CONTRACT:?}")),
        );
    }
}

/// The DAG of a document whose `dag` and `tasks` are beside each other.
fn read_single_dag(head: &Node<'_>, root: &Fields<'_>, described: Described) -> Option<Dag> {
    let path = Path::Key(root.path, "dag");
    let tasks = root.table("tasks", "a table of tasks by id");
    if tasks.is_empty() {
        no_tasks(&path, root.problems);
    }
    let head = Fields::open(
        head,
        &path,
        DAG_HEAD_KEYS,
        root.problems,
        "a table with the DAG's fields",
    )?;
    read_dag(&head, tasks, &Path::Key(root.path, "tasks"), described)
}

fn no_tasks(path: &Path<'_>, problems: &Problems) {
    let help = "add one, such as [tasks.hello] with program = \"hello.wasm\"".to_owned();
    problems.add(
        At::Key,
        path,
        ProblemCode::MissingField,
        "a DAG has at least one task",
        Some(help),
    );
}

/// Whether this version reads the document.
fn check_contract(entries: Entries<'_>, problems: &Problems) -> bool {
    let Some((_, contract)) = entries.iter().find(|(key, _)| key == "contract") else {
        return true;
    };
    let path = Path::Key(&Path::Root, "contract");
    let message = match contract {
        Node::Text(text) if text == CONTRACT => return true,
        Node::Text(text) => match text.strip_prefix("weft.dag/").map(str::parse::<u32>) {
            Some(Ok(2..)) => format!("{text} needs a newer Weft; this one reads {CONTRACT}"),
            Some(_) | None => format!(
                "{} is no contract of Weft; this one reads {CONTRACT}",
                quoted(text)
            ),
        },
        other => {
            wrong_type(problems, &path, &format!("the text {CONTRACT:?}"), other);
            return false;
        }
    };
    problems.add(
        At::Value,
        &path,
        ProblemCode::Contract,
        message,
        Some(format!("write {CONTRACT:?}, or install a newer Weft")),
    );
    false
}

fn read_dags(node: &Node<'_>, described: Described, problems: &Problems, document: &mut Document) {
    let path = Path::Key(&Path::Root, "dags");
    let Node::List(dags) = node else {
        wrong_type(problems, &path, "a list of DAGs", node);
        return;
    };
    if dags.is_empty() {
        problems.add(
            At::Key,
            &path,
            ProblemCode::MissingField,
            "a document has at least one DAG",
            None,
        );
    }
    let mut seen: HashMap<DagId, usize> = HashMap::new();
    for (index, dag) in dags.iter().enumerate().take(MAX_DAGS) {
        let path = Path::Index(&path, index);
        let Some(fields) = Fields::open(
            dag,
            &path,
            DAG_KEYS,
            problems,
            "a table with the DAG's fields",
        ) else {
            continue;
        };
        let tasks = fields.table("tasks", "a table of tasks by id");
        if tasks.is_empty() {
            no_tasks(&path, problems);
        }
        let Some(dag) = read_dag(&fields, tasks, &Path::Key(&path, "tasks"), described) else {
            continue;
        };
        if let Some(first) = seen.get(&dag.id) {
            let message = format!("the DAG {} is the one of `dags[{first}]` already", dag.id);
            fields.problem(
                "id",
                ProblemCode::Duplicate,
                message,
                Some("give it another id".into()),
            );
        } else {
            seen.insert(dag.id.clone(), index);
            document.dags.push(dag);
        }
    }
}

/// The time zone; UTC if there is none or it is unknown.
fn read_zone(head: &Fields<'_>, name: Option<&str>) -> TimeZone {
    let Some(name) = name else {
        return TimeZone::UTC;
    };
    zone(name).unwrap_or_else(|help| {
        let message = format!("there is no time zone {}", quoted(name));
        let help =
            help.or_else(|| Some("use a name of the IANA database, such as Europe/Berlin".into()));
        head.problem("timezone", ProblemCode::Schedule, message, help);
        TimeZone::UTC
    })
}

fn read_dag(
    head: &Fields<'_>,
    tasks: Entries<'_>,
    tasks_path: &Path<'_>,
    described: Described,
) -> Option<Dag> {
    let id = read_dag_id(head);
    let timezone = head.owned("timezone");
    let zone = read_zone(head, timezone.as_deref());
    let (start, end) = (
        read_date(head, "start", &zone),
        read_date(head, "end", &zone),
    );
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        head.problem(
            "end",
            ProblemCode::Schedule,
            "the end lies before the start",
            None,
        );
    }
    let schedule = read_schedule(head, &zone);
    let holidays = read_holidays(head);
    if let Some(schedule) = &schedule
        && !holidays.is_empty()
        && !timetable::has_dates(schedule, &holidays, &zone)
    {
        let message = "the holidays leave no date of the schedule";
        head.problem("holidays", ProblemCode::Schedule, message, None);
    }
    let params = read_params(head);
    let mut names = Names::new(tasks, &params, described);
    let groups = read_groups(head, tasks, &names);
    names.set_groups(groups);
    let concurrency = read_concurrency(head, &names);
    let priorities = read_priorities(head);
    let mut read = read_tasks(tasks, tasks_path, &names, head.problems);
    // Only where every task was read do positions mean what they say.
    if read.len() == tasks.len() {
        priorities.apply(&mut read);
        check_cycles(&read, tasks_path, head.problems);
        check_edges(&read, &params, tasks_path, head.problems);
    }
    Some(Dag {
        id: id?,
        description: head.owned("description"),
        tags: head.names("tags"),
        owners: head.names("owners"),
        schedule,
        holidays,
        on_assets: read_condition(head),
        timezone,
        start,
        end,
        catchup: head.flag("catchup"),
        max_active_runs: head.count("max_active_runs", 1, u32::MAX),
        concurrency,
        max_active_tasks: head.count("max_active_tasks", 1, u32::MAX),
        timeout: head.timeout("timeout"),
        deadline: read_deadline(head),
        mapped_groups: names.into_groups().into_names(),
        params,
        tasks: read,
    })
}

/// The tasks that could be read, in the document's order.
fn read_tasks(
    tasks: Entries<'_>,
    tasks_path: &Path<'_>,
    names: &Names<'_>,
    problems: &Problems,
) -> Vec<Task> {
    let mut read = Vec::with_capacity(tasks.len());
    for (index, (name, node)) in tasks.iter().enumerate() {
        let path = Path::Key(tasks_path, name);
        let id = match name.parse::<TaskId>() {
            Ok(id) => id,
            Err(error) => {
                problems.add(
                    At::Key,
                    &path,
                    ProblemCode::InvalidId,
                    error.to_string(),
                    None,
                );
                // Any valid id preserves the positions of the other tasks; the document is refused.
                "_".parse().expect("an underscore is an id")
            }
        };
        let index =
            TaskIndex(u32::try_from(index).expect("the tree holds at most MAX_TASKS tasks"));
        read.extend(read_task(id, index, node, &path, names, problems));
    }
    read
}

fn read_dag_id(head: &Fields<'_>) -> Option<DagId> {
    let Some(text) = head.text("id") else {
        if !head.has("id") {
            head.problem_here(
                ProblemCode::MissingField,
                "the DAG has no `id`",
                Some("add id = \"my_dag\"".into()),
            );
        }
        return None;
    };
    match text.parse() {
        Ok(id) => Some(id),
        Err(error) => {
            head.problem("id", ProblemCode::InvalidId, error.to_string(), None);
            None
        }
    }
}

fn read_date(
    head: &Fields<'_>,
    key: &'static str,
    zone: &TimeZone,
) -> Option<crate::time::Timestamp> {
    let text = match head.get(key)? {
        Node::Text(text) => text,
        Node::Date(text) => &**text,
        other => {
            wrong_type(
                head.problems,
                &Path::Key(head.path, key),
                "a date, such as \"2026-11-21\"",
                other,
            );
            return None;
        }
    };
    match date(text, zone) {
        Ok(at) => Some(at),
        Err(message) => {
            head.problem(key, ProblemCode::Schedule, message, None);
            None
        }
    }
}
