//! Types across the border of a component: a manifest names a task of another
//! component, perhaps in another language, and what that component's own
//! document says of the task holds for the manifest's edges too.
//!
//! The caller describes the components; nothing here reads a file.

use super::{
    Code, Document, DocumentError, Source, Task, collect::Problems, edges::check_edges, path::Path,
    read_tree, tree::Node,
};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// What goes into a task and what comes out of it, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskTypes {
    /// JSON Schemas of the inputs by name.
    pub inputs: Vec<(String, Arc<Value>)>,
    /// The JSON Schema of the output.
    pub output: Option<Arc<Value>>,
}

impl TaskTypes {
    fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.output.is_none()
    }
}

impl Document {
    /// The types of the tasks that the component of this document runs itself, by the name it knows
    /// them under. A task of several DAGs is one function, and has one type.
    pub fn own_types(&self) -> HashMap<String, TaskTypes> {
        let mut known: HashMap<String, TaskTypes> = HashMap::new();
        for task in self.dags.iter().flat_map(|dag| &dag.tasks) {
            if let Code::Own { task: name } = &task.code {
                let types = known.entry(name.clone()).or_default();
                if types.is_empty() {
                    types.inputs.clone_from(&task.input_schemas);
                    types.output.clone_from(&task.output_schema);
                }
            }
        }
        known.retain(|_, types| !types.is_empty());
        known
    }

    /// Gives tasks of other components the types that those know, where the document gives none, and
    /// checks every edge again. `known` answers for a file and the task's name in it; `source` is
    /// what the document was read from.
    ///
    /// # Errors
    /// Edges whose two ends don't fit, with their positions.
    pub fn learn_types(
        &mut self,
        source: Source<'_>,
        known: impl Fn(&str, &str) -> Option<TaskTypes>,
    ) -> Result<(), DocumentError> {
        let mut learned = false;
        for task in self.dags.iter_mut().flat_map(|dag| &mut dag.tasks) {
            learned |= learn(task, &known);
        }
        if !learned {
            return Ok(());
        }
        let problems = Problems::default();
        let many = is_list(source);
        let list = Path::Key(&Path::Root, "dags");
        for (index, dag) in self.dags.iter().enumerate() {
            let item = Path::Index(&list, index);
            let parent = if many { &item } else { &Path::Root };
            let tasks = Path::Key(parent, "tasks");
            check_edges(&dag.tasks, &dag.params, &tasks, &problems);
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems.into_error(source))
        }
    }
}

/// Whether anything was learned.
fn learn(task: &mut Task, known: impl Fn(&str, &str) -> Option<TaskTypes>) -> bool {
    let Code::Component { file, task: name } = &task.code else {
        return false;
    };
    if !task.input_schemas.is_empty() || task.output_schema.is_some() {
        return false;
    }
    let Some(types) = known(file, name) else {
        return false;
    };
    task.input_schemas = types.inputs;
    task.output_schema = types.output;
    true
}

/// Whether the DAGs are in a list, where tasks have other paths.
fn is_list(source: Source<'_>) -> bool {
    match read_tree(source, &Problems::default()) {
        Some(Node::Table(entries)) => entries.iter().any(|(key, _)| key == "dags"),
        Some(_) | None => false,
    }
}
