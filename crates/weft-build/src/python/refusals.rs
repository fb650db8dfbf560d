//! Why pip could not install what a project needs, and what to do about it.

use super::{
    lock_file::LOCK_AGAIN,
    native::{self, Package},
    tools::Tools,
};
use crate::build_dir::{ToolOutput, run_tool};
use weft_api::problem::{Code, Problem};

/// Packages that have no way into the sandbox, by name, and what does their work there.
const INSTEAD: [(&str, &str); 28] = [
    (
        "aiohttp",
        "use requests, httpx or urllib.request: the host makes the connections",
    ),
    (
        "asyncpg",
        "call a service over HTTP: the sandbox has no sockets",
    ),
    ("cffi", "use a package without C of its own"),
    (
        "confluent-kafka",
        "call a service over HTTP: the sandbox has no sockets",
    ),
    (
        "cryptography",
        "use hashlib, hmac and secrets; the host does TLS",
    ),
    ("duckdb", "use pandas, or sqlite3 of the standard library"),
    ("fastparquet", "use pandas with weft-parquet"),
    (
        "greenlet",
        "leave it out: SQLAlchemy needs it for its asyncio extension alone",
    ),
    ("grpcio", "call the service over HTTP"),
    ("matplotlib", "write SVG, which the UI shows"),
    (
        "mysqlclient",
        "call a service over HTTP: the sandbox has no sockets",
    ),
    ("opencv-python", "use numpy"),
    ("polars", "use pandas"),
    ("polars-runtime-32", "use pandas"),
    ("psutil", "a task sees no processes"),
    (
        "psycopg-binary",
        "call a service over HTTP: the sandbox has no sockets",
    ),
    (
        "psycopg-c",
        "call a service over HTTP: the sandbox has no sockets",
    ),
    (
        "psycopg2",
        "call a service over HTTP: the sandbox has no sockets",
    ),
    (
        "psycopg2-binary",
        "call a service over HTTP: the sandbox has no sockets",
    ),
    ("pyarrow", "use pandas with weft-parquet"),
    (
        "pyzmq",
        "call a service over HTTP: the sandbox has no sockets",
    ),
    ("scikit-learn", "use numpy"),
    ("scipy", "use numpy"),
    ("shapely", "call a service over HTTP, or compute with numpy"),
    ("tensorflow", "call a service over HTTP that runs the model"),
    ("tokenizers", "call a service over HTTP that runs the model"),
    ("torch", "call a service over HTTP that runs the model"),
    ("uvloop", "asyncio.run works without it"),
];

/// The requirement that nothing fits.
#[derive(Debug, PartialEq, Eq)]
struct Unmet {
    /// As it was asked for: `numpy<2`.
    requirement: String,
    name: String,
    /// Who asks for it, where that is not the project.
    asked_by: Option<String>,
    /// Versions that the sandbox could have, in order.
    versions: Vec<String>,
}

/// What pip's output means.
pub(super) fn problem(done: &ToolOutput, tools: &Tools) -> Problem {
    if let Some(conflict) = conflict(done) {
        return conflict;
    }
    let Some(unmet) = Unmet::read(&done.stderr) else {
        anstream::eprintln!("{}", done.stderr.trim_end());
        let problem = Problem::new(Code::BuildFailed, "pip can't install the requirements");
        return if is_offline(&done.stderr) {
            problem.help(NETWORK)
        } else {
            problem
        };
    };
    // pip says of an index that it can't reach that it has no package.
    if is_offline(&done.stderr) && native::package(&unmet.name).is_none() {
        return Problem::new(
            Code::BuildFailed,
            format!(
                "can't get {}: the package index can't be reached",
                unmet.requirement
            ),
        )
        .help(NETWORK);
    }
    unmet.problem(native::package(&unmet.name), || {
        is_for_machines(tools, &unmet.requirement)
    })
}

/// A file with other bytes than the lock file says, if that is why pip ended.
pub(super) fn other_file(done: &ToolOutput) -> Option<Problem> {
    let said = done
        .stderr
        .split_once("DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE")?
        .1;
    let mut lines = said.lines().skip(1).map(str::trim);
    let file = lines.next()?.split(" (from").next().unwrap_or_default();
    let problem = lines
        .filter(|line| line.starts_with("Expected sha") || line.starts_with("Got "))
        .fold(
            Problem::new(
                Code::BuildFailed,
                format!("{file} is another file than the one that was locked"),
            ),
            |problem, line| problem.note(line.split_whitespace().collect::<Vec<_>>().join(" ")),
        );
    Some(problem.help(format!(
        "find out who replaced it; if it should be used, {LOCK_AGAIN}"
    )))
}

const NETWORK: &str =
    "pip needs the network for what was not fetched before, or a mirror: see pip's PIP_INDEX_URL";

fn is_offline(said: &str) -> bool {
    [
        "NewConnectionError",
        "Failed to establish a new connection",
        "NameResolutionError",
        "Connection refused",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// Packages whose versions don't go together, in pip's words.
fn conflict(done: &ToolOutput) -> Option<Problem> {
    done.stderr
        .lines()
        .find(|line| line.contains("conflicting dependencies"))?;
    let reasons = done
        .stdout
        .lines()
        .chain(done.stderr.lines())
        .skip_while(|line| !line.starts_with("The conflict is caused by"))
        .skip(1)
        .map(str::trim)
        .take_while(|line| !line.is_empty());
    let mut problem = Problem::new(
        Code::BuildFailed,
        "the requirements don't go together: packages need different versions of one",
    );
    for reason in reasons {
        problem = problem.note(reason);
    }
    if let Some(own) = native::packages().iter().find(|own| {
        let words = format!("{} {}", done.stdout, done.stderr);
        words.contains(&format!("depends on {}", own.name))
    }) {
        problem = problem.note(format!(
            "the sandbox has {} {} and no other version of it",
            own.name, own.version
        ));
    }
    Some(problem.help("change the ranges of versions, so that one version fits all"))
}

impl Unmet {
    fn read(said: &str) -> Option<Self> {
        const NONE: &str = "No matching distribution found for ";
        const COULD_NOT: &str = "Could not find a version that satisfies the requirement ";
        let requirement =
            said.lines()
                .find_map(|line| line.split_once(NONE))
                .map(|(_, rest)| {
                    rest.split(" (from")
                        .next()
                        .unwrap_or(rest)
                        .trim()
                        .to_owned()
                })?;
        let name = name_of(&requirement);
        let line = said.lines().find_map(|line| line.split_once(COULD_NOT))?.1;
        let versions = line
            .split_once("(from versions: ")
            .map_or("", |(_, rest)| rest.trim_end_matches(')'));
        let asked_by = line
            .split_once("(from ")
            .map(|(_, rest)| rest.split(')').next().unwrap_or(rest))
            .filter(|from| !from.starts_with("versions:") && !from.starts_with("-r "))
            .map(|from| from.split("->").next().unwrap_or(from).trim().to_owned());
        Some(Self {
            requirement,
            name,
            asked_by,
            versions: versions
                .split(", ")
                .filter(|version| !version.is_empty() && *version != "none")
                .map(ToOwned::to_owned)
                .collect(),
        })
    }

    fn problem(&self, own: Option<&Package>, is_for_machines: impl FnOnce() -> bool) -> Problem {
        let Self {
            requirement, name, ..
        } = self;
        let is_native = own.is_some() || native::is_own(name) || is_for_machines();
        let message = if is_native {
            format!(
                "{requirement} holds native code, and is not among the packages that were built for the sandbox"
            )
        } else {
            format!("there is no package {requirement} that the sandbox can load")
        };
        let mut problem = Problem::new(Code::BuildFailed, message);
        if let Some(asker) = &self.asked_by {
            problem = problem.note(format!("{asker} asks for it"));
        }
        let nearest = own
            .map(|own| own.version.clone())
            .or_else(|| self.versions.last().cloned());
        if native::own_folder().is_none() && is_native {
            return problem.help(
                "Weft's native packages are not beside this wfctl: install it whole, or name their folder in WEFT_NATIVE_INDEX",
            );
        }
        let instead = INSTEAD
            .iter()
            .find(|(other, _)| *other == native::normalized(name))
            .map(|(_, instead)| *instead);
        match (nearest, instead) {
            (Some(version), _) => problem.help(format!("the sandbox can have {name} {version}: allow that version")),
            (None, Some(instead)) => problem.help(instead),
            (None, None) if is_native => problem.help(
                "use a package in pure Python, call a service that the task was granted, or build it: see \
                 sdk/python/native/README.md in Weft's sources",
            ),
            (None, None) => problem.help(format!(
                "if it has only a source, make a wheel of it (pip wheel {name}) and name that file in requirements.txt"
            )),
        }
    }
}

/// Whether the index has it for the machine that builds. Nothing but its metadata is fetched.
fn is_for_machines(tools: &Tools, requirement: &str) -> bool {
    let any = run_tool(
        tools
            .pip()
            .args(["install", "--quiet", "--dry-run", "--ignore-installed"])
            .args(["--no-deps", "--only-binary=:all:"])
            .arg(requirement),
    );
    any.is_ok_and(|said| said.success)
}

pub(super) fn name_of(requirement: &str) -> String {
    requirement
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unmet_requirement_is_read_with_who_asks() {
        let said = "ERROR: Could not find a version that satisfies the requirement scipy>=1 (from some-thing) (from versions: none)\n\
                    ERROR: No matching distribution found for scipy>=1";
        let unmet = Unmet::read(said).expect("pip says so");
        assert_eq!(unmet.asked_by.as_deref(), Some("some-thing"));
        let problem = unmet.problem(None, || true);
        assert!(problem.message.starts_with("scipy>=1 holds native code"));
        assert_eq!(problem.notes, ["some-thing asks for it"]);
        assert_eq!(problem.help.as_deref(), Some("use numpy"));
    }

    #[test]
    fn the_index_is_not_asked_about_a_package_of_weft_itself() {
        let said = "ERROR: Could not find a version that satisfies the requirement Weft_Parquet (from versions: none)\n\
                    ERROR: No matching distribution found for Weft_Parquet";
        let unmet = Unmet::read(said).expect("pip says so");
        let problem = unmet.problem(None, || unreachable!("the index was asked"));
        assert!(
            problem
                .message
                .starts_with("Weft_Parquet holds native code")
        );
    }

    #[test]
    fn the_nearest_version_is_named() {
        let said = "ERROR: Could not find a version that satisfies the requirement thing<2 (from versions: 2.0, 2.4.6)\n\
                    ERROR: No matching distribution found for thing<2";
        let unmet = Unmet::read(said).expect("pip says so");
        assert_eq!(unmet.asked_by, None);
        let problem = unmet.problem(None, || false);
        assert!(
            problem
                .help
                .is_some_and(|help| help.contains("thing 2.4.6"))
        );
    }

    #[test]
    fn a_file_with_other_bytes_is_named_with_both_digests() {
        let done = ToolOutput {
            success: false,
            stdout: String::new(),
            stderr: "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have\n    \
                     a @ file:///w/a-1.whl from file:///w/a-1.whl (from -r list (line 1)):\n        \
                     Expected sha256 00\n             Got        11\n"
                .to_owned(),
        };
        let problem = other_file(&done).expect("it is one");
        assert!(problem.message.starts_with("a @ file:///w/a-1.whl"));
        assert_eq!(problem.notes, ["Expected sha256 00", "Got 11"]);
    }

    #[test]
    fn a_conflict_is_reported_with_its_reasons() {
        let done = ToolOutput {
            success: false,
            stdout: "\nThe conflict is caused by:\n    a 1 depends on numpy<2\n    b 1 depends on numpy>=2.4\n\nTo fix this\n".to_owned(),
            stderr: "ERROR: Cannot install a and b because these package versions have conflicting dependencies.\n".to_owned(),
        };
        let problem = conflict(&done).expect("it is one");
        assert_eq!(
            problem.notes[..2],
            ["a 1 depends on numpy<2", "b 1 depends on numpy>=2.4"]
        );
        assert!(problem.notes[2].starts_with("the sandbox has numpy "));
    }
}
