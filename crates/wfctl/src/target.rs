//! What a command works on: a `dag.wasm` component, a packed container, a
//! manifest, or a folder that holds one of them.
//!
//! [`Opened`] is what can be said without running guest code; [`Target`] has
//! the document too. Files that a manifest names are looked for beside it.

mod files;
mod foreign;
mod open;
mod source;

pub(crate) use files::Files;
pub(crate) use open::{Content, Opened, find, inspected, is_wasm, nearest, read};
pub(crate) use source::{document_problems, parse};

use crate::engine;
use weft_api::problem::{Code, Problem, Problems};
use weft_core::document::{Dag, Document, Format};
use weft_sandbox::{Digest, Guest, Sandbox};

/// A file whose DAGs are known.
#[derive(Debug)]
pub(crate) struct Target {
    /// The file as the user named it, or as it was found in the folder.
    pub(crate) name: String,
    pub(crate) document: Document,
    /// Of the file, or of a manifest's text.
    pub(crate) digest: Digest,
    /// Where tasks' code comes from.
    pub(crate) files: Files,
    /// The component that described the document, already loaded.
    pub(crate) own: Option<Guest>,
}

impl Target {
    /// Learns the document; for a component that means compiling it, or finding
    /// its code in the cache, and asking it.
    pub(crate) async fn load(opened: Opened, sandbox: &Sandbox) -> Result<Self, Problems> {
        let Opened {
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
                let document = parse(&format!("{name} (describe)"), &text, Format::Json)?;
                Ok(Self {
                    name,
                    document,
                    digest,
                    files: Files::Nowhere,
                    own: Some(guest),
                })
            }
            Content::Container { document, files } => {
                let source = format!("{name} (document)");
                let files = Files::Packed(files);
                let document =
                    foreign::parse(&source, &document, Format::Json, &files, sandbox).await?;
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
                let document = foreign::parse(&name, &text, format, &files, sandbox).await?;
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

    /// The DAG that `--dag` names, or the only one.
    pub(crate) fn dag(&self, wanted: Option<&str>) -> Result<&Dag, Problem> {
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

/// 'did you mean', or all the names there are.
pub(crate) fn suggestion<'a>(
    wrong: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    what: &str,
) -> String {
    if let Some(near) = nearest(wrong, names.clone()) {
        return format!("did you mean {near:?}?");
    }
    let all = listed(names);
    if all.is_empty() {
        format!("there are no {what}")
    } else {
        format!("the {what} are: {all}")
    }
}

/// The first names, in order.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MAX_LISTED: usize = 20;
    let names: Vec<&str> = names.take(MAX_LISTED + 1).collect();
    let mut text = names[..names.len().min(MAX_LISTED)].join(", ");
    if names.len() > MAX_LISTED {
        text.push_str(", ...");
    }
    text
}
