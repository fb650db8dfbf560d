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
        let mapped = task
            .expand
            .iter()
            .zip(&task.elements)
            .map(|(bound, elements)| (bound, "expand", Taken::Elements(elements)));
        for ((name, binding), table, taken) in whole.chain(mapped) {
            let Some(schema) = schemas.get(name) else {
                continue;
            };
            let consumer = match taken {
                Taken::Elements(_) if taken.each().is_none() => Typed::list_of(schema),
                Taken::Whole | Taken::Elements(_) => Typed::of(schema),
            };
            let edge = (binding, taken);
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
    (binding, taken): (&Binding, Taken<'_>),
    tasks: &[Task],
    params: &HashMap<&str, &Param>,
    consumer: Typed<'_>,
    budget: &mut Budget,
) -> Result<(), Mismatch> {
    let (producer, pointer) = match binding {
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
            // A mapped task's output is the list of its instances' outputs.
            let producer = if upstream.expand.is_empty() {
                Typed::of(schema)
            } else {
                Typed::list_of(schema)
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

fn giver((binding, taken): (&Binding, Taken<'_>), tasks: &[Task]) -> String {
    let with_pointer = |what: String, pointer: &Option<String>| {
        let at = |pointer| format!(" at {}", quoted(pointer));
        let pointer = pointer.as_deref().map(at).unwrap_or_default();
        let each = taken
            .each()
            .map(|each| format!(", {} of each element", quoted(each)));
        what + &pointer + &each.unwrap_or_default()
    };
    match binding {
        Binding::Literal(_) => with_pointer("the constant".into(), &None),
        Binding::Param { name, pointer } => {
            with_pointer(format!("the parameter {}", quoted(name)), pointer)
        }
        Binding::Output { task, pointer } => {
            let upstream = &tasks[task.as_usize()];
            let what = if upstream.expand.is_empty() {
                "the output of"
            } else {
                "the list of outputs of"
            };
            with_pointer(format!("{what} {}", quoted(upstream.id.as_str())), pointer)
        }
    }
}
