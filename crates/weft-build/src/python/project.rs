//! Finds the files, modules and packages of DAGs in Python.
//!
//! DAGs are in `dags/`, else in `src/`, else in the folder itself, and import
//! each other from there, as in Airflow. Tests, environments and what begins
//! with a dot are left out.

use crate::source_folder;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};

/// The most files of an author's that go into a component.
const MAX_FILES: usize = 20_000;
/// The most bytes that they may have together.
const MAX_BYTES: u64 = 64 << 20;

/// A folder with DAGs in Python, or one file of it.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    folder: PathBuf,
    /// The only file that is built, where the author names one.
    file: Option<PathBuf>,
}

/// What goes into the component.
pub(super) struct Sources {
    /// Contents by path, which is how tracebacks show them.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Where modules are imported from: `dags`, `src`, or nothing for the folder itself.
    pub(super) root: String,
    /// Every module, as it is imported.
    pub(super) modules: Vec<String>,
}

/// The part of a `pyproject.toml` that matters.
#[derive(Deserialize, Default)]
struct Manifest {
    #[serde(default)]
    project: ManifestProject,
}

#[derive(Deserialize, Default)]
struct ManifestProject {
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Project {
    /// The folder, if it looks like Python.
    pub(crate) fn in_folder(folder: &Path) -> Option<Self> {
        let marked = ["pyproject.toml", "requirements.txt"]
            .iter()
            .any(|name| folder.join(name).is_file());
        let has_modules = |folder: &Path| {
            fs::read_dir(folder).is_ok_and(|mut entries| {
                entries.any(|entry| entry.is_ok_and(|entry| is_module(&entry.path())))
            })
        };
        (marked || has_modules(folder) || has_modules(&folder.join("dags"))).then(|| Self {
            folder: folder.to_owned(),
            file: None,
        })
    }

    /// One file.
    pub(crate) fn of_file(file: &Path) -> Self {
        Self {
            folder: source_folder::of_file(file).to_owned(),
            file: Some(file.to_owned()),
        }
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads everything that goes into the component.
    pub(super) fn sources(&self) -> Result<Sources, Problem> {
        let root = if self.file.is_some() {
            ""
        } else {
            source_folder::dag_root(&self.folder)
        };
        let mut sources = Sources {
            files: BTreeMap::new(),
            root: root.to_owned(),
            modules: Vec::new(),
        };
        let mut left = MAX_BYTES;
        match &self.file {
            Some(file) => sources.add(file, file, &mut left)?,
            None => self.walk(&self.folder.join(root), &mut sources, &mut left)?,
        }
        let prefix = if root.is_empty() {
            String::new()
        } else {
            format!("{root}/")
        };
        let module = |name: &String| {
            let module = name.strip_prefix(&prefix)?.strip_suffix(".py")?;
            let module = module.strip_suffix("/__init__").unwrap_or(module);
            let names: Vec<&str> = module.split('/').collect();
            names
                .iter()
                .all(|name| is_identifier(name))
                .then(|| names.join("."))
        };
        sources.modules = sources.files.keys().filter_map(module).collect();
        if sources.modules.is_empty() {
            return Err(Problem::new(
                Code::NoDagInFolder,
                format!("there is no Python module in {}", self.folder.join(root).display()),
            )
            .help("write one with a function that has @dag, or start with: wfctl new NAME --lang python"));
        }
        Ok(sources)
    }

    fn walk(&self, folder: &Path, sources: &mut Sources, left: &mut u64) -> Result<(), Problem> {
        let entries = fs::read_dir(folder).map_err(|error| Problem::io("read", folder, &error))?;
        for entry in entries {
            let path = entry
                .map_err(|error| Problem::io("read", folder, &error))?
                .path();
            let name = source_folder::file_name(&path);
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                if !is_left_out(&path, &name) {
                    self.walk(&path, sources, left)?;
                }
            } else if belongs(&name, folder == self.folder) {
                let within = path
                    .strip_prefix(&self.folder)
                    .expect("the walk begins in the folder");
                sources.add(within, &path, left)?;
            }
        }
        Ok(())
    }

    /// The packages that the DAGs need, as pip reads them; without the SDK, which is there.
    pub(super) fn requirements(&self) -> Result<Option<String>, Problem> {
        let path = self.folder.join("requirements.txt");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.dependencies()?,
            Err(error) => return Err(Problem::io("read", &path, &error)),
        };
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#') && !is_sdk(line))
            .collect();
        Ok((!lines.is_empty()).then(|| lines.join("\n") + "\n"))
    }

    /// The file that names the requirements.
    pub(super) fn requirements_file(&self) -> PathBuf {
        let list = self.folder.join("requirements.txt");
        let manifest = self.folder.join("pyproject.toml");
        if !list.is_file() && manifest.is_file() {
            return manifest;
        }
        list
    }

    fn dependencies(&self) -> Result<String, Problem> {
        let path = self.folder.join("pyproject.toml");
        let Ok(text) = fs::read_to_string(&path) else {
            return Ok(String::new());
        };
        let manifest: Manifest = toml::from_str(&text).map_err(|error| {
            Problem::new(
                Code::InvalidDocument,
                format!("{}: {error}", path.display()),
            )
        })?;
        Ok(manifest.project.dependencies.join("\n"))
    }
}

impl Sources {
    fn add(&mut self, name: &Path, path: &Path, left: &mut u64) -> Result<(), Problem> {
        let contents = fs::read(path).map_err(|error| Problem::io("read", path, &error))?;
        let too_much = || {
            Problem::new(
                Code::BuildFailed,
                format!("{} is one file too many", path.display()),
            )
            .note(format!(
                "a component takes at most {MAX_FILES} files and {} MiB of an author's",
                MAX_BYTES >> 20
            ))
            .help("put the DAGs into a folder of their own, dags/")
        };
        *left = left
            .checked_sub(contents.len() as u64)
            .filter(|_| self.files.len() < MAX_FILES)
            .ok_or_else(too_much)?;
        let parts: Vec<_> = name
            .components()
            .filter_map(|part| match part {
                std::path::Component::Normal(part) => Some(part.to_string_lossy()),
                _ => None,
            })
            .collect();
        self.files.insert(
            if parts.len() > 1 && self.root.is_empty() && name == path {
                // A file that was named by a path is shown by its own name.
                parts.last().map(ToString::to_string).unwrap_or_default()
            } else {
                parts.join("/")
            },
            contents,
        );
        Ok(())
    }
}

fn is_module(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "py") && path.is_file()
}

/// Folders that hold no DAGs: environments, tests, what tools make.
fn is_left_out(path: &Path, name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "__pycache__",
        "build",
        "dist",
        "env",
        "node_modules",
        "target",
        "test",
        "tests",
        "venv",
    ];
    NAMES.contains(&name) || name.ends_with(".egg-info") || path.join("pyvenv.cfg").is_file()
}

/// Whether a file goes along: modules, but for tests, and in folders of DAGs the data beside them.
fn belongs(name: &str, at_top: bool) -> bool {
    let path = Path::new(name);
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy())
        .unwrap_or_default();
    match path.extension().and_then(|end| end.to_str()) {
        Some("py") => {
            !stem.starts_with("test_")
                && !stem.ends_with("_test")
                && !["conftest", "setup", "noxfile"].contains(&&*stem)
        }
        Some("pyc" | "wasm") => false,
        // At the top stand READMEs and lock files.
        _ => !at_top,
    }
}

/// Whether a requirement names the SDK itself.
pub(super) fn is_sdk(line: &str) -> bool {
    let name: String = line
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    name.eq_ignore_ascii_case("weft-sdk") || name.eq_ignore_ascii_case("weft_sdk")
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        source_folder::with_files(files, "x = 1\n")
    }

    fn modules(files: &[&str]) -> (Vec<String>, Vec<String>) {
        let folder = folder(files);
        let project = Project::in_folder(folder.path()).expect("it is Python");
        let sources = project.sources().expect("it has modules");
        (sources.modules, sources.files.into_keys().collect())
    }

    #[test]
    fn dags_stand_in_a_folder_of_their_own_or_at_the_top() {
        let (found, files) =
            modules(&["dags/a.py", "dags/common/util.py", "dags/q.sql", "setup.py"]);
        assert_eq!(found, ["a", "common.util"]);
        assert_eq!(files, ["dags/a.py", "dags/common/util.py", "dags/q.sql"]);
        let (found, files) = modules(&["a.py", "lib/__init__.py", "lib/b.py", "README.md"]);
        assert_eq!(found, ["a", "lib", "lib.b"]);
        assert_eq!(files, ["a.py", "lib/__init__.py", "lib/b.py"]);
    }

    #[test]
    fn tests_and_environments_are_left_out() {
        let (found, _) = modules(&[
            "a.py",
            "test_a.py",
            "conftest.py",
            "tests/x.py",
            ".venv/lib/y.py",
            "my-env/pyvenv.cfg",
            "my-env/lib/z.py",
            "not-a-module.py",
        ]);
        assert_eq!(found, ["a"]);
    }

    #[test]
    fn requirements_come_from_either_file_and_without_the_sdk() {
        let folder = folder(&["a.py"]);
        let project = Project::in_folder(folder.path()).expect("it is Python");
        assert_eq!(project.requirements().expect("there are none"), None);
        let manifest =
            "[project]\nname = \"x\"\ndependencies = [\"weft-sdk>=0.1\", \"idna==3.20\"]\n";
        fs::write(folder.path().join("pyproject.toml"), manifest).expect("a file");
        let found = project.requirements().expect("the manifest is good");
        assert_eq!(found.as_deref(), Some("idna==3.20\n"));
        fs::write(
            folder.path().join("requirements.txt"),
            "# none\nweft-sdk\n\nrequests\n",
        )
        .expect("a file");
        let found = project.requirements().expect("the list is good");
        assert_eq!(found.as_deref(), Some("requests\n"));
    }
}
