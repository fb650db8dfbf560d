//! `wfctl inspect`: what a file is and what it asks for.
//!
//! Works for anything that may stand in a DAG, programs too, and runs nothing
//! of it but a component's `describe`.

use anstyle::Style;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_core::document::{Binding, Code as TaskCode, Dag, Deadline, Task};
use weft_dagfile::{DagFile, OpenedFile, engine, named_files};
use weft_sandbox::{
    GuestKind, Inspection,
    inspect::{FileKind, inspect},
};

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Show what a file is: tasks, imports, requests, size, digest
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl inspect dag.wasm
  wfctl inspect program.wasm
  wfctl inspect dag.toml --output json | jq '.dags[].tasks[].grants'")]
pub(crate) struct InspectArgs {
    /// A WebAssembly file, a dag.toml, or a folder that holds a DAG
    #[arg(default_value = ".", value_name = "FILE")]
    file: PathBuf,
    /// text or json
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// Prints what the file is.
pub(crate) fn run(args: &InspectArgs) -> Result<Exit, Problems> {
    let path = weft_dagfile::find(&args.file)?;
    let bytes = weft_dagfile::read(&path)?;
    let inspection = if weft_dagfile::is_wasm(&bytes) {
        Some(weft_dagfile::inspected(
            &path.display().to_string(),
            &bytes,
        )?)
    } else {
        None
    };
    // A program or a library has no DAGs, and is still worth a look.
    let has_dags = inspection.as_ref().is_none_or(|found| {
        matches!(
            found.kind,
            FileKind::Guest(GuestKind::Tasks | GuestKind::AsyncTasks) | FileKind::Container(_)
        ) && found
            .imports
            .iter()
            .all(|import| import.not_offered.is_none())
    });
    let target = if has_dags {
        let opened = OpenedFile::open(&path)?;
        let sandbox = engine::sandbox(1)?;
        Some(engine::runtime()?.block_on(DagFile::load(opened, &sandbox))?)
    } else {
        None
    };
    let value = describe(&path, &bytes, inspection.as_ref(), target.as_ref());
    match args.output {
        Format::Json => {
            let text = serde_json::to_string_pretty(&value).map_err(|error| {
                Problem::new(Code::Internal, format!("can't write JSON: {error}"))
            })?;
            anstream::println!("{text}");
        }
        Format::Text => print(&value),
    }
    Ok(Exit::Success)
}

/// Everything as one JSON object; the text output shows the same.
fn describe(
    path: &Path,
    bytes: &[u8],
    inspection: Option<&Inspection>,
    target: Option<&DagFile>,
) -> Value {
    let digest = target.map_or_else(|| weft_sandbox::Digest::of(bytes), |target| target.digest);
    let mut value = json!({
        "file": path.display().to_string(),
        "kind": inspection.map_or("manifest", |found| kind_name(&found.kind)),
        "bytes": bytes.len(),
        "digest": digest.to_string(),
    });
    if let Some(found) = inspection {
        value["imports"] = found
            .imports
            .iter()
            .map(|import| json!({ "name": import.name, "offered": import.not_offered.is_none(), "why_not": import.not_offered }))
            .collect();
        value["exports"] = json!(found.exports);
        if let FileKind::Container(files) = &found.kind {
            value["files"] = files
                .iter()
                .map(|(name, bytes)| json!({ "name": name, "bytes": bytes }))
                .collect();
        }
    }
    if let Some(target) = target {
        value["dags"] = target.document.dags.iter().map(dag_value).collect();
        if inspection.is_none() {
            value["files"] = target
                .document
                .dags
                .iter()
                .flat_map(named_files)
                .map(|(file, task)| file_value(target, file, task))
                .collect();
        }
    }
    value
}

/// A file that a manifest names.
fn file_value(target: &DagFile, file: &str, task: &str) -> Value {
    match target.files.read(file, &format!("the task {task}")) {
        Err(problem) => json!({ "name": file, "problem": problem.message }),
        Ok(bytes) => match inspect(&bytes) {
            Err(error) => {
                json!({ "name": file, "bytes": bytes.len(), "problem": error.to_string() })
            }
            Ok(found) => json!({
                "name": file,
                "bytes": bytes.len(),
                "digest": found.digest.to_string(),
                "kind": kind_name(&found.kind),
                "imports": found.imports.iter().map(|import| import.name.clone()).collect::<Vec<_>>(),
            }),
        },
    }
}

fn kind_name(kind: &FileKind) -> &'static str {
    match kind {
        FileKind::Guest(GuestKind::Tasks) => "component with tasks",
        FileKind::Guest(GuestKind::AsyncTasks) => "component with async tasks (WASI 0.3)",
        FileKind::Guest(GuestKind::Command) => "WASI 0.2 program",
        FileKind::Guest(GuestKind::Module) => "WASI 0.1 program",
        FileKind::Container(_) => "packed manifest",
        FileKind::OtherComponent => "component without tasks",
        FileKind::OtherModule => "module without _start",
    }
}

fn dag_value(dag: &Dag) -> Value {
    json!({
        "id": dag.id.as_str(),
        "description": dag.description,
        "schedule": dag.schedule.as_ref().map(|schedule| format!("{schedule}")),
        "timezone": dag.timezone,
        "deadline": dag.deadline.map(deadline_value),
        "params": dag.params.iter().map(|param| json!({
            "name": param.name, "description": param.description, "schema": param.schema, "default": param.default,
        })).collect::<Vec<_>>(),
        "tasks": dag.tasks.iter().map(|task| task_value(dag, task)).collect::<Vec<_>>(),
    })
}

fn deadline_value(deadline: Deadline) -> Value {
    json!({ "after": deadline.after.to_string(), "stops": deadline.stops })
}

fn task_value(dag: &Dag, task: &Task) -> Value {
    let upstreams: Vec<&str> = task
        .upstreams
        .iter()
        .map(|index| dag.tasks[index.as_usize()].id.as_str())
        .collect();
    // The lists of a mapped group are no inputs of its tasks by themselves.
    let lists = match task.mapped_group {
        None => task.expand.as_slice(),
        Some(_) => &[],
    };
    let inputs: Vec<&str> = task
        .inputs
        .iter()
        .chain(lists)
        .map(|(name, _)| name.as_str())
        .collect();
    json!({
        "id": task.id.as_str(),
        "description": task.description,
        "code": match &task.code {
            TaskCode::Own { task } => json!({ "task": task }),
            TaskCode::Component { file, task } => json!({ "component": file, "task": task }),
            TaskCode::Program(program) => json!({ "program": program.file }),
        },
        "inputs": inputs,
        "mapped": !task.expand.is_empty(),
        "mapped_group": task.mapped_group.and_then(|group| dag.mapped_groups.get(group as usize)),
        "params": task.inputs.iter().chain(&task.expand).filter_map(|(_, binding)| match binding {
            Binding::Param { name, .. } => Some(name.as_str()),
            Binding::Output { .. } | Binding::Element { .. } | Binding::Literal(_) => None,
        }).collect::<Vec<_>>(),
        "upstreams": upstreams,
        "trigger_rule": task.rule_name(),
        "teardown": task.teardown.as_ref().map(|teardown| json!({
            "setups": teardown.setups.iter().map(|setup| dag.tasks[setup.as_usize()].id.as_str()).collect::<Vec<_>>(),
            "fails_run": teardown.fails_run,
        })),
        "depends_on_past": task.precondition.depends_on_past,
        "wait_for_downstream": task.precondition.wait_for_downstream,
        "latest_only": task.precondition.latest_only,
        "deadline": task.deadline.map(deadline_value),
        "branch": task.branch,
        "retries": task.retries,
        "timeout": task.timeout.map(|span| span.to_string()),
        "deterministic": task.deterministic,
        "grants": {
            "http": task.grants.http.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "variables": task.grants.variables,
            "connections": task.grants.connections,
            "dags": task.grants.dags,
        },
        "limits": {
            "memory_bytes": task.limits.memory_bytes,
            "cpu": task.limits.cpu.map(|span| span.to_string()),
            "scratch_bytes": task.limits.scratch_bytes,
            "output_bytes": task.limits.output_bytes,
            "log_bytes": task.limits.log_bytes,
            "artifact_bytes": task.limits.artifact_bytes,
        },
    })
}

fn print(value: &Value) {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    anstream::println!(
        "{BOLD}{}{BOLD:#}: {}, {}",
        text("file"),
        text("kind"),
        size(value["bytes"].as_u64().unwrap_or(0))
    );
    anstream::println!("{FAINT}{}{FAINT:#}", text("digest"));
    list("imports", &value["imports"], |import| {
        let why = import["why_not"]
            .as_str()
            .map_or_else(String::new, |why| format!("  (not offered: {why})"));
        format!("{}{why}", import["name"].as_str().unwrap_or_default())
    });
    list("exports", &value["exports"], |export| {
        export.as_str().unwrap_or_default().to_owned()
    });
    list("files", &value["files"], |file| {
        let name = file["name"].as_str().unwrap_or_default();
        match file["problem"].as_str() {
            Some(problem) => format!("{name}: {problem}"),
            None => format!(
                "{name}  {}  {}",
                size(file["bytes"].as_u64().unwrap_or(0)),
                file["kind"].as_str().unwrap_or_default()
            ),
        }
    });
    for dag in value["dags"].as_array().into_iter().flatten() {
        let about = dag["description"]
            .as_str()
            .map_or_else(String::new, |text| {
                format!(": {}", text.lines().next().unwrap_or_default())
            });
        anstream::println!(
            "\n{BOLD}DAG {}{BOLD:#}{about}",
            dag["id"].as_str().unwrap_or_default()
        );
        if let Some(schedule) = dag["schedule"].as_str() {
            anstream::println!(
                "  schedule  {schedule} {}",
                dag["timezone"].as_str().unwrap_or("UTC")
            );
        }
        for param in dag["params"].as_array().into_iter().flatten() {
            let default = match &param["default"] {
                Value::Null => "(must be given)".to_owned(),
                default => format!("= {default}"),
            };
            anstream::println!(
                "  param     {} {default}",
                param["name"].as_str().unwrap_or_default()
            );
        }
        for task in dag["tasks"].as_array().into_iter().flatten() {
            print_task(task);
        }
    }
}

fn print_task(task: &Value) {
    let names = |value: &Value| -> String {
        let names: Vec<&str> = value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        names.join(", ")
    };
    let mut line = format!(
        "  task      {BOLD}{}{BOLD:#}",
        task["id"].as_str().unwrap_or_default()
    );
    let upstreams = names(&task["upstreams"]);
    if !upstreams.is_empty() {
        line.push_str(" after ");
        line.push_str(&upstreams);
    }
    if task["mapped"] == true {
        line.push_str(", mapped");
    }
    if task["branch"] == true {
        line.push_str(", branch");
    }
    if let Some(retries) = task["retries"].as_u64().filter(|retries| *retries > 0) {
        let word = if retries == 1 { "retry" } else { "retries" };
        line = format!("{line}, {retries} {word}");
    }
    anstream::println!("{line}");
    for kind in ["http", "variables", "connections"] {
        let asked = names(&task["grants"][kind]);
        if !asked.is_empty() {
            anstream::println!("              asks for {kind}: {asked}");
        }
    }
    for (limit, amount) in task["limits"].as_object().into_iter().flatten() {
        match amount {
            Value::Number(bytes) => anstream::println!(
                "              asks for {}: {}",
                limit.trim_end_matches("_bytes"),
                size(bytes.as_u64().unwrap_or(0))
            ),
            Value::String(span) => anstream::println!("              asks for {limit}: {span}"),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
}

fn list(title: &str, values: &Value, show: impl Fn(&Value) -> String) {
    let Some(values) = values.as_array().filter(|values| !values.is_empty()) else {
        return;
    };
    anstream::println!("\n{BOLD}{title}{BOLD:#}");
    for value in values {
        anstream::println!("  {}", show(value));
    }
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
