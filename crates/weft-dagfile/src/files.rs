//! The files that tasks name: beside a manifest, or packed in a container.

use bytes::Bytes;
use std::path::{Component, Path, PathBuf};
use weft_api::problem::{Code, Problem};
use weft_core::document::{self, Dag};

/// Where the files of a document come from.
#[derive(Debug)]
pub enum Files {
    /// The document belongs to a component and names no files.
    Nowhere,
    /// In this folder.
    Beside(PathBuf),
    /// In the container, by name.
    Packed(Vec<(String, Bytes)>),
}

impl Files {
    /// The bytes of a file that a task names.
    pub fn read(&self, file: &str, named_by: &str) -> Result<Bytes, Problem> {
        match self {
            Self::Nowhere => Err(Problem::new(
                Code::InvalidDocument,
                format!("{named_by} names the file {file:?}, but a component's own document can't name files"),
            )
            .help("write a dag.toml that names both")),
            Self::Packed(files) => files
                .iter()
                .find(|(name, _)| name == file)
                .map(|(_, bytes)| bytes.clone())
                .ok_or_else(|| {
                    Problem::new(
                        Code::FileNotFound,
                        format!("{named_by} names the file {file:?}, which is not in the container"),
                    )
                    .help("pack it again from its manifest")
                }),
            Self::Beside(folder) => {
                let path = folder.strip_prefix(".").unwrap_or(folder).join(file);
                if !stays_below(Path::new(file)) {
                    return Err(Problem::new(
                        Code::InvalidDocument,
                        format!("{named_by} names the file {file:?}, which lies outside of the manifest's folder"),
                    )
                    .help("copy or link it into the folder, so that what is deployed is what is run"));
                }
                std::fs::read(&path).map(Bytes::from).map_err(|error| {
                    let mut problem = Problem::io("read", &path, &error).note(format!("named by {named_by}"));
                    if error.kind() == std::io::ErrorKind::NotFound {
                        problem = problem.help(crate::open::missing_help(&path));
                    }
                    problem
                })
            }
        }
    }
}

/// No absolute path and no way up.
fn stays_below(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// The files that tasks of these DAGs name, each with the first task that names it.
pub fn named_files(dag: &Dag) -> Vec<(&str, &str)> {
    let mut files: Vec<(&str, &str)> = Vec::new();
    for task in &dag.tasks {
        let file = match &task.code {
            document::Code::Own { .. } => continue,
            document::Code::Component { file, .. } => file.as_str(),
            document::Code::Program(program) => program.file.as_str(),
        };
        if !files.iter().any(|(known, _)| *known == file) {
            files.push((file, task.id.as_str()));
        }
    }
    files
}
