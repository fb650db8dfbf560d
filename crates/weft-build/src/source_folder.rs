//! Where the sources of a project are, for the languages that have no manifest of their own.

use std::path::Path;

/// The folder below `folder` that holds the DAGs: `dags`, else `src`, else the folder itself
/// (an empty name).
pub(crate) fn dag_root(folder: &Path) -> &'static str {
    ["dags", "src"]
        .into_iter()
        .find(|name| folder.join(name).is_dir())
        .unwrap_or("")
}

/// The folder of a file; `.` for a bare name.
pub(crate) fn of_file(file: &Path) -> &Path {
    file.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The last part of a path, as text.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A folder with files of this text at these names.
#[cfg(test)]
pub(crate) fn with_files(names: &[&str], text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in names {
        let path = folder.path().join(name);
        std::fs::create_dir_all(of_file(&path)).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_file_name_is_in_the_current_folder() {
        assert_eq!(of_file(Path::new("a.py")), Path::new("."));
        assert_eq!(of_file(Path::new("x/a.py")), Path::new("x"));
    }

    #[test]
    fn dags_come_before_src_and_the_folder_itself() {
        assert_eq!(
            dag_root(with_files(&["dags/a", "src/b"], "").path()),
            "dags"
        );
        assert_eq!(dag_root(with_files(&["src/b", "c"], "").path()), "src");
        assert_eq!(dag_root(with_files(&["c"], "").path()), "");
    }
}
