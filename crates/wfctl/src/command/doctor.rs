//! `wfctl doctor`: what is there to work with, what is missing, and the one
//! line that gets it.

use anstyle::{AnsiColor, Style};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use weft_api::{
    problem::{Code, Exit, Problem, Problems},
    user_dirs,
};
use weft_build::doctor;
use weft_dagfile::engine;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const FAINT: Style = Style::new().dimmed();

/// Check what is installed, what is missing, and how to get it
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
What is needed to run DAGs is marked as required; a toolchain is needed only
for the language that you write in. Exit code 1: something required is missing.")]
pub(crate) struct DoctorArgs {
    /// Print only the folder of the Python SDK, for pip to install
    #[arg(long)]
    python_sdk: bool,
    /// Print only the folder of the JavaScript SDK, for npm to install
    #[arg(long, conflicts_with = "python_sdk")]
    js_sdk: bool,
    /// Print only the folder of the Go SDK, for go work use
    #[arg(long, conflicts_with_all = ["python_sdk", "js_sdk"])]
    go_sdk: bool,
}

/// One thing that was looked for.
struct Finding {
    what: &'static str,
    required: bool,
    found: Result<String, Missing>,
}

/// What is wrong, and the line that mends it.
struct Missing {
    why: String,
    fix: String,
}

/// Looks for everything and prints one line each.
pub(crate) fn run(args: &DoctorArgs) -> Result<Exit, Problems> {
    if args.python_sdk {
        anstream::println!("{}", weft_build::python_sdk()?.display());
        return Ok(Exit::Success);
    }
    if args.js_sdk {
        anstream::println!("{}", weft_build::js_sdk()?.display());
        return Ok(Exit::Success);
    }
    if args.go_sdk {
        anstream::println!("{}", weft_build::go_sdk()?.display());
        return Ok(Exit::Success);
    }
    let lacking = print_findings(&look_for_all());
    if lacking.is_empty() {
        return Ok(Exit::Success);
    }
    Err(Problem::new(
        Code::Missing,
        format!("required and not usable: {}", lacking.join(", ")),
    )
    .into())
}

fn look_for_all() -> [Finding; 9] {
    [
        Finding {
            what: "sandbox",
            required: true,
            found: sandbox(),
        },
        Finding {
            what: "cache folder",
            required: true,
            found: folder(user_dirs::cache(), "WEFT_CACHE_DIR"),
        },
        Finding {
            what: "data folder",
            required: true,
            found: folder(user_dirs::data(), "WEFT_DATA_DIR"),
        },
        Finding {
            what: "cargo",
            required: false,
            found: tool(
                "cargo",
                &["--version"],
                "curl --proto '=https' -sSf https://sh.rustup.rs | sh",
            ),
        },
        Finding {
            what: "Rust for WebAssembly",
            required: false,
            found: language(doctor::rust()),
        },
        Finding {
            what: "Python",
            required: false,
            found: language(doctor::python()),
        },
        Finding {
            what: "Go",
            required: false,
            found: language(doctor::go()),
        },
        Finding {
            what: "C, C++",
            required: false,
            found: language(doctor::c()),
        },
        Finding {
            what: "JavaScript, TypeScript",
            required: false,
            found: language(doctor::js()),
        },
    ]
}

/// Prints one line for each; returns what is required and missing.
fn print_findings(findings: &[Finding]) -> Vec<&'static str> {
    let mut lacking = Vec::new();
    for finding in findings {
        let Finding {
            what,
            required,
            found,
        } = finding;
        match found {
            Ok(detail) => anstream::println!("{GOOD}✓{GOOD:#} {what:<22} {FAINT}{detail}{FAINT:#}"),
            Err(missing) => {
                let mark = if *required {
                    format!("{BAD}✗{BAD:#}")
                } else {
                    "–".to_owned()
                };
                anstream::println!("{mark} {what:<22} {}", missing.why);
                anstream::println!("  {:<22} get it: {}", "", missing.fix);
                if *required {
                    lacking.push(*what);
                }
            }
        }
    }
    lacking
}

/// Starts the engine, as a run would.
fn sandbox() -> Result<String, Missing> {
    match engine::sandbox(1) {
        Ok(_) => Ok(format!(
            "wfctl {}, {} {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH,
            std::env::consts::OS
        )),
        Err(problem) => Err(Missing {
            why: problem.message,
            fix: problem.help.unwrap_or_default(),
        }),
    }
}

/// A folder that can be made and written.
fn folder(path: Option<PathBuf>, variable: &str) -> Result<String, Missing> {
    let fix = format!("export {variable}=/a/folder/you/can/write");
    let Some(path) = path else {
        return Err(Missing {
            why: "there is no home folder".to_owned(),
            fix,
        });
    };
    let probe = |path: &Path| -> std::io::Result<()> {
        std::fs::create_dir_all(path)?;
        let file = path.join(format!(".doctor-{}", std::process::id()));
        std::fs::write(&file, [0; 4096])?;
        std::fs::remove_file(&file)
    };
    match probe(&path) {
        Ok(()) => Ok(path.display().to_string()),
        Err(error) => Err(Missing {
            why: format!("can't write {}: {error}", path.display()),
            fix,
        }),
    }
}

/// The first line that a tool prints.
fn tool(name: &str, args: &[&str], fix: &str) -> Result<String, Missing> {
    let missing = |why: String| Missing {
        why,
        fix: fix.to_owned(),
    };
    let output = Command::new(name)
        .args(args)
        .output()
        .map_err(|_error| missing(format!("{name} is not installed")))?;
    if !output.status.success() {
        return Err(missing(format!(
            "{name} does not work: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned())
}

/// What tasks of a language are built with, as `wfctl build` finds it.
fn language(found: Result<String, Problem>) -> Result<String, Missing> {
    found.map_err(|problem| Missing {
        why: problem.message,
        fix: problem.help.unwrap_or_default(),
    })
}
