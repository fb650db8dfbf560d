//! The code of a DAG's tasks: loads every file that they name, and checks that each
//! holds what its task says.

use std::collections::HashMap;
use tokio::task::JoinSet;
use weft_api::{
    problem::{Code, Problem, Problems},
    text::suggestion,
};
use weft_core::document::{Code as TaskCode, Dag, Format, Program};
use weft_dagfile::{DagFile, engine};
use weft_sandbox::{Guest, GuestKind, Sandbox};

/// The code of a DAG's tasks: the component itself, and files by name.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    /// The component that describes itself.
    pub own: Option<Guest>,
    /// By the name that tasks use.
    pub files: HashMap<String, Guest>,
}

impl Codes {
    /// The code of one task.
    pub(crate) fn of(&self, code: &TaskCode) -> Option<&Guest> {
        match code {
            TaskCode::Own { .. } => self.own.as_ref(),
            TaskCode::Component { file, .. } => self.files.get(file),
            TaskCode::Program(program) => self.files.get(&program.file),
        }
    }
}

/// Loads the code of every included task, all files at once; prints that it
/// compiles where that takes long.
pub async fn load_codes(
    sandbox: &Sandbox,
    target: &DagFile,
    dag: &Dag,
    included: &[bool],
) -> Result<Codes, Problems> {
    let mut files: HashMap<&str, &str> = HashMap::new();
    for (task, _) in dag
        .tasks
        .iter()
        .zip(included)
        .filter(|(_, included)| **included)
    {
        match &task.code {
            TaskCode::Own { .. } => {
                if target.own.is_none() {
                    return Err(Problem::new(Code::InvalidDocument, format!("the task {} names no code", task.id))
                        .help("name its file: program = \"FILE.wasm\", or component = \"FILE.wasm\" for a task of an SDK")
                        .into());
                }
            }
            TaskCode::Component { file, .. } => {
                files.entry(file).or_insert(task.id.as_str());
            }
            TaskCode::Program(program) => {
                files.entry(&program.file).or_insert(task.id.as_str());
            }
        }
    }
    let mut problems = Vec::new();
    let mut loads = JoinSet::new();
    for (file, task) in files {
        match target.files.read(file, &format!("the task {task}")) {
            Ok(bytes) => {
                let (sandbox, file) = (sandbox.clone(), file.to_owned());
                loads.spawn(async move {
                    let loaded = sandbox.load(bytes).await;
                    (file, loaded)
                });
            }
            Err(problem) => problems.push(problem),
        }
    }
    let mut codes = Codes {
        own: target.own.clone(),
        files: HashMap::new(),
    };
    while let Some(loaded) = loads.join_next().await {
        match loaded {
            Ok((file, Ok(guest))) => {
                codes.files.insert(file, guest);
            }
            Ok((file, Err(error))) => problems.push(engine::load_problem(&file, &error)),
            Err(error) => problems.push(Problem::new(
                Code::Internal,
                format!("loading stopped: {error}"),
            )),
        }
    }
    if problems.is_empty() {
        problems = check_entries(sandbox, &codes, dag, included).await;
    }
    match Problems::from_list(problems) {
        Some(problems) => Err(problems),
        None => Ok(codes),
    }
}

/// Every task that a manifest names has to be in its component, and programs have to be programs.
async fn check_entries(
    sandbox: &Sandbox,
    codes: &Codes,
    dag: &Dag,
    included: &[bool],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut described: HashMap<&str, Vec<String>> = HashMap::new();
    for (task, _) in dag
        .tasks
        .iter()
        .zip(included)
        .filter(|(_, included)| **included)
    {
        match &task.code {
            TaskCode::Own { .. } => {}
            TaskCode::Program(program) => problems.extend(
                codes
                    .files
                    .get(&program.file)
                    .and_then(|guest| program_problem(task.id.as_str(), program, guest.kind())),
            ),
            TaskCode::Component { file, task: name } => {
                let Some(guest) = codes.files.get(file) else {
                    continue;
                };
                if !guest.kind().has_tasks() {
                    problems.push(
                        Problem::new(
                            Code::InvalidDocument,
                            format!(
                                "the task {} names {file} as a component, and it is a program",
                                task.id
                            ),
                        )
                        .help(format!("write program = {file:?} instead of component")),
                    );
                    continue;
                }
                if !described.contains_key(file.as_str()) {
                    match names_of(sandbox, file, guest).await {
                        Ok(names) => {
                            described.insert(file, names);
                        }
                        Err(found) => {
                            problems.extend(found.iter().cloned());
                            described.insert(file, vec![name.clone()]);
                        }
                    }
                }
                let names = &described[file.as_str()];
                if !names.contains(name) {
                    problems.push(
                        Problem::new(
                            Code::InvalidDocument,
                            format!("the task {}: {file} has no task {name:?}", task.id),
                        )
                        .help(suggestion(
                            name,
                            names.iter().map(String::as_str),
                            "tasks",
                        )),
                    );
                }
            }
        }
    }
    problems
}

/// Why this file can't be the program that the task says it is.
fn program_problem(task: &str, program: &Program, kind: GuestKind) -> Option<Problem> {
    let file = &program.file;
    match kind {
        GuestKind::Module => None,
        GuestKind::Tasks | GuestKind::AsyncTasks => Some(
            Problem::new(
                Code::InvalidDocument,
                format!(
                    "the task {task} names {file} as a program, and it is a component with tasks"
                ),
            )
            .help(format!("write component = {file:?} instead of program")),
        ),
        GuestKind::Command => {
            let (field, code) = [
                ("fail_on_exit", &program.fail_on_exit),
                ("skip_on_exit", &program.skip_on_exit),
            ]
            .into_iter()
            .find_map(|(field, codes)| Some((field, codes.iter().find(|code| **code != 1)?)))?;
            Some(
                Problem::new(
                    Code::InvalidDocument,
                    format!("the task {task} names the exit code {code} in {field}, and {file} is a WASI 0.2 command: all that one can say is that it failed, which is 1"),
                )
                .help("compile it for WASI 0.1 (wasm32-wasip1), where exit codes are kept, or name 1 alone"),
            )
        }
    }
}

/// The names of a component's tasks, over all its DAGs.
async fn names_of(sandbox: &Sandbox, file: &str, guest: &Guest) -> Result<Vec<String>, Problems> {
    let text = sandbox
        .describe(guest)
        .await
        .map_err(|error| engine::describe_problem(file, &error))?;
    let document = weft_dagfile::parse(&format!("{file} (describe)"), &text, Format::Json)?;
    Ok(document
        .dags
        .iter()
        .flat_map(|dag| &dag.tasks)
        .filter_map(|task| match &task.code {
            TaskCode::Own { task } => Some(task.clone()),
            TaskCode::Component { .. } | TaskCode::Program(_) => None,
        })
        .collect())
}
