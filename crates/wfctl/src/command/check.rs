//! `wfctl check`: everything that is wrong with a file, at once.
//!
//! The document, the files that it names, what they are, the tasks inside them,
//! and what the policy would refuse. Compiles, since code that does not compile
//! can't run; runs nothing but `describe`.

mod against;
mod breaking;
mod comment;

use crate::client::ConnectArgs;
use against::CommentFormat;
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
  wfctl check dag.toml --against production --output markdown

Exit code 0: no problems; 3: the file is invalid; 4: only the policy refuses it. With --against also 1: a deploy would
break something, or the server lacks what the tasks need.")]
pub(crate) struct CheckArgs {
    /// A dag.wasm, a dag.toml, or a folder that holds one
    #[arg(default_value = ".", value_name = "FILE")]
    file: PathBuf,
    /// What tasks may be granted, as a policy.toml [default: public HTTPS hosts by name]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Compare it with what a server has: that of this context [default: as of every other command]
    #[arg(long, value_name = "CONTEXT", num_args = 0..=1, default_missing_value = "")]
    against: Option<String>,
    /// How to print the comparison
    #[arg(
        long,
        short,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        requires = "against"
    )]
    output: CommentFormat,
    #[command(flatten)]
    server: ConnectArgs,
}

/// Reports all problems, or says in one line what was checked.
pub(crate) fn run(args: &CheckArgs) -> Result<Exit, Problems> {
    // A server has a policy of its own.
    let has_policy = args.against.is_none() || args.policy.is_some();
    let policy = grants::policy(args.policy.as_deref())?;
    let opened = OpenedFile::open(&args.file)?;
    let sandbox = engine::sandbox(1)?;
    let runtime = engine::runtime()?;
    let mut problems: Vec<Problem> = Vec::new();
    let target = runtime.block_on(async {
        let target = DagFile::load(opened, &sandbox).await?;
        for dag in &target.document.dags {
            problems.extend(code_problems(&sandbox, &target, dag).await);
            if has_policy && let Err(refused) = grants::grants(dag, &policy) {
                problems.extend(refused.iter().cloned());
            }
        }
        Ok::<_, Problems>(target)
    })?;
    if let Some(problems) = Problems::from_list(problems) {
        return Err(problems);
    }
    if let Some(context) = &args.against {
        let mut server = args.server.clone();
        if !context.is_empty() {
            server.context = Some(context.clone());
        }
        return against::run(&args.file, &server, args.output);
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
