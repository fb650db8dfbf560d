//! What is installed where a project has a lock file: for each package that the sandbox needs one
//! wheel, with its version and digest.
//!
//! In a lock file of Weft, each package has exactly that wheel; `foreign_lock` chooses from those of
//! other tools. Nothing is resolved here.

use super::{
    Project, foreign_lock,
    lock_file::{LOCK_AGAIN, LockFile, LockedPackage, REQUIRES_PYTHON, Wheel},
    native::{self, NativeWheel, PLATFORM},
    packages,
    refusals::name_of,
    tools::Tools,
};
use crate::build_dir::absolute;
use std::{
    env,
    fmt::Write as _,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};
use weft_core::digest::Digest;

/// Options of a list of requirements that say where packages are.
const SOURCES: [&str; 7] = [
    "-f",
    "-i",
    "--extra-index-url",
    "--find-links",
    "--index-url",
    "--no-index",
    "--trusted-host",
];
/// The most packages that one message names.
pub(super) const MAX_NAMED: usize = 10;

/// One package at one version.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) name: String,
    pub(super) version: String,
    /// As pip takes it: `sha256:...`.
    pub(super) hash: String,
    pub(super) source: Source,
}

/// Where pip gets the wheel. Its digest is the same from everywhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Package indexes, which may be mirrors, and folders of wheels.
    Indexes,
    Address(String),
    /// A file of this machine.
    File(PathBuf),
}

/// The digest that a lock file has of the requirements that were resolved.
pub(super) fn digest(requirements: Option<&str>) -> String {
    Digest::of(requirements.unwrap_or_default().as_bytes()).to_string()
}

/// What to install.
pub(super) fn pins(
    lock: &LockFile,
    project: &Project,
    requirements: Option<&str>,
    tools: &Tools,
) -> Result<Vec<Pin>, Problem> {
    let folder = absolute(project.folder())?;
    if lock.weft().is_none() {
        return foreign_lock::pins(lock, &folder, tools);
    }
    check_requirements(lock, project, requirements)?;
    let further = env::var("PIP_FIND_LINKS").unwrap_or_default();
    let folders = wheel_folders(&folder, requirements.unwrap_or_default(), &further);
    lock.packages()
        .iter()
        .map(|package| own(lock, package, &folders))
        .collect()
}

/// Where a wheel may be that the lock file names without an address: the project's folder, and the
/// folders that requirements and pip's environment name.
fn wheel_folders(folder: &Path, requirements: &str, further: &str) -> Vec<PathBuf> {
    let named = requirements.lines().filter_map(|line| {
        let (option, value) = line.split_once([' ', '='])?;
        ["-f", "--find-links"]
            .contains(&option)
            .then(|| value.trim())
    });
    let named = named.chain(further.split_whitespace());
    std::iter::once(folder.to_owned())
        .chain(named.map(|named| folder.join(named)))
        .collect()
}

/// The list that pip installs from, with the options of the requirements that say where packages are.
pub(super) fn list(pins: &[Pin], requirements: &str) -> String {
    let mut list = String::new();
    let options = requirements.lines().filter(|line| {
        let option = line.split([' ', '=']).next().unwrap_or_default();
        SOURCES.contains(&option)
    });
    for option in options {
        writeln!(list, "{option}").expect("a String takes every text");
    }
    for pin in pins {
        let what = match &pin.source {
            Source::Indexes => format!("{}=={}", pin.name, pin.version),
            Source::Address(address) => format!("{} @ {address}", pin.name),
            Source::File(path) => format!("{} @ {}", pin.name, address_of(path)),
        };
        writeln!(list, "{what} --hash={}", pin.hash).expect("a String takes every text");
    }
    list
}

/// What is installed in the end, wherever the wheels are.
pub(super) fn identity(pins: &[Pin]) -> String {
    let lines = pins
        .iter()
        .map(|pin| format!("{}=={} {}", pin.name, pin.version, pin.hash));
    lines.collect::<Vec<_>>().join("\n")
}

/// Refuses a lock file of other requirements, or of another Python, than there are now.
fn check_requirements(
    lock: &LockFile,
    project: &Project,
    requirements: Option<&str>,
) -> Result<(), Problem> {
    let stale = |message: String, label: &str| {
        let span = lock.weft().map(toml::Spanned::span).unwrap_or_default();
        Problem::new(Code::BuildFailed, message)
            .at(lock.location(span, label))
            .help(LOCK_AGAIN)
    };
    let locked = lock.weft().map(|digest| digest.get_ref().as_str());
    if locked != Some(&*digest(requirements)) {
        let file = project.requirements_file();
        let message = format!(
            "{} changed since {} was written",
            file.display(),
            lock.path().display()
        );
        let problem = stale(message, "the digest of the requirements that were locked");
        return Err(not_locked(lock, requirements.unwrap_or_default())
            .into_iter()
            .take(MAX_NAMED)
            .fold(problem, |problem, name| {
                problem.note(format!("{name} is not locked"))
            }));
    }
    if lock.requires_python() != Some(REQUIRES_PYTHON) {
        let python = lock.requires_python().unwrap_or("any version");
        let message = format!(
            "{} was resolved for Python {python}, and the sandbox has {}",
            lock.path().display(),
            packages::PYTHON
        );
        return Err(stale(message, "resolved for another Python"));
    }
    Ok(())
}

/// Requirements that the lock file has no package for, as far as their names tell.
fn not_locked(lock: &LockFile, requirements: &str) -> Vec<String> {
    requirements
        .lines()
        // A condition may leave a requirement out in the sandbox, and an address has no name.
        .filter(|line| !line.starts_with(['-', '.', '/']) && !line.contains([';', ':']))
        .map(name_of)
        .filter(|name| {
            let name = native::normalized(name);
            !name.is_empty()
                && !lock
                    .packages()
                    .iter()
                    .any(|package| package.normalized() == name)
        })
        .collect()
}

/// A package of a lock file of Weft.
fn own(lock: &LockFile, package: &LockedPackage, folders: &[PathBuf]) -> Result<Pin, Problem> {
    let [wheel] = &package.wheels[..] else {
        return Err(lock.problem(package.name.span(), "a package has not one wheel"));
    };
    let file = wheel.file();
    let name = package.normalized();
    let hash = wheel.hash().unwrap_or_default();
    let file_of_project = folders.iter().find_map(|folder| own_file(wheel, folder));
    let source = match file_of_project {
        Some(path) => Source::File(path),
        None => match (&wheel.url, native::platform(&file)) {
            (None, Some(_)) => {
                let found = native::wheels(&name);
                let same = found.iter().find(|found| is_same(found, &file, &hash));
                let same =
                    same.ok_or_else(|| missing_wheel(lock, package, &file, &hash, &found))?;
                Source::File(same.path.clone())
            }
            (Some(_), Some(platform)) if platform != PLATFORM => {
                return Err(missing_wheel(lock, package, &file, &hash, &[]));
            }
            (Some(url), _) if package.index.is_none() => Source::Address(url.clone()),
            _ => Source::Indexes,
        },
    };
    Ok(Pin {
        name,
        version: package.version.clone(),
        hash,
        source,
    })
}

fn is_same(found: &NativeWheel, file: &str, hash: &str) -> bool {
    found.file() == file && hash == format!("sha256:{}", found.sha256)
}

/// A wheel in a folder of the project.
pub(super) fn own_file(wheel: &Wheel, folder: &Path) -> Option<PathBuf> {
    let path = folder.join(wheel.path.as_ref()?);
    path.is_file().then_some(path)
}

/// A native wheel that is locked and not there.
fn missing_wheel(
    lock: &LockFile,
    package: &LockedPackage,
    file: &str,
    hash: &str,
    found: &[NativeWheel],
) -> Problem {
    let (name, version) = (package.name.get_ref(), &package.version);
    let mut problem = Problem::new(
        Code::BuildFailed,
        format!("{name} {version} is locked with the wheel {file}, which is not among those of this Weft"),
    )
    .at(lock.location(package.name.span(), "locked here"))
    .help(LOCK_AGAIN);
    if let Some(platform) = native::platform(file).filter(|platform| *platform != PLATFORM) {
        problem = problem.note(format!(
            "it was built for {platform}, and this Weft loads {PLATFORM}"
        ));
    }
    if let Some(same) = found.iter().find(|found| found.file() == file) {
        return problem.note(format!(
            "the wheel of that name here has other bytes: sha256:{}, and the lock file has {hash}",
            same.sha256
        ));
    }
    for other in found {
        let (version, file) = (&other.version, other.file());
        problem = problem.note(format!("this Weft has {name} {version}: {file}"));
    }
    if found.is_empty() && native::own_folder().is_none() {
        return problem.help(
            "Weft's native packages are not beside this wfctl: install it whole, or name their folder in WEFT_NATIVE_INDEX",
        );
    }
    if found.is_empty() && native::package(name).is_none() {
        problem = problem.note(format!("this Weft has no {name}"));
    }
    problem
}

/// The address of a file, for a list of requirements.
fn address_of(path: &Path) -> String {
    let mut address = "file://".to_owned();
    let path = path.to_string_lossy().replace('\\', "/");
    if !path.starts_with('/') {
        // A path of Windows begins with its drive.
        address.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b'/' | b':' | b'-' | b'.' | b'_' | b'~' | b'+' => address.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(byte)),
            byte => write!(address, "%{byte:02X}").expect("a String takes every text"),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::{
        super::lock_file::{
            self,
            tests::{entry, read},
        },
        *,
    };
    use std::fs;

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("a.py", "")].iter().chain(files) {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        let project = Project::in_folder(folder.path()).expect("it is Python");
        (folder, project)
    }

    #[test]
    fn a_lock_file_of_other_requirements_is_refused_with_what_it_lacks() {
        let (_folder, project) = project(&[("requirements.txt", "idna\nA.b>1\n")]);
        let text = lock_file::text(&[entry("idna", "3.10")], &digest(Some("idna\n")));
        let lock = read(&text).expect("it is whole");
        check_requirements(&lock, &project, Some("idna\n")).expect("they are the same");
        let problem = check_requirements(&lock, &project, Some("idna\nA.b>1\n"))
            .expect_err("they are others");
        assert!(
            problem
                .message
                .contains("requirements.txt changed since pylock.toml"),
            "{}",
            problem.message
        );
        assert_eq!(problem.notes, ["A.b is not locked"]);
        assert_eq!(problem.help.as_deref(), Some(LOCK_AGAIN));
        let python = text.replace("==3.14.*", "==3.13.*");
        let lock = read(&python).expect("it is whole");
        let problem = check_requirements(&lock, &project, Some("idna\n")).expect_err("3.13");
        assert!(problem.message.contains("resolved for Python ==3.13.*"));
    }

    fn file_of(folder: &tempfile::TempDir) -> String {
        folder.path().display().to_string()
    }

    #[test]
    fn wheels_come_from_indexes_addresses_or_the_project() {
        let (folder, _project) = project(&[("own wheel-1-py3-none-any.whl", "x")]);
        let mut direct = entry("direct", "1");
        direct.index = None;
        let mut own_wheel = entry("own", "1");
        (own_wheel.index, own_wheel.url) = (None, None);
        own_wheel.path = Some("own wheel-1-py3-none-any.whl".to_owned());
        let folders = wheel_folders(Path::new("/nowhere"), "-f x\nidna\n", &file_of(&folder));
        assert_eq!(folders[1], Path::new("/nowhere/x"));
        let text = lock_file::text(&[direct, entry("idna", "3.10"), own_wheel], "");
        let lock = read(&text).expect("it is whole");
        let pins: Vec<_> = lock
            .packages()
            .iter()
            .map(|package| own(&lock, package, &folders).expect("it is there"))
            .collect();
        let hash = format!("--hash=sha256:{}", "ab".repeat(32));
        let requirements =
            "idna \\\n--hash=sha256:00\n--index-url https://example.org/simple\n-c x\n";
        let file = file_of(&folder);
        assert_eq!(
            list(&pins, requirements),
            format!(
                "--index-url https://example.org/simple\n\
                 direct @ https://example.org/direct-1-py3-none-any.whl {hash}\n\
                 idna==3.10 {hash}\n\
                 own @ file://{file}/own%20wheel-1-py3-none-any.whl {hash}\n"
            )
        );
        assert!(identity(&pins).starts_with("direct==1 sha256:abab"));
    }

    fn native(name: &str, version: &str, platform: &str, sha256: &str) -> Result<Pin, Problem> {
        let mut locked = entry(name, version);
        (locked.index, locked.url) = (None, None);
        locked.file = format!("{name}-{version}-cp314-cp314-{platform}.whl");
        locked.path = Some(locked.file.clone());
        locked.sha256 = sha256.to_owned();
        let lock = read(&lock_file::text(&[locked], "")).expect("it is whole");
        own(&lock, &lock.packages()[0], &[])
    }

    #[test]
    fn a_native_wheel_that_is_not_there_is_named_with_the_one_that_is() {
        let numpy = &native::wheels("numpy")[0];
        let version = &numpy.version;
        let pin = native("numpy", version, PLATFORM, &numpy.sha256).expect("it is there");
        assert_eq!(pin.source, Source::File(numpy.path.clone()));
        let other = "ab".repeat(32);
        let file = numpy.file();
        for (name, version, platform, note) in [
            ("numpy", &**version, PLATFORM, "has other bytes: sha256:"),
            (
                "numpy",
                "1.0",
                PLATFORM,
                &format!("this Weft has numpy {version}: {file}"),
            ),
            (
                "numpy",
                "1.0",
                "weft_0_1_0_wasm32",
                "it was built for weft_0_1_0_wasm32",
            ),
            ("scipy", "1.0", PLATFORM, "this Weft has no scipy"),
        ] {
            let problem = native(name, version, platform, &other).expect_err(note);
            let wheel = format!("{name}-{version}-cp314-cp314-{platform}.whl");
            assert!(problem.message.contains(&wheel), "{}", problem.message);
            assert!(problem.notes.concat().contains(note), "{:?}", problem.notes);
            assert_eq!(problem.help.as_deref(), Some(LOCK_AGAIN));
        }
    }
}
