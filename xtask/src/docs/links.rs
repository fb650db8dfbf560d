//! Checks what Markdown files name: targets of links, their anchors, paths of the repository in
//! code spans, and that the site's navigation lists every page.

use super::{CONFIGURATION, markdown::Markdown};
use crate::{program, workspace::Workspace};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

/// Files and folders whose code spans name paths of the repository.
const NAMES_PATHS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/"];

/// Checks all Markdown files that git knows; prints every error, then fails.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let root = workspace.root();
    let mut git = Command::new("git");
    git.current_dir(root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let listed = program::read(&mut git)?;
    // A file that was deleted and not committed is still listed.
    let files: Vec<&str> = listed
        .lines()
        .filter(|path| root.join(path).exists())
        .collect();
    let mut pages = BTreeMap::new();
    for path in files.iter().filter(|path| is_markdown(path)) {
        let text = fs::read_to_string(root.join(path)).with_context(|| (*path).to_owned())?;
        pages.insert(PathBuf::from(path), Markdown::parse(&text));
    }
    let mut errors = Vec::new();
    for (path, page) in &pages {
        for link in &page.links {
            if let Some(error) = broken(root, &pages, path, &link.text) {
                errors.push(format!("{}:{}: {error}", path.display(), link.line));
            }
        }
        if !NAMES_PATHS.iter().any(|start| path.starts_with(start)) && !is_crate_readme(path) {
            continue;
        }
        for span in &page.spans {
            if !names_existing(&files, path, &span.text) {
                let (path, line, text) = (path.display(), span.line, &span.text);
                errors.push(format!("{path}:{line}: {text} does not exist"));
            }
        }
    }
    errors.extend(missing_in_navigation(root, &pages)?);
    for error in &errors {
        eprintln!("{error}");
    }
    ensure!(
        errors.is_empty(),
        "the documentation has {} errors",
        errors.len()
    );
    Ok(())
}

fn is_markdown(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "md")
}

fn is_crate_readme(path: &Path) -> bool {
    path.starts_with("crates") && path.components().count() == 3
}

/// What is wrong with a link; nothing is checked outside the repository.
fn broken(
    root: &Path,
    pages: &BTreeMap<PathBuf, Markdown>,
    from: &Path,
    target: &str,
) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        from.to_path_buf()
    } else {
        normal(&from.parent().unwrap_or(Path::new("")).join(file))
    };
    if !root.join(&path).exists() {
        return Some(format!("{target} does not exist"));
    }
    let page = pages.get(&path)?;
    let known = anchor.is_empty() || page.anchors.iter().any(|one| one == anchor);
    (!known).then(|| format!("{target}: there is no such heading"))
}

/// Without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// Whether a code span names a file or folder that exists, or names none.
fn names_existing(files: &[&str], page: &Path, span: &str) -> bool {
    let path = span.trim_end_matches('/');
    let looks_like_path = path.contains('/')
        && !path.contains([' ', '<', '$', '(', '=', ':', '"'])
        && !path.contains("...");
    if !looks_like_path {
        return true;
    }
    let first = path.split('/').next().unwrap_or_default();
    let is_ours = files
        .iter()
        .any(|file| file.split('/').next() == Some(first) && file.contains('/'));
    let own = page
        .parent()
        .map(|folder| folder.join(path).to_string_lossy().into_owned());
    let in_crate = is_crate_readme(page) && ["src", "tests"].contains(&first);
    match (in_crate, own) {
        (true, Some(own)) => alternatives(&own).iter().all(|path| exists(files, path)),
        _ if is_ours => alternatives(path).iter().all(|path| exists(files, path)),
        _ => true,
    }
}

/// `a/{b,c}.rs` is `a/b.rs` and `a/c.rs`.
fn alternatives(path: &str) -> Vec<String> {
    let parts = path
        .split_once('{')
        .and_then(|(start, rest)| Some((start, rest.split_once('}')?)));
    match parts {
        Some((start, (names, end))) => names
            .split(',')
            .map(|name| format!("{start}{}{end}", name.trim()))
            .collect(),
        None => vec![path.to_owned()],
    }
}

/// Whether git knows a file of this path, or one below it; `*` matches a part of a name.
fn exists(files: &[&str], path: &str) -> bool {
    let wanted: Vec<&str> = path.split('/').collect();
    files.iter().any(|file| {
        let parts: Vec<&str> = file.split('/').collect();
        parts.len() >= wanted.len()
            && wanted
                .iter()
                .zip(parts)
                .all(|(wanted, part)| match wanted.split_once('*') {
                    Some((start, end)) => part.starts_with(start) && part.ends_with(end),
                    None => *wanted == part,
                })
    })
}

/// Pages below `docs/` that the site's navigation does not list.
fn missing_in_navigation(root: &Path, pages: &BTreeMap<PathBuf, Markdown>) -> Result<Vec<String>> {
    let configuration = fs::read_to_string(root.join("docs").join(CONFIGURATION))?;
    let below_docs = pages
        .keys()
        .filter_map(|path| path.strip_prefix("docs").ok());
    Ok(below_docs
        .filter(|page| !configuration.contains(&format!("\"{}\"", page.display())))
        .map(|page| format!("docs/{CONFIGURATION} does not list {}", page.display()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = ["crates/a/README.md", "crates/a/src/b.rs", "docs/c.md"];

    #[test]
    fn a_span_with_a_path_of_the_repository_must_exist() {
        let page = Path::new("docs/c.md");
        let named = |span| names_existing(&FILES, page, span);
        for good in [
            "crates/a",
            "crates/*/src/",
            "crates/a/src/{b,b}.rs",
            "a/b",
            "s3://a/b",
        ] {
            assert!(named(good), "{good}");
        }
        for bad in ["crates/b", "crates/a/src/{b,c}.rs", "docs/d.md"] {
            assert!(!named(bad), "{bad}");
        }
    }

    #[test]
    fn a_crates_readme_names_paths_of_the_crate() {
        let page = Path::new("crates/a/README.md");
        assert!(names_existing(&FILES, page, "src/b.rs"));
        assert!(!names_existing(&FILES, page, "src/c.rs"));
    }

    #[test]
    fn anchors_of_links_must_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let page = PathBuf::from("README.md");
        let pages = BTreeMap::from([(page.clone(), Markdown::parse("# A title\n"))]);
        assert_eq!(broken(&root, &pages, &page, "#a-title"), None);
        assert!(broken(&root, &pages, &page, "#b").is_some());
        assert!(broken(&root, &pages, &page, "no/such.md").is_some());
    }
}
