//! The texts of a DAG folder.

use std::{collections::BTreeMap, fs, path::Path};
use weft_api::problem::{Code, Problem};

/// The most files of a folder.
const MAX_FILES: usize = 5_000;
/// The most bytes that they have together: every call of the importer gets them all.
const MAX_BYTES: u64 = 32 << 20;
/// A file that is larger is data of a task's, and no text that a DAG is made of.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a DAG folder holds.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Texts by path below the folder.
    pub(super) texts: BTreeMap<String, String>,
    /// Python files that aren't UTF-8 or are too large.
    pub(super) unreadable: Vec<(String, &'static str)>,
}

/// Reads a folder, or the one file that is named.
///
/// # Errors
/// A file that can't be read, or a folder that is too large.
pub(super) fn read(path: &Path) -> Result<Sources, Problem> {
    let mut sources = Sources::default();
    let mut left = MAX_BYTES;
    let entry = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::new(
            Code::FileNotFound,
            format!("there is no folder {}", path.display()),
        )
        .help("name Airflow's DAG folder: wfctl import airflow ~/airflow/dags"),
        _ => Problem::io("read", path, &error),
    })?;
    if entry.is_dir() {
        walk(path, path, &mut sources, &mut left)?;
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        add(path, name.into_owned(), &mut sources, &mut left)?;
    }
    Ok(sources)
}

fn walk(root: &Path, folder: &Path, sources: &mut Sources, left: &mut u64) -> Result<(), Problem> {
    let mut entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Problem::io("read", folder, &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry
            .file_type()
            .map_err(|error| Problem::io("read", &path, &error))?;
        if kind.is_dir() {
            let is_environment = path.join("pyvenv.cfg").exists();
            if !name.starts_with('.') && name != "__pycache__" && !is_environment {
                walk(root, &path, sources, left)?;
            }
        } else if (!name.starts_with('.') || name == ".airflowignore") && path.is_file() {
            let within = path
                .strip_prefix(root)
                .expect("the walk begins in the folder");
            let parts: Vec<_> = within
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            add(&path, parts.join("/"), sources, left)?;
        }
    }
    Ok(())
}

fn add(path: &Path, name: String, sources: &mut Sources, left: &mut u64) -> Result<(), Problem> {
    let is_python = path.extension().is_some_and(|end| end == "py");
    let size = fs::metadata(path)
        .map_err(|error| Problem::io("read", path, &error))?
        .len();
    if size > MAX_FILE_BYTES {
        if is_python {
            sources.unreadable.push((name, "it has more than 1 MiB"));
        }
        return Ok(());
    }
    let bytes = fs::read(path).map_err(|error| Problem::io("read", path, &error))?;
    let Ok(text) = String::from_utf8(bytes) else {
        if is_python {
            sources.unreadable.push((name, "it is not UTF-8"));
        }
        return Ok(());
    };
    *left = left
        .checked_sub(text.len() as u64)
        .filter(|_| sources.texts.len() < MAX_FILES)
        .ok_or_else(|| {
            Problem::new(
                Code::Usage,
                format!("{} is one file too many", path.display()),
            )
            .note(format!(
                "a folder may have at most {MAX_FILES} files and {} MiB of text",
                MAX_BYTES >> 20
            ))
            .help("import its subfolders one by one")
        })?;
    sources.texts.insert(name, text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_by_their_path_and_environments_are_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, contents) in [
            ("a.py", &b"x = 1"[..]),
            ("sql/q.sql", b"select 1"),
            (".airflowignore", b"a.py"),
            ("latin.py", b"# \xe9"),
            ("picture.png", b"\x89PNG\xff"),
            ("venv/pyvenv.cfg", b""),
            ("venv/b.py", b""),
            ("__pycache__/a.py", b""),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, contents).expect("a file");
        }
        let sources = read(folder.path()).expect("it is readable");
        let names: Vec<_> = sources.texts.keys().map(String::as_str).collect();
        assert_eq!(names, [".airflowignore", "a.py", "sql/q.sql"]);
        assert_eq!(
            sources.unreadable,
            [("latin.py".to_owned(), "it is not UTF-8")]
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let problem = read(Path::new("/nowhere/dags")).expect_err("it is not there");
        assert!(problem.message.contains("/nowhere/dags"), "{problem:?}");
    }
}
