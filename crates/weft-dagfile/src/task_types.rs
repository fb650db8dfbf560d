//! Reads a document that names components, and asks them for the types of
//! their tasks, so that edges are compared whichever languages stand at their
//! two ends.

use crate::{
    document::{document_problems, parse as parse_alone},
    files::Files,
};
use std::collections::{BTreeSet, HashMap};
use weft_api::problem::{Code, Problems};
use weft_core::document::{self, Document, Format, Source, TaskTypes};
use weft_sandbox::Sandbox;

/// Parses and validates, with the types that the named components know.
pub(crate) async fn parse(
    name: &str,
    text: &str,
    format: Format,
    files: &Files,
    sandbox: &Sandbox,
) -> Result<Document, Problems> {
    let mut document = parse_alone(name, text, format)?;
    let mut known = HashMap::new();
    for file in components(&document) {
        // A file that is missing, or no component, is reported where it is run or packed, with
        // what is wrong; a component that can't describe itself runs, and its edges stay unchecked.
        if let Some(types) = types(&file, files, sandbox).await {
            known.insert(file, types);
        }
    }
    let source = Source { name, text, format };
    document
        .learn_types(source, |file, task| known.get(file)?.get(task).cloned())
        .map_err(|error| document_problems(&error, text, Code::InvalidDocument))?;
    Ok(document)
}

/// The components that tasks name.
fn components(document: &Document) -> BTreeSet<String> {
    let tasks = document.dags.iter().flat_map(|dag| &dag.tasks);
    tasks
        .filter_map(|task| match &task.code {
            document::Code::Component { file, .. } => Some(file.clone()),
            document::Code::Own { .. } | document::Code::Program(_) => None,
        })
        .collect()
}

/// What a component says of its tasks.
async fn types(file: &str, files: &Files, sandbox: &Sandbox) -> Option<HashMap<String, TaskTypes>> {
    let bytes = files.read(file, "a task").ok()?;
    let guest = sandbox.load(bytes).await.ok()?;
    let text = sandbox.describe(&guest).await.ok()?;
    let source = Source {
        name: file,
        text: &text,
        format: Format::Json,
    };
    Some(document::parse(source).ok()?.own_types())
}
