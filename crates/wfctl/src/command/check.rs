//! `wfctl check`: everything that is wrong with a file, at once.
//!
//! The document, the files that it names, what they are, the tasks inside them,
//! and what the policy would refuse. Compiles, since code that does not compile
//! can't run; runs nothing but `describe`.

use std::path::PathBuf;
use weft_api::problem::{Exit, Problem, Problems};
use weft_core::document::Dag;
use weft_dagfile::{DagFile, OpenedFile, engine, named_files};
use weft_local::{code::load_codes, grants};
use weft_sandbox::Sandbox;

/// Find every problem of a DAG
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl check
  wfctl check dag.toml --policy policy.toml

Exit code 0: no problems; 3: the file is invalid; 4: only the policy refuses it.")]
pub(crate) struct CheckArgs {
    /// A dag.wasm, a dag.toml, or a folder that holds one
    #[arg(default_value = ".", value_name = "FILE")]
    file: PathBuf,
    /// What tasks may be granted, as a policy.toml [default: public HTTPS hosts by name]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Reports all problems, or says in one line what was checked.
pub(crate) fn run(args: &CheckArgs) -> Result<Exit, Problems> {
    let policy = grants::policy(args.policy.as_deref())?;
    let opened = OpenedFile::open(&args.file)?;
    let sandbox = engine::sandbox(1)?;
    let runtime = engine::runtime()?;
    let mut problems: Vec<Problem> = Vec::new();
    let target = runtime.block_on(async {
        let target = DagFile::load(opened, &sandbox).await?;
        for dag in &target.document.dags {
            problems.extend(code_problems(&sandbox, &target, dag).await);
            if let Err(refused) = grants::grants(dag, &policy) {
                problems.extend(refused.iter().cloned());
            }
        }
        Ok::<_, Problems>(target)
    })?;
    if let Some(problems) = Problems::from_list(problems) {
        return Err(problems);
    }
    let tasks: usize = target.document.dags.iter().map(|dag| dag.tasks.len()).sum();
    let files: usize = target
        .document
        .dags
        .iter()
        .map(|dag| named_files(dag).len())
        .sum();
    anstream::println!(
        "{}: fine ({}, {tasks} {}{})",
        target.name,
        match target.document.dags.as_slice() {
            [only] => format!("DAG {}", only.id),
            several => format!("{} DAGs", several.len()),
        },
        if tasks == 1 { "task" } else { "tasks" },
        if files == 0 {
            String::new()
        } else {
            format!(", {files} {}", if files == 1 { "file" } else { "files" })
        },
    );
    Ok(Exit::Success)
}

async fn code_problems(sandbox: &Sandbox, target: &DagFile, dag: &Dag) -> Vec<Problem> {
    let included = vec![true; dag.tasks.len()];
    match load_codes(sandbox, target, dag, &included).await {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().cloned().collect(),
    }
}
