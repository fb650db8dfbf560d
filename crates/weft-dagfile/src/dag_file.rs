//! A file whose DAGs are known: opened, loaded and described.
//!
//! Files that a manifest names are read beside it, those of a container from within.

use crate::{
    document::parse,
    engine,
    files::Files,
    open::{Content, OpenedFile},
    task_types,
};
use weft_api::{
    problem::{Code, Problem, Problems},
    text::{listed, suggestion},
};
use weft_core::document::{Dag, Document, Format};
use weft_sandbox::{Digest, Guest, Sandbox};

/// A file whose DAGs are known.
#[derive(Debug)]
pub struct DagFile {
    /// The file as the user named it, or as it was found in the folder.
    pub name: String,
    /// What it declares.
    pub document: Document,
    /// Of the file, or of a manifest's text.
    pub digest: Digest,
    /// Where tasks' code comes from.
    pub files: Files,
    /// The component that described the document, already loaded.
    pub own: Option<Guest>,
}

impl DagFile {
    /// Learns the document; for a component that means compiling it, or finding
    /// its code in the cache, and asking it.
    pub async fn load(opened: OpenedFile, sandbox: &Sandbox) -> Result<Self, Problems> {
        let OpenedFile {
            name,
            digest,
            content,
        } = opened;
        match content {
            Content::Component(bytes) => {
                let guest = sandbox
                    .load(bytes.clone())
                    .await
                    .map_err(|error| engine::load_problem(&name, &error))?;
                let text = sandbox
                    .describe(&guest)
                    .await
                    .map_err(|error| engine::describe_problem(&name, &error))?;
                let opened = OpenedFile {
                    name,
                    digest,
                    content: Content::Component(bytes),
                };
                Ok(Self {
                    own: Some(guest),
                    ..Self::of_described(opened, &text)?
                })
            }
            Content::Container { document, files } => {
                let source = format!("{name} (document)");
                let files = Files::Packed(files);
                let document =
                    task_types::parse(&source, &document, Format::Json, &files, sandbox).await?;
                Ok(Self {
                    name,
                    document,
                    digest,
                    files,
                    own: None,
                })
            }
            Content::Manifest {
                text,
                format,
                folder,
            } => {
                let files = Files::Beside(folder);
                let document = task_types::parse(&name, &text, format, &files, sandbox).await?;
                Ok(Self {
                    name,
                    document,
                    digest,
                    files,
                    own: None,
                })
            }
        }
    }

    /// A component whose answer to `describe` is known.
    pub fn of_described(opened: OpenedFile, document: &str) -> Result<Self, Problems> {
        let OpenedFile { name, digest, .. } = opened;
        let document = parse(&format!("{name} (describe)"), document, Format::Json)?;
        Ok(Self {
            name,
            document,
            digest,
            files: Files::Nowhere,
            own: None,
        })
    }

    /// The DAG that `--dag` names, or the only one.
    pub fn dag(&self, wanted: Option<&str>) -> Result<&Dag, Problem> {
        let dags = &self.document.dags;
        let names = || dags.iter().map(|dag| dag.id.as_str());
        match wanted {
            Some(id) => dags
                .iter()
                .find(|dag| dag.id.as_str() == id)
                .ok_or_else(|| {
                    Problem::new(Code::UnknownDag, format!("{} has no DAG {id:?}", self.name))
                        .help(suggestion(id, names(), "DAGs"))
                }),
            None => match dags.as_slice() {
                [dag] => Ok(dag),
                [] => Err(Problem::new(
                    Code::InvalidDocument,
                    format!("{} holds no DAG", self.name),
                )
                .help("describe at least one DAG in it")),
                several => Err(Problem::new(
                    Code::UnknownDag,
                    format!("{} holds {} DAGs", self.name, several.len()),
                )
                .help(format!("say which with --dag: {}", listed(names())))),
            },
        }
    }
}

/// Opens a file and learns its DAGs, for commands that run nothing else.
///
/// # Errors
/// The file can't be read, loaded or described, or its document is not valid.
pub fn load(path: &std::path::Path) -> Result<DagFile, Problems> {
    let opened = OpenedFile::open(path)?;
    let sandbox = engine::sandbox(1)?;
    engine::runtime()?.block_on(DagFile::load(opened, &sandbox))
}
