//! `wfctl build`: makes one `dag.wasm`, once or at each change of the sources, and
//! prints what was made; with `--lock` it first writes the lock file of Python packages.

mod watch;

use anstyle::Style;
use std::path::PathBuf;
use weft_api::{
    problem::{Exit, Problems},
    text::counted,
};
use weft_build::{Built, Lock};
use weft_dagfile::named_files;

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Build one dag.wasm from a crate, DAGs in another language, or a manifest
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl build
  wfctl build quakes -o dist/quakes.wasm
  wfctl build dag.toml
  wfctl build my_dag.py
  wfctl build my_dag.ts
  wfctl build --watch
  wfctl build --lock

A folder with a Cargo.toml is compiled by cargo, one with a go.mod by Go; a
dag.toml is packed with the files that it names; Python modules, in dags/ or beside a pyproject.toml or
requirements.txt, are made one component together with the packages that they
need, and so are JavaScript and TypeScript modules that import @weft/sdk; sources in C
and C++, in the folder or in src/, are compiled with the SDK's weft.h. Exit code 1: it does not compile; 3: what it makes is no DAG.")]
pub(crate) struct BuildArgs {
    /// A folder with a Cargo.toml, a dag.toml, or modules of another language, or one of these files
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
    /// Where to write it [default: dag.wasm in the folder]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Build again whenever a source changes, until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    /// Choose the versions of Python packages anew, and write them to pylock.toml for later builds
    #[arg(long, conflicts_with = "watch")]
    lock: bool,
}

/// Builds, and says what was made; once, or at each change.
pub(crate) fn run(args: &BuildArgs) -> Result<Exit, Problems> {
    if args.watch {
        return watch::run(args);
    }
    if args.lock {
        show_lock(&weft_build::lock(&args.path)?);
    }
    show(&weft_build::build(&args.path, args.output.as_deref())?);
    Ok(Exit::Success)
}

/// Says what was made.
fn show(built: &Built) {
    let file = built.file.display();
    anstream::println!(
        "{BOLD}{file}{BOLD:#}  {}  {FAINT}{}{FAINT:#}",
        size(built.bytes),
        built.dag_file.digest
    );
    for dag in &built.dag_file.document.dags {
        let tasks = dag.tasks.len();
        let files = named_files(dag).len();
        let mut facts = vec![counted(tasks, "task")];
        if files > 0 {
            facts.push(counted(files, "file"));
        }
        facts.extend(dag.schedule.as_ref().map(ToString::to_string));
        let description = dag
            .description
            .as_deref()
            .and_then(|text| text.lines().next())
            .unwrap_or_default();
        anstream::println!(
            "  {}  {}  {FAINT}{description}{FAINT:#}",
            dag.id,
            facts.join(", ")
        );
    }
}

/// Prints what the lock file has now, and what it had before.
fn show_lock(lock: &Lock) {
    match lock {
        Lock::Nothing { removed: None } => {
            anstream::println!("nothing to lock: the project names no packages");
        }
        Lock::Nothing {
            removed: Some(file),
        } => {
            let file = file.display();
            anstream::println!("nothing to lock: the project names no packages; removed {file}");
        }
        Lock::Written {
            file,
            packages,
            changes,
        } => {
            let (file, packages) = (file.display(), counted(*packages, "package"));
            let same = match changes[..] {
                [] => ", unchanged",
                _ => "",
            };
            anstream::println!("{BOLD}{file}{BOLD:#}  {packages}{same}");
            for change in changes {
                anstream::println!("  {change}");
            }
        }
    }
}

/// "214 KB".
fn size(bytes: usize) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} KB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
