//! Components that were made, by the digest of all that they were made of: the
//! same sources and tools give the same file, and at once.

use super::{cache, carried, project::Sources, tools::COMPONENTIZE_PY};
use crate::error::Problem;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};
use weft_sandbox::Digest;

/// How many are kept, of 20 MB or so each; the ones that were used last.
const MAX_KEPT: usize = 16;

/// What a component is made of, as a name.
pub(super) fn key(sources: &Sources, packages: Option<&Path>) -> Result<String, Problem> {
    let mut list = String::new();
    let mut part = |name: &str, contents: &[u8]| {
        writeln!(list, "{name:?} {}", Digest::of(contents)).expect("a String takes everything");
    };
    part("componentize-py", COMPONENTIZE_PY.as_bytes());
    part("entry", super::ENTRY_TEXT.as_bytes());
    for (name, text) in carried::SDK.iter().chain(carried::WIT) {
        part(name, text.as_bytes());
    }
    part("root", sources.root.as_bytes());
    for (name, contents) in &sources.files {
        part(name, contents);
    }
    if let Some(folder) = packages {
        for path in files(folder).map_err(|error| Problem::io("read", folder, &error))? {
            let contents = fs::read(&path).map_err(|error| Problem::io("read", &path, &error))?;
            let name = path.strip_prefix(folder).unwrap_or(&path);
            part(&name.to_string_lossy(), &contents);
        }
    }
    let digest = Digest::of(list.as_bytes()).to_string();
    Ok(digest.rsplit(':').next().unwrap_or(&digest).to_owned())
}

/// The component of this key, if it is kept.
pub(super) fn find(key: &str) -> Option<Vec<u8>> {
    let path = folder()?.join(file(key));
    let bytes = fs::read(&path).ok()?;
    // What is used stays longest; where the time can't be set it may go earlier.
    let _untouched = fs::File::options()
        .append(true)
        .open(&path)
        .and_then(|file| file.set_modified(SystemTime::now()));
    Some(bytes)
}

/// Keeps a component. A cache that can't be written costs only time.
pub(super) fn keep(key: &str, component: &[u8]) {
    let Some(folder) = folder() else { return };
    let draft = folder.join(format!(".draft-{}", std::process::id()));
    let kept = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&draft, component))
        .and_then(|()| fs::rename(&draft, folder.join(file(key))));
    if kept.is_ok() {
        forget_oldest(&folder);
    }
}

fn forget_oldest(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut kept: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(MAX_KEPT);
    for (_, path) in kept.into_iter().take(surplus) {
        // Another process may have removed it.
        let _gone = fs::remove_file(path);
    }
}

fn folder() -> Option<PathBuf> {
    Some(cache().ok()?.join("components"))
}

fn file(key: &str) -> String {
    format!("{key}.wasm")
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_key_is_of_names_and_contents() {
        let sources = |files: &[(&str, &str)]| Sources {
            files: files
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
                .collect::<BTreeMap<_, _>>(),
            root: "dags".to_owned(),
            modules: Vec::new(),
        };
        let key_of =
            |files: &[(&str, &str)]| key(&sources(files), None).expect("no package is read");
        let one = key_of(&[("a.py", "x"), ("b.py", "y")]);
        assert_eq!(one, key_of(&[("b.py", "y"), ("a.py", "x")]));
        assert_ne!(one, key_of(&[("a.py", "xb"), ("b.py", "y")]));
        assert_ne!(one, key_of(&[("a.py", "x"), ("c.py", "y")]));
    }
}
