//! The types of an edge's two ends: what a task's output, a parameter or a
//! constant gives, against what the input takes, wherever both are known.

use super::{
    Binding, Elements, Param, ProblemCode, Task,
    collect::Problems,
    path::{At, Path, quoted},
    schema_fit::{Budget, Mismatch, Typed, fits, part, value_fits},
};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// Reports each binding whose types can't fit.
pub(crate) fn check_edges(
    tasks: &[Task],
    params: &[Param],
    tasks_path: &Path<'_>,
    problems: &Problems,
) {
    let params: HashMap<&str, &Param> = params.iter().map(|param| (&*param.name, param)).collect();
    let mut budget = Budget::default();
    for task in tasks {
        if task.input_schemas.is_empty() {
            continue;
        }
        let schemas = Schemas::of(task);
        let task_path = Path::Key(tasks_path, task.id.as_str());
        let whole = task
            .inputs
            .iter()
            .map(|bound| (bound, "inputs", Taken::Whole));
        // The lists of a mapped group are no inputs of its tasks by themselves.
        let lists = match task.mapped_group {
            None => task.expand.as_slice(),
            Some(_) => &[],
        };
        let mapped = lists
            .iter()
            .zip(&task.elements)
            .map(|(bound, elements)| (bound, "expand", Taken::Elements(elements)));
        for ((name, binding), table, taken) in whole.chain(mapped) {
            let Some(schema) = schemas.get(name) else {
                continue;
            };
            let element = element(task, binding);
            let (binding, taken) = match &element {
                Some((list, elements)) => (*list, Taken::Elements(elements)),
                None => (binding, taken),
            };
            let consumer = match taken {
                Taken::Elements(_) if taken.each().is_none() => Typed::list_of(schema),
                Taken::Whole | Taken::Elements(_) => Typed::of(schema),
            };
            let edge = Edge {
                of: task,
                binding,
                taken,
            };
            if let Err(mismatch) = check_edge(edge, tasks, &params, consumer, &mut budget) {
                let giver = giver(edge, tasks);
                let message = format!(
                    "{giver} doesn't fit the input {} of {}: {mismatch}",
                    quoted(name),
                    quoted(task.id.as_str())
                );
                let table = Path::Key(&task_path, table);
                problems.add(
                    At::Value,
                    &Path::Key(&table, name),
                    ProblemCode::EdgeType,
                    message,
                    None,
                );
            }
        }
    }
}

/// From so many inputs on, hashing is cheaper than comparing.
const MANY_INPUTS: usize = 8;

/// The schemas of a task's inputs: compared one by one while they are few, hashed when they are many.
enum Schemas<'t> {
    Few(&'t [(String, Arc<Value>)]),
    Many(HashMap<&'t str, &'t Value>),
}

impl<'t> Schemas<'t> {
    fn of(task: &'t Task) -> Self {
        let schemas = &task.input_schemas;
        if schemas.len() < MANY_INPUTS {
            Self::Few(schemas)
        } else {
            Self::Many(
                schemas
                    .iter()
                    .map(|(name, schema)| (&**name, &**schema))
                    .collect(),
            )
        }
    }

    fn get(&self, name: &str) -> Option<&'t Value> {
        match self {
            Self::Few(schemas) => schemas
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, schema)| &**schema),
            Self::Many(schemas) => schemas.get(name).copied(),
        }
    }
}

/// A binding of an input.
#[derive(Clone, Copy)]
struct Edge<'t> {
    /// The task that has the input.
    of: &'t Task,
    binding: &'t Binding,
    taken: Taken<'t>,
}

impl Edge<'_> {
    /// Whether an instance gets the list of all outputs of an upstream.
    fn is_list_of(&self, upstream: &Task) -> bool {
        let together =
            self.of.mapped_group.is_some() && self.of.mapped_group == upstream.mapped_group;
        !upstream.expand.is_empty() && !together
    }
}

/// The list that a task of a mapped group takes an element of, and what it takes of that.
fn element<'t>(task: &'t Task, binding: &Binding) -> Option<(&'t Binding, Elements)> {
    let Binding::Element { list, pointer } = binding else {
        return None;
    };
    let list = *list as usize;
    let (_, source) = task.expand.get(list)?;
    let each = task.elements.get(list)?.each.clone().unwrap_or_default();
    let taken = Elements {
        filter: None,
        each: Some(each + pointer.as_deref().unwrap_or_default()),
    };
    Some((source, taken))
}

/// What of a binding's value an instance gets.
#[derive(Clone, Copy)]
enum Taken<'t> {
    Whole,
    Elements(&'t Elements),
}

impl<'t> Taken<'t> {
    /// The part of an element that an instance gets, if that is not all of it.
    fn each(self) -> Option<&'t str> {
        match self {
            Self::Elements(elements) => elements.each.as_deref(),
            Self::Whole => None,
        }
    }
}

fn check_edge(
    edge: Edge<'_>,
    tasks: &[Task],
    params: &HashMap<&str, &Param>,
    consumer: Typed<'_>,
    budget: &mut Budget,
) -> Result<(), Mismatch> {
    let taken = edge.taken;
    let (producer, pointer) = match edge.binding {
        // It was replaced by its list.
        Binding::Element { .. } => return Ok(()),
        Binding::Literal(value) => {
            let Some(each) = taken.each() else {
                return value_fits(value, consumer, budget);
            };
            let elements = value.as_array().into_iter().flatten();
            return elements
                .filter_map(|element| element.pointer(each))
                .try_for_each(|part| value_fits(part, consumer, budget));
        }
        Binding::Output { task, pointer } => {
            let upstream = &tasks[task.as_usize()];
            let Some(schema) = &upstream.output_schema else {
                return Ok(());
            };
            // A mapped task's output is the list of its instances' outputs, but within its group.
            let producer = if edge.is_list_of(upstream) {
                Typed::list_of(schema)
            } else {
                Typed::of(schema)
            };
            (producer, pointer)
        }
        Binding::Param { name, pointer } => match params
            .get(name.as_str())
            .and_then(|param| param.schema.as_ref())
        {
            Some(schema) => (Typed::of(schema), pointer),
            None => return Ok(()),
        },
    };
    let mut pointer = pointer.clone().unwrap_or_default();
    if let Some(each) = taken.each() {
        // The first element has the type of all.
        pointer.push_str("/0");
        pointer.push_str(each);
    }
    match part(producer, &pointer)? {
        Some(producer) => fits(producer, consumer, budget),
        None => Ok(()),
    }
}

fn giver(edge: Edge<'_>, tasks: &[Task]) -> String {
    let with_pointer = |what: String, pointer: &Option<String>| {
        let at = |pointer| format!(" at {}", quoted(pointer));
        let pointer = pointer.as_deref().map(at).unwrap_or_default();
        let each = edge
            .taken
            .each()
            .filter(|each| !each.is_empty())
            .map(|each| format!(", {} of each element", quoted(each)));
        what + &pointer + &each.unwrap_or_default()
    };
    match edge.binding {
        Binding::Literal(_) | Binding::Element { .. } => with_pointer("the constant".into(), &None),
        Binding::Param { name, pointer } => {
            with_pointer(format!("the parameter {}", quoted(name)), pointer)
        }
        Binding::Output { task, pointer } => {
            let upstream = &tasks[task.as_usize()];
            let what = if edge.is_list_of(upstream) {
                "the list of outputs of"
            } else {
                "the output of"
            };
            with_pointer(format!("{what} {}", quoted(upstream.id.as_str())), pointer)
        }
    }
}
