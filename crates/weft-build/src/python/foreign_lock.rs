//! What is installed where another tool wrote the lock file.
//!
//! It lists wheels for every machine: pip's rules decide which packages the sandbox needs and which wheels it
//! loads, and where none is, Weft's native wheel of the same version takes its place. Whether it fits the
//! requirements is not checked, since every tool keeps that elsewhere.

use super::{
    lock_file::{LOCK_AGAIN, LockFile, LockedPackage, Wheel},
    locked::{MAX_NAMED, Pin, Source, own_file},
    native::{self, ABI, PLATFORM},
    packages,
    project::is_sdk,
    tools::Tools,
};
use crate::build_dir::run_tool;
use serde::Deserialize;
use serde_json::json;
use std::{fmt::Write as _, fs, path::Path};
use weft_api::problem::{Code, Problem};

/// Chooses packages and wheels, by pip's rules.
const CHOOSE: &str = concat!(include_str!("guest.py"), include_str!("foreign_lock.py"));

/// What `foreign_lock.py` answers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused { refused: String },
    Chosen { packages: Vec<Choice> },
}

#[derive(Deserialize)]
struct Choice {
    is_needed: bool,
    /// The number of the wheel.
    wheel: Option<usize>,
}

/// The packages of another tool's lock file.
pub(super) fn pins(lock: &LockFile, folder: &Path, tools: &Tools) -> Result<Vec<Pin>, Problem> {
    let choices = choose(lock, tools)?;
    let (mut pins, mut unusable) = (Vec::new(), Vec::new());
    for (package, choice) in lock.packages().iter().zip(choices) {
        // The SDK is in every component, and the project's own modules are its sources.
        let is_project = package
            .directory
            .as_ref()
            .is_some_and(|directory| matches!(&*directory.path, "." | "./" | ""));
        if !choice.is_needed || is_project || is_sdk(package.name.get_ref()) {
            continue;
        }
        match pin_of(package, &choice, folder) {
            Ok(pin) => pins.push(pin),
            Err(reason) => unusable.push((package, reason)),
        }
    }
    pins.sort_by(|a, b| a.name.cmp(&b.name));
    let Some((package, reason)) = unusable.first() else {
        return Ok(pins);
    };
    let (path, author) = (lock.path().display(), lock.author());
    let problem = Problem::new(
        Code::BuildFailed,
        format!("the sandbox can't have {reason}"),
    )
    .at(lock.location(package.name.span(), "locked here"))
    .note(format!("{author} wrote {path}, and not for the sandbox"))
    .help(format!(
        "{LOCK_AGAIN}, which resolves the requirements for the sandbox and replaces the file"
    ));
    Err(unusable[1..]
        .iter()
        .take(MAX_NAMED)
        .fold(problem, |problem, (_, reason)| {
            problem.note(format!("nor {reason}"))
        }))
}

/// The wheel to install, or the package and why there is none.
fn pin_of(package: &LockedPackage, choice: &Choice, folder: &Path) -> Result<Pin, String> {
    let wheels = package.all_wheels();
    let shown = format!("{} {}", package.name.get_ref(), package.version);
    let shown = shown.trim_end();
    let pin = |hash: String, source: Source| Pin {
        name: package.normalized(),
        version: package.version.clone(),
        hash,
        source,
    };
    if let Some(wheel) = choice.wheel.and_then(|number| wheels.get(number)) {
        let source = match (&wheel.url, own_file(wheel, folder)) {
            (_, Some(path)) => Source::File(path),
            (Some(url), None) => Source::Address(url.clone()),
            (None, None) => return Err(format!("{shown}: there is no file {}", wheel.file())),
        };
        return Ok(pin(wheel.hash().unwrap_or_default(), source));
    }
    let found = native::wheels(package.name.get_ref());
    if let Some(native) = found.iter().find(|found| found.version == package.version) {
        let hash = format!("sha256:{}", native.sha256);
        return Ok(pin(hash, Source::File(native.path.clone())));
    }
    let mut reason = if package.vcs.is_some() {
        format!("{shown}: it is a repository, and not a wheel")
    } else if let Some(directory) = &package.directory {
        format!(
            "{shown}: it is the folder {}, and not a wheel",
            directory.path
        )
    } else if let Some(wheel) = wheels.first() {
        let (wheel, others) = (wheel.file(), wheels.len() - 1);
        let others = match others {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        format!("{shown}: its wheels are for other machines ({wheel}{others})")
    } else {
        format!("{shown}: it has only a source distribution")
    };
    for other in found {
        write!(reason, "; this Weft has version {}", other.version)
            .expect("a String takes every text");
    }
    Err(reason)
}

/// Has pip's rules choose packages and wheels.
fn choose(lock: &LockFile, tools: &Tools) -> Result<Vec<Choice>, Problem> {
    let draft = packages::draft()?;
    let file = draft.path().join("question.json");
    let asked: Vec<_> = lock
        .packages()
        .iter()
        .map(|package| {
            let wheels = package.all_wheels().into_iter().map(Wheel::file);
            json!({
                "name": package.name.get_ref(),
                "marker": package.marker,
                "requires_python": package.requires_python,
                "wheels": wheels.collect::<Vec<_>>(),
            })
        })
        .collect();
    let question = json!({
        "platform": PLATFORM,
        "abi": ABI,
        "requires_python": lock.requires_python(),
        "environments": lock.environments(),
        "default_groups": lock.default_groups(),
        "packages": asked,
    });
    fs::write(&file, question.to_string()).map_err(|error| Problem::io("write", &file, &error))?;
    let done = run_tool(tools.python().args(["-c", CHOOSE]).arg(&file))?;
    done.check(
        &format!("{} can't be evaluated", lock.path().display()),
        || LOCK_AGAIN.to_owned(),
    )?;
    let refused = |reason: &str| {
        Problem::new(
            Code::BuildFailed,
            format!("{} can't be used: {reason}", lock.path().display()),
        )
        .note(format!("{} wrote it", lock.author()))
        .help(format!(
            "{LOCK_AGAIN}, which resolves the requirements for the sandbox and replaces the file"
        ))
    };
    match serde_json::from_str(&done.stdout) {
        Ok(Answer::Chosen { packages }) => Ok(packages),
        Ok(Answer::Refused { refused: reason }) => Err(refused(&reason)),
        Err(error) => Err(refused(&format!("pip's rules gave no answer: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lock_file::tests::read, *};

    #[test]
    fn a_package_of_another_tool_needs_a_wheel_for_the_sandbox() {
        let wheel = |file: &str| {
            let hash = "ab".repeat(32);
            format!(
                "{{ url = \"https://example.org/{file}\", hashes = {{ sha256 = \"{hash}\" }} }}"
            )
        };
        let pin = |name: &str, version: &str, rest: &str, choice: Option<usize>| {
            let text = format!(
                "lock-version = \"1.0\"\n[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}\n"
            );
            let lock = read(&text).expect("it is whole");
            let choice = Choice {
                is_needed: true,
                wheel: choice,
            };
            pin_of(&lock.packages()[0], &choice, Path::new("/nowhere"))
        };
        let linux = wheel("a-1-cp314-cp314-manylinux_2_28_x86_64.whl");
        let both = format!("wheels = [{linux}, {}]", wheel("a-1-py3-none-any.whl"));
        let pure = pin("a", "1", &both, Some(1)).expect("one is pure");
        assert_eq!(
            pure.source,
            Source::Address("https://example.org/a-1-py3-none-any.whl".to_owned())
        );
        let numpy = &native::wheels("numpy")[0];
        let wheels = format!("wheels = [{linux}]");
        let own = pin("NumPy", &numpy.version, &wheels, None).expect("Weft has it");
        assert_eq!(own.source, Source::File(numpy.path.clone()));
        assert_eq!(own.hash, format!("sha256:{}", numpy.sha256));
        let reason = pin("numpy", "1.0", &wheels, None).expect_err("Weft has another");
        assert_eq!(
            reason,
            format!(
                "numpy 1.0: its wheels are for other machines (a-1-cp314-cp314-manylinux_2_28_x86_64.whl); \
                 this Weft has version {}",
                numpy.version
            )
        );
        let reason = pin("a", "1", "", None).expect_err("it has no wheel");
        assert_eq!(reason, "a 1: it has only a source distribution");
    }
}
