//! Finds the modules of JavaScript or TypeScript with DAGs: those that import the SDK, in
//! `dags/`, else in `src/`, else in the folder itself. What they import is bundled; tests
//! and generated files are left out.

use crate::source_folder;
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};

/// The most modules with DAGs in one folder.
const MAX_ENTRIES: usize = 2_000;
/// The largest file that is looked at for an import of the SDK, in bytes.
const MAX_MODULE_BYTES: u64 = 4 << 20;
/// What an import of the SDK holds.
const SDK: &str = "@weft/sdk";
/// How modules end.
const ENDS: [&str; 4] = ["ts", "mts", "js", "mjs"];

/// A folder with DAGs in JavaScript or TypeScript, or one file of it.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    folder: PathBuf,
    /// The only module that is built, where the author names one.
    file: Option<String>,
}

impl Project {
    /// The folder, if it has a module that imports the SDK.
    pub(crate) fn in_folder(folder: &Path) -> Option<Self> {
        let project = Self {
            folder: folder.to_owned(),
            file: None,
        };
        project.entries().ok().map(|_found| project)
    }

    /// The folder, if it has a `package.json`.
    pub(crate) fn with_manifest(folder: &Path) -> Option<Self> {
        folder.join("package.json").is_file().then(|| Self {
            folder: folder.to_owned(),
            file: None,
        })
    }

    /// One file, if it is a module, or a `package.json`.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        let name = file.file_name()?.to_string_lossy().into_owned();
        let folder = source_folder::of_file(file).to_owned();
        if name == "package.json" {
            return Some(Self { folder, file: None });
        }
        is_module(&name).then_some(Self {
            folder,
            file: Some(name),
        })
    }

    /// Where it lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The same, from the root on, for tools that run elsewhere.
    pub(super) fn absolute(&self) -> Result<PathBuf, Problem> {
        fs::canonicalize(&self.folder).map_err(|error| Problem::io("open", &self.folder, &error))
    }

    /// Every module that imports the SDK, from the folder on.
    pub(super) fn entries(&self) -> Result<Vec<String>, Problem> {
        if let Some(file) = &self.file {
            return Ok(vec![file.clone()]);
        }
        let root = source_folder::dag_root(&self.folder);
        let mut found = Vec::new();
        self.walk(&self.folder.join(root), root, &mut found)?;
        found.sort();
        if found.is_empty() {
            return Err(Problem::new(
                Code::NoDagInFolder,
                format!(
                    "no module in {} imports {SDK}",
                    self.folder.join(root).display()
                ),
            )
            .help("write one that calls dag(), or start with: wfctl new NAME --lang ts"));
        }
        Ok(found)
    }

    fn walk(&self, folder: &Path, within: &str, found: &mut Vec<String>) -> Result<(), Problem> {
        let entries = fs::read_dir(folder).map_err(|error| Problem::io("read", folder, &error))?;
        for entry in entries {
            let path = entry
                .map_err(|error| Problem::io("read", folder, &error))?
                .path();
            let name = source_folder::file_name(&path);
            let place = if within.is_empty() {
                name.clone()
            } else {
                format!("{within}/{name}")
            };
            if path.is_dir() {
                if !is_left_out(&name) {
                    self.walk(&path, &place, found)?;
                }
            } else if is_module(&name) && !is_test(&name) && imports_sdk(&path)? {
                if found.len() == MAX_ENTRIES {
                    return Err(Problem::new(
                        Code::BuildFailed,
                        format!(
                            "{} has more than {MAX_ENTRIES} modules with DAGs",
                            self.folder.display()
                        ),
                    )
                    .help("put the DAGs into a folder of their own, dags/"));
                }
                found.push(place);
            }
        }
        Ok(())
    }
}

fn imports_sdk(path: &Path) -> Result<bool, Problem> {
    let problem = |error: std::io::Error| Problem::io("read", path, &error);
    if fs::metadata(path).map_err(problem)?.len() > MAX_MODULE_BYTES {
        return Ok(false);
    }
    let text = fs::read(path).map_err(problem)?;
    Ok(text
        .windows(SDK.len())
        .any(|window| window == SDK.as_bytes()))
}

fn is_module(name: &str) -> bool {
    let ends = Path::new(name)
        .extension()
        .is_some_and(|end| ENDS.iter().any(|known| end == *known));
    ends && !name.ends_with(".d.ts") && !name.ends_with(".d.mts")
}

fn is_test(name: &str) -> bool {
    [".test.", ".spec.", ".config."]
        .iter()
        .any(|mark| name.contains(mark))
}

/// Folders that hold no DAGs: packages, tests, what tools make.
fn is_left_out(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "__tests__",
        "build",
        "coverage",
        "dist",
        "node_modules",
        "out",
        "target",
        "test",
        "tests",
    ];
    name.starts_with('.') || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(files: &[&str]) -> Vec<String> {
        let folder = source_folder::with_files(files, "import { dag } from \"@weft/sdk\";\n");
        fs::write(folder.path().join("plain.js"), "export {};\n").expect("a file");
        Project::in_folder(folder.path())
            .expect("it is JavaScript")
            .entries()
            .expect("it has modules")
    }

    #[test]
    fn dags_stand_in_a_folder_of_their_own_or_at_the_top() {
        assert_eq!(
            entries(&["dags/b.ts", "dags/a/c.mjs", "tool.js"]),
            ["dags/a/c.mjs", "dags/b.ts"]
        );
        assert_eq!(entries(&["a.js", "lib/b.js"]), ["a.js", "lib/b.js"]);
    }

    #[test]
    fn tests_packages_and_types_are_left_out() {
        let found = entries(&[
            "a.ts",
            "a.test.ts",
            "a.d.ts",
            "tests/b.ts",
            "node_modules/c/d.js",
            ".cache/e.js",
            "eslint.config.js",
            "notes.txt",
        ]);
        assert_eq!(found, ["a.ts"]);
    }

    #[test]
    fn a_folder_without_the_sdk_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.js"), "export {};\n").expect("a file");
        assert!(Project::in_folder(folder.path()).is_none());
        assert!(Project::with_manifest(folder.path()).is_none());
        assert!(Project::of_file(&folder.path().join("a.txt")).is_none());
    }
}
