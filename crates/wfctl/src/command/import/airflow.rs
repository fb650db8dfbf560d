//! `wfctl import airflow`: reads DAG files and writes a project for each.
//!
//! Nothing of a file runs in this process: each is evaluated in an instance of the importer's component,
//! which is granted nothing and has limits of memory and time. What it answers is written below one folder.

use super::folder::{self, Sources};
use anstyle::Style;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    sync::Arc,
};
use weft_api::{
    problem::{Code, Exit, Problem, Problems},
    text::{self, counted},
};
use weft_build::airflow::{CONVERT_TASK, FILES_TASK, importer};
use weft_core::limit::Limits;
use weft_local::call::{CallInputs, Callee};
use weft_sandbox::AttemptFailure;

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// What evaluating one DAG file may use up.
const LIMITS: Limits = Limits {
    memory_bytes: 512 << 20,
    cpu_ms: 60_000,
    timeout_ms: 120_000,
    output_bytes: 16 << 20,
    stack_bytes: 1 << 20,
    host_memory_bytes: 128 << 20,
    ..Limits::DEFAULT
};
/// The most characters of a reason that are shown.
const MAX_REASON_CHARS: usize = 1_000;

/// Read DAG files of Airflow 2 and 3, and write Weft projects
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl import airflow ~/airflow/dags
  wfctl import airflow dags/orders.py --to weft
  wfctl import airflow dags --output json | jq '.by_hand[]'

Each DAG file becomes a project in Python of its own, with the texts of its tasks and what they
need. The files are evaluated in the sandbox, so that loops and factories come out as Airflow
sees them, and nothing of them runs outside of it. The report names by file and line what was
not carried over; such a task is there, and fails with what to do.
Exit code 3: there is no DAG in the folder.")]
pub(super) struct AirflowArgs {
    /// Airflow's DAG folder, or one DAG file
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Where to write the projects, each a folder of its own
    #[arg(long, value_name = "FOLDER", default_value = "weft")]
    to: PathBuf,
    /// text or json
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object: what was read, and what needs a hand
    Json,
}

/// A file, and what the importer answers for it, or why its evaluation failed.
type Evaluated = (String, Result<Converted, AttemptFailure>);

/// What the importer answers for a file.
#[derive(Debug, Deserialize)]
struct Converted {
    project: Option<String>,
    files: BTreeMap<String, String>,
    dags: Vec<ImportedDag>,
    by_hand: Vec<ByHand>,
}

/// A DAG as Airflow sees it.
#[derive(Debug, Serialize, Deserialize)]
struct ImportedDag {
    dag: String,
    file: String,
    schedule: Option<String>,
    tasks: Vec<ImportedTask>,
    edges: Vec<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ImportedTask {
    id: String,
    kind: String,
}

/// What was not carried over.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct ByHand {
    file: String,
    line: u64,
    reason: String,
}

/// The whole report.
#[derive(Debug, Default, Serialize)]
struct Report {
    dags: Vec<ImportedDag>,
    by_hand: Vec<ByHand>,
    /// Where each DAG was written, for people.
    #[serde(skip)]
    projects: BTreeMap<String, PathBuf>,
}

/// Imports, and prints the report.
pub(super) fn run(args: &AirflowArgs) -> Result<Exit, Problems> {
    let sources = folder::read(&args.folder)?;
    let callee = Callee::load("the importer", importer()?)?;
    let converted = convert(&callee, &sources)?;
    let mut report = Report::default();
    report
        .by_hand
        .extend(sources.unreadable.iter().map(|(file, reason)| ByHand {
            file: file.clone(),
            line: 0,
            reason: format!("it was not read: {reason}"),
        }));
    let mut names = BTreeSet::new();
    for (file, result) in converted {
        match result {
            Ok(converted) => report.add(converted, &args.to, &mut names)?,
            Err(failure) => report.by_hand.push(ByHand {
                file,
                line: 0,
                reason: format!(
                    "the file can't be evaluated in the sandbox: {}",
                    failure.message
                ),
            }),
        }
    }
    report.by_hand.sort();
    report.by_hand.dedup();
    if report.dags.is_empty() && report.by_hand.is_empty() {
        return Err(Problem::new(
            Code::NoDagInFolder,
            format!("there is no DAG of Airflow in {}", args.folder.display()),
        )
        .help("name the folder that Airflow reads DAGs from ([core] dags_folder)")
        .into());
    }
    report.print(args.output)?;
    Ok(Exit::Success)
}

/// Converts every DAG file, each in a call of its own.
fn convert(callee: &Callee, sources: &Sources) -> Result<Vec<Evaluated>, Problem> {
    let internal = |error: serde_json::Error| {
        Problem::new(Code::Internal, format!("the importer's answer: {error}"))
    };
    let texts: Arc<str> = serde_json::to_string(&sources.texts)
        .map_err(internal)?
        .into();
    let given: CallInputs = vec![("sources".to_owned(), Arc::clone(&texts))];
    let listed = callee
        .call(FILES_TASK, vec![given.clone()], LIMITS)?
        .pop()
        .expect("one call has one result")
        .map_err(|failure| {
            Problem::new(
                Code::Internal,
                format!("the importer failed: {}", failure.message),
            )
        })?;
    let files: Vec<String> = serde_json::from_value(listed).map_err(internal)?;
    let inputs = files
        .iter()
        .map(|file| {
            let name = serde_json::to_string(file).map_err(internal)?;
            Ok([given.clone(), vec![("file".to_owned(), name.into())]].concat())
        })
        .collect::<Result<Vec<_>, Problem>>()?;
    let results = callee.call(CONVERT_TASK, inputs, LIMITS)?;
    files
        .into_iter()
        .zip(results)
        .map(|(file, result)| {
            let converted = result
                .map(|value| serde_json::from_value(value).map_err(internal))
                .map_or_else(|failure| Ok(Err(failure)), |value| value.map(Ok))?;
            Ok((file, converted))
        })
        .collect()
}

impl Report {
    /// Writes the project of a file, and takes up what the importer says of it.
    fn add(
        &mut self,
        converted: Converted,
        to: &Path,
        names: &mut BTreeSet<String>,
    ) -> Result<(), Problem> {
        if let Some(project) = &converted.project {
            let mut name = project.clone();
            let mut number = 2;
            while !names.insert(name.clone()) {
                name = format!("{project}-{number}");
                number += 1;
            }
            let folder = to.join(name);
            write(&folder, &converted.files)?;
            for dag in &converted.dags {
                self.projects.insert(dag.dag.clone(), folder.clone());
            }
        }
        self.dags.extend(converted.dags);
        self.by_hand.extend(converted.by_hand);
        Ok(())
    }

    fn print(&self, format: Format) -> Result<(), Problem> {
        if format == Format::Json {
            let text = serde_json::to_string_pretty(self).map_err(|error| {
                Problem::new(Code::Internal, format!("can't write JSON: {error}"))
            })?;
            anstream::println!("{text}");
            return Ok(());
        }
        let shown = |text: &str| text::line(text, MAX_REASON_CHARS);
        for dag in &self.dags {
            let place = self.projects.get(&dag.dag).map_or_else(
                || "not written".to_owned(),
                |path| path.display().to_string(),
            );
            let mut facts = vec![
                counted(dag.tasks.len(), "task"),
                counted(dag.edges.len(), "edge"),
            ];
            facts.extend(dag.schedule.as_deref().map(shown));
            anstream::println!(
                "{BOLD}{}{BOLD:#}  {}  {FAINT}{} -> {place}{FAINT:#}",
                shown(&dag.dag),
                facts.join(", "),
                shown(&dag.file),
            );
        }
        if !self.by_hand.is_empty() {
            anstream::println!("\nby hand:");
            for line in &self.by_hand {
                anstream::println!(
                    "  {}:{}: {}",
                    shown(&line.file),
                    line.line,
                    shown(&line.reason)
                );
            }
        }
        anstream::println!(
            "\n{} imported, {} for you to look at",
            counted(self.dags.len(), "DAG"),
            counted(self.by_hand.len(), "line")
        );
        Ok(())
    }
}

/// Writes a project into a new folder.
fn write(folder: &Path, files: &BTreeMap<String, String>) -> Result<(), Problem> {
    let taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Problem::new(
            Code::Usage,
            format!("the folder {} is not empty", folder.display()),
        )
        .help("remove it, or name another folder with --to"));
    }
    for (name, text) in files {
        let inside = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(Problem::new(
                Code::Internal,
                format!("the importer named a file outside of the project: {name:?}"),
            ));
        }
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Problem::io("write", &path, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_outside_of_the_project_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["../x", "/etc/x", "a/../../x"] {
            let files = BTreeMap::from([(name.to_owned(), String::new())]);
            let problem = write(&folder.path().join("p"), &files).expect_err(name);
            assert!(problem.message.contains("outside"), "{}", problem.message);
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_not_written_to() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("notes"), "mine").expect("a file");
        let files = BTreeMap::from([("README.md".to_owned(), String::new())]);
        let problem = write(folder.path(), &files).expect_err("it is not empty");
        assert!(problem.message.contains("not empty"), "{}", problem.message);
    }
}
