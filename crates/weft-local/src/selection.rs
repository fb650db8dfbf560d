//! Which tasks of a DAG run: all, one alone (`--task`), or one and everything
//! downstream of it (`--from`); and what replaces the outputs of the rest.
//!
//! For `--task` every input has to be given with `--input`, unless it is a
//! parameter or a constant. For `--from` the outputs of the last run of the
//! same DAG on this machine are used where `--input` gives nothing.

use crate::{outputs::Outputs, params, runner::folder};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, fs, path::Path, sync::Arc};
use weft_api::{
    problem::{Code, Problem, Problems},
    text::suggestion,
};
use weft_core::{
    document::{Binding, Dag, TaskIndex, schema_misfit},
    inputs::Given,
    plan::Plan,
    run::{Instance, Run},
};

/// Which tasks to run.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// All tasks.
    All,
    /// This task alone.
    Task(&'a str),
    /// This task and everything downstream of it.
    From(&'a str),
}

/// What runs.
#[derive(Debug)]
pub(crate) struct Selection {
    /// `None` for all.
    tasks: Option<Vec<TaskIndex>>,
    pub(crate) given: Given,
    /// Tasks outside of the selection whose outputs are read.
    needed: BTreeSet<TaskIndex>,
}

impl Selection {
    /// Resolves names and values from the command line.
    pub(crate) fn new(
        dag: &Dag,
        plan: &Plan,
        wanted: Wanted<'_>,
        inputs: &[String],
    ) -> Result<Self, Problems> {
        let tasks = match wanted {
            Wanted::All => None,
            Wanted::Task(id) => Some(vec![find(dag, id)?]),
            Wanted::From(id) => Some(plan.with_downstreams(&[find(dag, id)?])),
        };
        let given = read_inputs(dag, inputs)?;
        let mut needed = BTreeSet::new();
        let mut missing: Vec<(String, String)> = Vec::new();
        for &task in tasks.iter().flatten() {
            let included = |of: &TaskIndex| tasks.as_ref().is_none_or(|tasks| tasks.contains(of));
            let own = &dag.tasks[task.as_usize()];
            for (name, binding) in own.inputs.iter().chain(&own.expand) {
                if let Binding::Output { task: upstream, .. } = binding
                    && !included(upstream)
                    && !given.contains_key(&(task, name.clone()))
                {
                    needed.insert(*upstream);
                    missing.push((own.id.to_string(), name.clone()));
                }
            }
        }
        if let Wanted::Task(id) = wanted
            && !missing.is_empty()
        {
            return Err(missing_inputs(id, &missing).into());
        }
        Ok(Self {
            tasks,
            given,
            needed,
        })
    }

    /// The state machine of a run of these tasks.
    pub(crate) fn start(&self, plan: &Arc<Plan>) -> Run {
        match &self.tasks {
            None => Run::new(Arc::clone(plan)),
            Some(tasks) => Run::partial(Arc::clone(plan), tasks),
        }
    }

    /// Which tasks are included, by index.
    pub(crate) fn included(&self, dag: &Dag) -> Vec<bool> {
        match &self.tasks {
            None => vec![true; dag.tasks.len()],
            Some(tasks) => {
                let mut included = vec![false; dag.tasks.len()];
                for task in tasks {
                    included[task.as_usize()] = true;
                }
                included
            }
        }
    }

    /// Takes the outputs that are needed from the last run that has them all.
    pub(crate) fn recall(
        &self,
        dag: &Dag,
        runs: &Path,
        outputs: &mut Outputs,
    ) -> Result<(), Problems> {
        if self.needed.is_empty() {
            return Ok(());
        }
        for folder in folder::ended(runs) {
            let Some(tasks) = tasks_of(&folder.join(folder::SUMMARY), dag.id.as_str()) else {
                continue;
            };
            if self
                .needed
                .iter()
                .all(|task| has_output(dag, &tasks, *task))
            {
                for task in &self.needed {
                    take(dag, &tasks, *task, outputs).map_err(|error| {
                        Problem::new(
                            Code::DataUnavailable,
                            format!("an output of an earlier run can't be kept: {error}"),
                        )
                        .help("free space, or name another folder with WEFT_DATA_DIR")
                    })?;
                }
                return Ok(());
            }
        }
        let names: Vec<&str> = self
            .needed
            .iter()
            .map(|task| dag.tasks[task.as_usize()].id.as_str())
            .collect();
        Err(Problem::new(
            Code::MissingInput,
            format!(
                "no earlier run of {} on this machine has the outputs of {}",
                dag.id,
                names.join(", ")
            ),
        )
        .help("run the whole DAG once, or give the values with --input TASK.PARAM=JSON")
        .into())
    }
}

/// The values of `--input`; all problems with them are reported together.
fn read_inputs(dag: &Dag, inputs: &[String]) -> Result<Given, Problems> {
    let mut given = Given::new();
    let mut problems = Vec::new();
    for text in inputs {
        match input(dag, text) {
            Ok((key, value)) => {
                given.insert(key, value.to_string().into());
            }
            Err(problem) => problems.push(problem),
        }
    }
    Problems::from_list(problems).map_or(Ok(given), Err)
}

/// A task that runs alone lacks inputs: pairs of a task and its input.
fn missing_inputs(id: &str, missing: &[(String, String)]) -> Problem {
    let names: Vec<String> = missing
        .iter()
        .map(|(_, name)| format!("{name:?}"))
        .collect();
    let flags: Vec<String> = missing
        .iter()
        .map(|(task, name)| format!("--input {task}.{name}=JSON"))
        .collect();
    Problem::new(
        Code::MissingInput,
        format!("the task {id:?} run alone needs {}", names.join(", ")),
    )
    .help(format!(
        "add {}; or use --from {id}, which takes them from the last run",
        flags.join(" ")
    ))
}

fn find(dag: &Dag, id: &str) -> Result<TaskIndex, Problem> {
    let at = dag
        .tasks
        .iter()
        .position(|task| task.id.as_str() == id)
        .ok_or_else(|| {
            let names = dag.tasks.iter().map(|task| task.id.as_str());
            Problem::new(
                Code::UnknownTask,
                format!("the DAG {} has no task {id:?}", dag.id),
            )
            .help(suggestion(id, names, "tasks"))
        })?;
    Ok(TaskIndex(
        u32::try_from(at).expect("a DAG's tasks are counted in u32"),
    ))
}

/// `task.param=json`, where the task's id may hold dots.
fn input(dag: &Dag, text: &str) -> Result<((TaskIndex, String), Value), Problem> {
    let usage = |why: &str| {
        Problem::new(Code::Usage, format!("--input {text:?} {why}"))
            .help("write --input TASK.PARAM=JSON")
    };
    let (target, value) = text.split_once('=').ok_or_else(|| usage("has no '='"))?;
    let (id, name) = target
        .rsplit_once('.')
        .ok_or_else(|| usage("names no parameter"))?;
    let index = find(dag, id)?;
    let task = &dag.tasks[index.as_usize()];
    let mut names = task
        .inputs
        .iter()
        .chain(&task.expand)
        .map(|(name, _)| name.as_str());
    if !names.clone().any(|known| known == name) {
        return Err(Problem::new(
            Code::Usage,
            format!("the task {id:?} has no input {name:?}"),
        )
        .help(suggestion(name, names, "inputs")));
    }
    names.by_ref().for_each(drop);
    let value = params::json(&format!("--input {target}"), &params::read(value)?)?;
    if let Some((_, schema)) = task.input_schemas.iter().find(|(known, _)| known == name) {
        let mapped = task.expand.iter().any(|(known, _)| known == name);
        let misfit = match (&value, mapped) {
            (Value::Array(items), true) => items.iter().zip(0_usize..).find_map(|(item, at)| {
                schema_misfit(schema, item).map(|why| format!("item {at}: {why}"))
            }),
            (_, true) => Some("it has to be a list, since the task is mapped over it".to_owned()),
            (value, false) => schema_misfit(schema, value),
        };
        if let Some(why) = misfit {
            let message = format!("the input {target:?} does not fit: {why}");
            return Err(Problem::new(Code::WrongType, message));
        }
    }
    Ok(((index, name.to_owned()), value))
}

/// The `tasks` of a summary, if it is of this DAG.
fn tasks_of(summary: &Path, dag: &str) -> Option<Map<String, Value>> {
    let mut summary: Value = serde_json::from_slice(&fs::read(summary).ok()?).ok()?;
    if summary.get("dag")?.as_str()? != dag {
        return None;
    }
    match summary.get_mut("tasks")?.take() {
        Value::Object(tasks) => Some(tasks),
        _ => None,
    }
}

fn has_output(dag: &Dag, tasks: &Map<String, Value>, task: TaskIndex) -> bool {
    tasks
        .get(dag.tasks[task.as_usize()].id.as_str())
        .is_some_and(|task| {
            task.get("output").is_some()
                || task
                    .get("instances")
                    .and_then(Value::as_array)
                    .is_some_and(|instances| {
                        instances
                            .iter()
                            .any(|instance| instance.get("output").is_some())
                            || instances.is_empty()
                    })
        })
}

fn take(
    dag: &Dag,
    tasks: &Map<String, Value>,
    task: TaskIndex,
    outputs: &mut Outputs,
) -> std::io::Result<()> {
    let Some(record) = tasks.get(dag.tasks[task.as_usize()].id.as_str()) else {
        return Ok(());
    };
    if let Some(output) = record.get("output") {
        outputs.put(Instance { task, index: 0 }, output.to_string())?;
    }
    for instance in record
        .get("instances")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let index = instance
            .get("map_index")
            .and_then(Value::as_u64)
            .and_then(|index| u32::try_from(index).ok());
        if let (Some(index), Some(output)) = (index, instance.get("output")) {
            outputs.put(Instance { task, index }, output.to_string())?;
        }
    }
    Ok(())
}
