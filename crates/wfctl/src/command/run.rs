//! `wfctl run`: one DAG, here, without any server.

use crate::{
    display::{self, Facts, OutputFormat},
    engine, grants, params, place,
    runner::{
        Codes, Runner, Setup, attempt::Shared, clock::Clock, folder::RunFolder, interrupt,
        outputs::Outputs,
    },
    selection::{Selection, Wanted},
    target::{Opened, Target, suggestion},
    variables::GivenVariables,
};
use std::{collections::HashMap, io::IsTerminal, path::PathBuf, sync::Arc};
use tokio::task::JoinSet;
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_core::{
    document::{Code as TaskCode, Dag, Format, Program},
    inputs::Inputs,
    plan::{Defaults, Plan},
    run::{Run, RunState},
    time::Timestamp,
};
use weft_sandbox::{Guest, GuestKind, Sandbox};

/// Attempts at once for each core: guests that wait for the network hold no core.
const JOBS_A_CORE: usize = 4;
/// The most attempts at once that can be asked for.
const MAX_JOBS: usize = 4096;

/// Run a DAG here, without any server
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl run                                  the DAG of this folder (dag.toml or dag.wasm)
  wfctl run dag.wasm --param url=https://example.org/day.csv --param limit=10
  wfctl run dag.wasm --param rows=@rows.json
  wfctl run dag.wasm --task parse --input 'parse.line=\"a,b\"'
  wfctl run dag.wasm --from report           with the outputs of the last run
  wfctl run dag.toml --step --jobs 1
  wfctl run dag.wasm --output json | jq 'select(.event == \"run_ended\") | .tasks.report.output'

Each run leaves its logs, artifacts and run.json in a folder that is named at
the end; the last 50 stay, and those of --keep.")]
pub(crate) struct RunArgs {
    /// A dag.wasm, a dag.toml, or a folder that holds one
    #[arg(default_value = ".", value_name = "FILE")]
    file: PathBuf,
    /// Which DAG, where the file holds several
    #[arg(long, value_name = "ID")]
    dag: Option<String>,
    /// A parameter of the run: text or JSON, or @FILE; may be repeated
    #[arg(long, short, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// Run this task alone
    #[arg(long, value_name = "TASK", conflicts_with = "from")]
    task: Option<String>,
    /// Run this task and everything downstream of it, with the outputs of the last run
    #[arg(long, value_name = "TASK")]
    from: Option<String>,
    /// An input, with --task or --from: JSON or @FILE; may be repeated
    #[arg(long, short, value_name = "TASK.PARAM=JSON")]
    input: Vec<String>,
    /// How many task instances run at once [default: four for each core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    jobs: Option<u32>,
    /// Ask before each task
    #[arg(long)]
    step: bool,
    /// text: live on a terminal, lines in a pipe; json: one line for each event
    #[arg(long, short, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    output: OutputFormat,
    /// What tasks may be granted, as a policy.toml [default: public HTTPS hosts by name]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A variable that tasks may read, if they are granted it: text or @FILE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    variable: Vec<String>,
    /// The date that the run is for: 2026-11-21 or 2026-11-21T06:00:00Z [default: now]
    #[arg(long, value_name = "DATE")]
    logical_date: Option<String>,
    /// Keep the run's folder for ever
    #[arg(long)]
    keep: bool,
}

/// Runs the DAG; the exit code says how it ended.
pub(crate) fn run(args: &RunArgs) -> Result<Exit, Problems> {
    let opened = Opened::open(&args.file)?;
    let policy = grants::policy(args.policy.as_deref())?;
    let logical_date = args.logical_date.as_deref().map(date).transpose()?;
    let jobs = jobs(args);
    let runtime = engine::runtime()?;
    let result = runtime.block_on(async {
        // The loop is a task of the runtime itself: handing an attempt to the
        // thread that already runs the loop costs no wake-up of another one.
        let prepared = prepare(args, opened, &policy, logical_date, jobs).await?;
        let outcome = tokio::spawn(Runner::new(prepared).run()).await;
        outcome.map_err(|error| {
            Problems::from(Problem::new(
                Code::Internal,
                format!("the runner stopped: {error}"),
            ))
        })
    });
    // A thread that still waits for standard input must not hold up the exit.
    runtime.shutdown_background();
    let result = result?;
    Ok(match result.state {
        RunState::Success => Exit::Success,
        RunState::Cancelled if result.interrupted => Exit::Interrupted,
        RunState::Failed | RunState::Cancelled | RunState::Pending | RunState::Running => {
            Exit::Failed
        }
    })
}

fn jobs(args: &RunArgs) -> usize {
    if args.step {
        return 1;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    args.jobs
        .map_or((cores * JOBS_A_CORE).min(MAX_JOBS), |jobs| jobs as usize)
}

async fn prepare(
    args: &RunArgs,
    opened: Opened,
    policy: &weft_core::policy::Policy,
    logical_date: Option<Timestamp>,
    jobs: usize,
) -> Result<Setup, Problems> {
    let interrupts = interrupt::listen().map_err(|error| {
        Problem::new(Code::Internal, format!("can't listen for Ctrl-C: {error}"))
    })?;
    let sandbox = engine::sandbox(u32::try_from(jobs).expect("at most MAX_JOBS"))?;
    let target = Target::load(opened, &sandbox).await?;
    let dag = Arc::new(target.dag(args.dag.as_deref())?.clone());
    let plan = Arc::new(Plan::new(&dag, &Defaults::default()));
    let wanted = match (&args.task, &args.from) {
        (Some(task), _) => Wanted::Task(task),
        (None, Some(from)) => Wanted::From(from),
        (None, None) => Wanted::All,
    };
    let selection = Selection::new(&dag, &plan, wanted, &args.input)?;
    let params = params::resolve(&dag, &args.param)?;
    let grants = grants::grants(&dag, policy)?;
    let variables = GivenVariables::parse(&args.variable)?;
    let included = selection.included(&dag);
    let codes = load_codes(&sandbox, &target, &dag, &included).await?;

    let clock = Clock::start();
    let logical_date = logical_date.unwrap_or_else(|| clock.timestamp());
    let run_id = run_id(clock.timestamp());
    let runs = place::data()
        .ok_or_else(|| {
            Problem::new(
                Code::DataUnavailable,
                "there is no home folder to keep logs in",
            )
            .help("set WEFT_DATA_DIR")
        })?
        .join("runs");
    let folder = RunFolder::create(&runs, &run_id, args.keep)?;
    let mut outputs = Outputs::new(dag.tasks.len(), folder.spill());
    selection.recall(&dag, &runs, &mut outputs)?;
    let artifacts = folder.artifacts(&runs);
    let facts = Arc::new(Facts {
        run: run_id.clone(),
        dag: dag.id.to_string(),
        file: target.name.clone(),
        digest: target.digest.to_string(),
        folder: folder.root().to_owned(),
        artifacts: artifacts.clone(),
        runs,
        params: params.clone(),
        logical_date,
        tasks: Facts::tasks(&dag, &included),
    });
    let run = match &selection.tasks {
        None => Run::new(Arc::clone(&plan)),
        Some(tasks) => Run::partial(Arc::clone(&plan), tasks),
    };
    Ok(Setup {
        shared: Arc::new(Shared {
            sandbox,
            dag: Arc::clone(&dag),
            codes,
            grants,
            run: run_id,
            logical_date,
            scratch: folder.scratch(),
            artifacts: Arc::new(artifacts),
            variables: Arc::new(variables),
        }),
        display: display::choose(
            args.output,
            Arc::clone(&facts),
            std::io::stdout().is_terminal(),
        ),
        facts,
        plan,
        run,
        inputs: Inputs::new(dag, params, selection.given),
        outputs,
        folder,
        clock,
        jobs,
        step: args.step,
        interrupts,
    })
}

/// Loads the code of every included task, all files at once; tells that it
/// compiles where that takes long.
pub(crate) async fn load_codes(
    sandbox: &Sandbox,
    target: &Target,
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
    let document = crate::target::parse(&format!("{file} (describe)"), &text, Format::Json)?;
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

/// `20261121T140506-x7k2`: sorts by time, and two runs in one second differ.
fn run_id(now: Timestamp) -> String {
    let time: String = now
        .to_string()
        .chars()
        .filter(|letter| !matches!(letter, '-' | ':'))
        .take_while(|letter| !matches!(letter, '.' | 'Z'))
        .collect();
    let tail: String = std::iter::repeat_with(fastrand::alphanumeric)
        .take(5)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    format!("{time}-{tail}")
}

/// A date alone is midnight in UTC.
fn date(text: &str) -> Result<Timestamp, Problem> {
    let full = if text.contains('T') {
        text.to_owned()
    } else {
        format!("{text}T00:00:00Z")
    };
    full.parse().map_err(|_error| {
        Problem::new(Code::Usage, format!("--logical-date {text:?} is no date"))
            .help("write 2026-11-21, or 2026-11-21T06:00:00Z")
    })
}

/// The files that tasks of these DAGs name, each with the first task that names it.
pub(crate) fn named_files(dag: &Dag) -> Vec<(&str, &str)> {
    let mut files: Vec<(&str, &str)> = Vec::new();
    for task in &dag.tasks {
        let file = match &task.code {
            TaskCode::Own { .. } => continue,
            TaskCode::Component { file, .. } => file.as_str(),
            TaskCode::Program(program) => program.file.as_str(),
        };
        if !files.iter().any(|(known, _)| *known == file) {
            files.push((file, task.id.as_str()));
        }
    }
    files
}
