//! One run from its options to its end: opens the file, resolves what the user named,
//! and hands everything to the runner's loop.

use crate::{
    clock::Clock,
    code::load_codes,
    display::{self, Facts, Format},
    grants, interrupt,
    outputs::Outputs,
    params,
    runner::{RunResult, Runner, Setup, attempt::Shared, folder::RunFolder},
    selection::{Selection, Wanted},
    variables::GivenVariables,
};
use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::Arc,
};
use weft_api::{
    problem::{Code, Problem, Problems},
    user_dirs,
};
use weft_core::{
    inputs::Inputs,
    plan::{Defaults, Plan},
    policy::Policy,
    time::Timestamp,
};
use weft_dagfile::{DagFile, OpenedFile, engine};

/// Attempts at once for each core: guests that wait for the network hold no core.
const JOBS_A_CORE: usize = 4;
/// The most attempts at once.
const MAX_JOBS: usize = 4096;

/// Which run, and how it is shown. Texts are as the user wrote them.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions<'a> {
    /// A `dag.wasm`, a manifest, or a folder that holds one.
    pub file: &'a Path,
    /// Which DAG, where the file holds several.
    pub dag: Option<&'a str>,
    /// `NAME=VALUE`.
    pub params: &'a [String],
    /// Which of its tasks.
    pub wanted: Wanted<'a>,
    /// `TASK.PARAM=JSON`, for a part of the tasks.
    pub inputs: &'a [String],
    /// Attempts at once; four for each core where it is not given.
    pub jobs: Option<u32>,
    /// Asks before each task; attempts then go one by one.
    pub step: bool,
    /// For people, or for programs.
    pub format: Format,
    /// A policy file; the built-in policy where there is none.
    pub policy: Option<&'a Path>,
    /// `NAME=VALUE`.
    pub variables: &'a [String],
    /// The date that the run is for; now where it is not given.
    pub logical_date: Option<Timestamp>,
    /// Keeps the run's folder for ever.
    pub keep: bool,
}

/// Runs the DAG to its end.
///
/// # Errors
/// What is wrong with the file, the options or this machine; a run that fails is no error.
pub fn run(options: &RunOptions<'_>) -> Result<RunResult, Problems> {
    let opened = OpenedFile::open(options.file)?;
    let policy = grants::policy(options.policy)?;
    let runtime = engine::runtime()?;
    let result = runtime.block_on(async {
        // The loop is a task of the runtime itself: handing an attempt to the
        // thread that already runs the loop costs no wake-up of another one.
        let prepared = prepare(options, opened, &policy).await?;
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
    result
}

fn jobs(options: &RunOptions<'_>) -> usize {
    if options.step {
        return 1;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    options
        .jobs
        .map_or((cores * JOBS_A_CORE).min(MAX_JOBS), |jobs| jobs as usize)
}

async fn prepare(
    options: &RunOptions<'_>,
    opened: OpenedFile,
    policy: &Policy,
) -> Result<Setup, Problems> {
    let jobs = jobs(options);
    let interrupts = interrupt::listen().map_err(|error| {
        Problem::new(Code::Internal, format!("can't listen for Ctrl-C: {error}"))
    })?;
    let sandbox = engine::sandbox(u32::try_from(jobs).expect("at most MAX_JOBS"))?;
    let target = DagFile::load(opened, &sandbox).await?;
    let dag = Arc::new(target.dag(options.dag)?.clone());
    let plan = Arc::new(Plan::new(&dag, &Defaults::default()));
    let selection = Selection::new(&dag, &plan, options.wanted, options.inputs)?;
    let params = params::resolve(&dag, options.params)?;
    let grants = grants::grants(&dag, policy)?;
    let variables = GivenVariables::parse(options.variables)?;
    let included = selection.included(&dag);
    let codes = load_codes(&sandbox, &target, &dag, &included).await?;

    let clock = Clock::start();
    let logical_date = options.logical_date.unwrap_or_else(|| clock.timestamp());
    let run_id = run_id(clock.timestamp());
    let runs = runs_folder()?;
    let folder = RunFolder::create(&runs, &run_id, options.keep)?;
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
    let terminal = std::io::stdout().is_terminal();
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
        display: display::choose(options.format, Arc::clone(&facts), terminal),
        facts,
        run: selection.start(&plan),
        plan,
        inputs: Inputs::new(dag, params, selection.given),
        outputs,
        folder,
        clock,
        jobs,
        step: options.step,
        interrupts,
    })
}

/// The folder of all runs of this user.
fn runs_folder() -> Result<PathBuf, Problem> {
    let data = user_dirs::data().ok_or_else(|| {
        Problem::new(
            Code::DataUnavailable,
            "there is no home folder to keep logs in",
        )
        .help("set WEFT_DATA_DIR")
    })?;
    Ok(data.join("runs"))
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
