//! The subprocess: `wfctl inspect-deployment FILE`, hidden from people.
//!
//! It compiles into the cache that the workers of this machine read, so a
//! deployed task starts without compiling.

use super::answer::{Answer, File, Inspected, What};
use bytes::Bytes;
use std::{collections::BTreeSet, io::Write as _, path::Path, process::ExitCode};
use weft_api::problem::{Code, Problem, Problems};
use weft_core::document::{self, Document, Format};
use weft_dagfile::{Content, OpenedFile, engine, inspected, parse};
use weft_sandbox::{Digest, Guest, Sandbox, inspect::FileKind};

/// What a container is called.
const PACKED: &str = "packed manifest";

/// Looks at the file and answers on standard output.
pub fn main(file: &Path) -> ExitCode {
    let answer = look(file).unwrap_or_else(|problems| refusal(&problems));
    let answer = serde_json::to_vec(&answer).expect("texts and numbers are JSON");
    match std::io::stdout().lock().write_all(&answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_closed) => ExitCode::FAILURE,
    }
}

fn look(path: &Path) -> Result<Answer, Problems> {
    let bytes = weft_dagfile::read(path)?;
    let opened = OpenedFile::of_wasm("the file", &bytes)?;
    let sandbox = engine::sandbox(1)?;
    let inspected = engine::runtime()?.block_on(look_inside(&sandbox, &bytes, opened))?;
    Ok(Answer::Inspected(inspected))
}

async fn look_inside(
    sandbox: &Sandbox,
    whole: &Bytes,
    opened: OpenedFile,
) -> Result<Inspected, Problems> {
    match opened.content {
        Content::Component(bytes) => {
            let guest = sandbox
                .load(bytes.clone())
                .await
                .map_err(|error| engine::load_problem("the file", &error))?;
            let document = sandbox
                .describe(&guest)
                .await
                .map_err(|error| engine::describe_problem("the file", &error))?;
            let imports = inspected("the file", &bytes)?.imports;
            Ok(Inspected {
                kind: "component with tasks".into(),
                imports: imports.into_iter().map(|import| import.name).collect(),
                files: vec![File {
                    name: String::new(),
                    digest: guest.digest().hex(),
                    from: 0,
                    to: whole.len(),
                    // It is the document itself.
                    document: None,
                    code: code_name(sandbox, &guest),
                }],
                document,
            })
        }
        Content::Container { document, files } => packed(sandbox, whole, document, files).await,
        Content::Manifest { .. } => unreachable!("only WebAssembly was opened"),
    }
}

/// A packed manifest: every file that its tasks run is loaded, so that a fault
/// in any of them is found now.
async fn packed(
    sandbox: &Sandbox,
    whole: &Bytes,
    document: String,
    files: Vec<(String, Bytes)>,
) -> Result<Inspected, Problems> {
    let Ok(parsed) = parse("the packed document", &document, Format::Json) else {
        // The server validates every document, and reports each mistake with its position.
        return Ok(Inspected {
            kind: PACKED.into(),
            imports: Vec::new(),
            files: Vec::new(),
            document,
        });
    };
    let used = files_of(&parsed);
    let mut imports = BTreeSet::new();
    let mut found = Vec::new();
    for (name, bytes) in files
        .iter()
        .filter(|(name, _)| used.contains(name.as_str()))
    {
        let inspection = inspected(name, bytes)?;
        if let FileKind::Guest(_) = inspection.kind {
            imports.extend(inspection.imports.into_iter().map(|import| import.name));
        }
        let guest = sandbox
            .load(bytes.clone())
            .await
            .map_err(|error| engine::load_problem(name, &error))?;
        // One that can't describe itself runs, and its edges stay unchecked.
        let document = if guest.kind().has_tasks() {
            sandbox.describe(&guest).await.ok()
        } else {
            None
        };
        let from = bytes.as_ptr().addr() - whole.as_ptr().addr();
        found.push(File {
            name: name.clone(),
            digest: Digest::of(bytes).hex(),
            from,
            to: from + bytes.len(),
            document,
            code: code_name(sandbox, &guest),
        });
    }
    for name in used {
        if !found.iter().any(|file| file.name == name) {
            return Err(Problem::new(
                Code::FileNotFound,
                format!("a task names the file {name:?}, which is not in the container"),
            )
            .help("pack it again from its manifest")
            .into());
        }
    }
    Ok(Inspected {
        kind: PACKED.into(),
        imports: imports.into_iter().collect(),
        files: found,
        document,
    })
}

/// What the guest's code is called, where other machines can have it.
fn code_name(sandbox: &Sandbox, guest: &Guest) -> Option<String> {
    let name = sandbox.code_name(guest).ok().flatten();
    name.map(|name| name.to_string())
}

/// The files that any task runs.
fn files_of(document: &Document) -> BTreeSet<&str> {
    document
        .dags
        .iter()
        .flat_map(|dag| &dag.tasks)
        .filter_map(|task| match &task.code {
            document::Code::Own { .. } => None,
            document::Code::Component { file, .. } => Some(file.as_str()),
            document::Code::Program(program) => Some(program.file.as_str()),
        })
        .collect()
}

fn refusal(problems: &Problems) -> Answer {
    let first = problems
        .iter()
        .next()
        .expect("there is at least one problem");
    let what = match first.code {
        Code::WrongFileType | Code::InvalidWasm => What::NotWasm,
        Code::UnknownImport => What::UnknownImport,
        Code::CompileFailed => What::Compile,
        Code::DescribeFailed | Code::InvalidDocument => What::Describe,
        Code::ComponentWithoutTasks
        | Code::ModuleWithoutStart
        | Code::ProgramWithoutManifest
        | Code::FileNotFound => What::NoDags,
        _ => {
            return Answer::Failed {
                message: first.message.clone(),
            };
        }
    };
    let messages: Vec<&str> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    Answer::Bad {
        what,
        message: messages.join("; "),
        help: first.help.clone(),
    }
}
