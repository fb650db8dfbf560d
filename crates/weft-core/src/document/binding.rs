//! Where inputs come from: `"upstream"`, or a table with `task`, `param` or `value`.

use super::{
    Binding, Elements, ProblemCode, TaskIndex,
    collect::Problems,
    fields::{Fields, did_you_mean},
    groups::Group,
    names::{Names, check_param_name},
    path::{At, Path, quoted},
    tree::Node,
};
use serde_json::Value;

/// The fields of a binding.
pub(crate) const BINDING_KEYS: &[&str] = &["task", "param", "value", "element", "pointer"];
/// The fields of a binding of `expand`.
pub(crate) const EXPANSION_KEYS: &[&str] = &["task", "param", "value", "pointer", "each", "filter"];

const EXPECTED: &str = "a task's id, or a table with `task`, `param` or `value`";

/// Reads the `inputs` of a task, which may be in a mapped group.
pub(crate) fn read_bindings(
    fields: &Fields<'_>,
    names: &Names<'_>,
    group: Option<&Group>,
) -> Vec<(String, Binding)> {
    let names = (names, group);
    read_all(fields, "inputs", BINDING_KEYS, names, |binding, _whole| {
        binding
    })
}

/// Reads `expand`: bindings, and for each what instances get of its list's elements.
pub(crate) fn read_expansions(
    fields: &Fields<'_>,
    names: &Names<'_>,
) -> (Vec<(String, Binding)>, Vec<Elements>) {
    let both = |binding, elements| (binding, elements);
    let read = read_all(fields, "expand", EXPANSION_KEYS, (names, None), both);
    let bytes = size_of::<(String, Binding, Elements)>();
    if !fields.problems.memory.take_list(read.len(), bytes) {
        return Default::default();
    }
    let mut expand = Vec::with_capacity(read.len());
    let mut all_elements = Vec::with_capacity(read.len());
    for (name, (binding, elements)) in read {
        expand.push((name, binding));
        all_elements.push(elements);
    }
    (expand, all_elements)
}

/// What bindings may name: tasks and parameters, and the lists of a mapped group.
type Known<'k, 'n> = (&'k Names<'n>, Option<&'k Group>);

fn read_all<T>(
    fields: &Fields<'_>,
    key: &'static str,
    keys: &'static [&'static str],
    names: Known<'_, '_>,
    convert: fn(Binding, Elements) -> T,
) -> Vec<(String, T)> {
    let table = Path::Key(fields.path, key);
    let entries = fields.table(key, "a table of bindings by parameter");
    let memory = &fields.problems.memory;
    let mut read = Vec::new();
    if !memory.take_list(entries.len(), size_of::<(String, T)>()) {
        return read;
    }
    read.reserve_exact(entries.len());
    for (name, node) in entries {
        if !memory.take_text(name.len()) {
            return read;
        }
        let path = Path::Key(&table, name);
        if check_param_name(name, &path, fields.problems)
            && let Some((binding, elements)) =
                read_binding(node, &path, keys, names, fields.problems)
        {
            read.push((name.clone().into_owned(), convert(binding, elements)));
        }
    }
    read
}

fn read_binding(
    node: &Node<'_>,
    path: &Path<'_>,
    keys: &'static [&'static str],
    names: Known<'_, '_>,
    problems: &Problems,
) -> Option<(Binding, Elements)> {
    match node {
        Node::Text(task) => {
            let task = resolve_task(task, names.0, path, problems)?;
            let binding = Binding::Output {
                task,
                pointer: None,
            };
            Some((binding, Elements::default()))
        }
        Node::Table(_) => {
            let fields = Fields::open(node, path, keys, problems, EXPECTED)?;
            let elements = if keys == EXPANSION_KEYS {
                read_elements(&fields)
            } else {
                Some(Elements::default())
            };
            Some((read_source(&fields, names)?, elements?))
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Date(_) | Node::List(_) => {
            let message = format!("this must be {EXPECTED}, not {}", node.kind());
            problems.add(
                At::Value,
                path,
                ProblemCode::WrongType,
                message,
                Some("write a constant as { value = ... }".into()),
            );
            None
        }
    }
}

fn read_elements(fields: &Fields<'_>) -> Option<Elements> {
    Some(Elements {
        filter: read_pointer(fields, "filter")?,
        each: read_pointer(fields, "each")?,
    })
}

fn read_source(fields: &Fields<'_>, (names, group): Known<'_, '_>) -> Option<Binding> {
    let given: Vec<&str> = ["task", "param", "value", "element"]
        .into_iter()
        .filter(|key| fields.knows(key) && fields.get_any(key).is_some())
        .collect();
    match given[..] {
        ["task"] => read_output(fields, names),
        ["param"] => read_param(fields, names),
        ["value"] => read_constant(fields),
        ["element"] => read_element(fields, group),
        [] => {
            fields.problem_here(
                ProblemCode::MissingField,
                format!("this must be {EXPECTED}"),
                None,
            );
            None
        }
        [..] => {
            let message = format!(
                "an input has one source, and this has {}",
                given.join(" and ")
            );
            fields.problem_here(ProblemCode::Conflict, message, None);
            None
        }
    }
}

fn read_output(fields: &Fields<'_>, names: &Names<'_>) -> Option<Binding> {
    let pointer = read_pointer(fields, "pointer");
    let path = Path::Key(fields.path, "task");
    let task = resolve_task(fields.text("task")?, names, &path, fields.problems)?;
    Some(Binding::Output {
        task,
        pointer: pointer?,
    })
}

fn read_param(fields: &Fields<'_>, names: &Names<'_>) -> Option<Binding> {
    let pointer = read_pointer(fields, "pointer");
    let name = fields.text("param")?;
    if !names.has_param(name) {
        let help = names.suggest_param(name).or_else(|| {
            Some(format!(
                "add it to the DAG's `params`: {name:.60} = \"its default\""
            ))
        });
        fields.problem(
            "param",
            ProblemCode::UnknownParam,
            format!("the DAG has no parameter {}", quoted(name)),
            help,
        );
        return None;
    }
    Some(Binding::Param {
        name: name.to_owned(),
        pointer: pointer?,
    })
}

fn read_constant(fields: &Fields<'_>) -> Option<Binding> {
    if fields.has("pointer") {
        fields.problem(
            "pointer",
            ProblemCode::Conflict,
            "a constant needs no pointer",
            Some("write the part itself".into()),
        );
    }
    let value = fields.get_any("value")?;
    Some(Binding::Literal(fields.problems.memory.value(value)))
}

fn read_element(fields: &Fields<'_>, group: Option<&Group>) -> Option<Binding> {
    let pointer = read_pointer(fields, "pointer");
    let name = fields.text("element")?;
    let Some(group) = group else {
        let help = "add the group to the DAG's `groups` with the list that it is mapped over, or map this task alone by `expand`".to_owned();
        let message = "only a task of a mapped group gets elements of its group's lists";
        fields.problem("element", ProblemCode::Conflict, message, Some(help));
        return None;
    };
    let Some(list) = group.expand.iter().position(|(known, _)| known == name) else {
        // Lists that can't be read, or are missing, have their problem already.
        if group.expand.is_empty() || group.lists.iter().any(|known| known == name) {
            return None;
        }
        let known = || group.expand.iter().map(|(known, _)| known.as_str());
        let help = did_you_mean(name, known()).unwrap_or_else(|| {
            format!(
                "it is mapped over {}",
                known().collect::<Vec<_>>().join(", ")
            )
        });
        let message = format!(
            "the group {} is not mapped over {}",
            quoted(&group.name),
            quoted(name)
        );
        fields.problem("element", ProblemCode::InvalidValue, message, Some(help));
        return None;
    };
    Some(Binding::Element {
        list: u32::try_from(list).expect("the tree bounds the lists of a group"),
        pointer: pointer?,
    })
}

/// What is mapped over a list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mapped {
    Task,
    Group,
}

/// Reports a constant that is mapped over and is no list.
pub(crate) fn check_list(binding: &Binding, of: Mapped, path: &Path<'_>, problems: &Problems) {
    match binding {
        Binding::Literal(Value::Array(_))
        | Binding::Output { .. }
        | Binding::Param { .. }
        | Binding::Element { .. } => {}
        Binding::Literal(_) => {
            let (message, help) = match of {
                Mapped::Task => (
                    "a task is mapped over a list, and this is none",
                    "write { value = [ ... ] }, or move it to `inputs`",
                ),
                Mapped::Group => (
                    "a group is mapped over a list, and this is none",
                    "write { value = [ ... ] }",
                ),
            };
            problems.add(
                At::Value,
                path,
                ProblemCode::WrongType,
                message,
                Some(help.to_owned()),
            );
        }
    }
}

/// A pointer of a binding; the outer `None` says that it can't be read.
#[expect(
    clippy::option_option,
    reason = "absent and unreadable are different, and the type is private"
)]
fn read_pointer(fields: &Fields<'_>, key: &'static str) -> Option<Option<String>> {
    let Some(pointer) = fields.text(key) else {
        return if fields.has(key) { None } else { Some(None) };
    };
    if pointer.is_empty() {
        return Some(None);
    }
    let escapes_hold = pointer
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    if pointer.starts_with('/') && escapes_hold {
        return Some(Some(pointer.to_owned()));
    }
    let help = "begin with a slash, as in \"/rows/0/name\"; write ~ as ~0 and a slash within a name as ~1 (RFC 6901)".to_owned();
    fields.problem(
        key,
        ProblemCode::InvalidValue,
        format!("{} is no JSON pointer", quoted(pointer)),
        Some(help),
    );
    None
}

/// The position of a task by its id; an unknown one is reported.
pub(crate) fn resolve_task(
    name: &str,
    names: &Names<'_>,
    path: &Path<'_>,
    problems: &Problems,
) -> Option<TaskIndex> {
    let task = names.task(name);
    if task.is_none() {
        let help = if names.has_param(name) {
            Some(format!(
                "there is a parameter of that name: write {{ param = {} }}",
                quoted(name)
            ))
        } else {
            names.suggest_task(name)
        };
        let message = format!("the DAG has no task {}", quoted(name));
        problems.add(At::Value, path, ProblemCode::UnknownTask, message, help);
    }
    task
}
