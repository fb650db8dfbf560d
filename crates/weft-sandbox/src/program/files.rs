//! A program's files: artifacts under `/in`, and the files that it writes under `/out`.

use crate::{
    ArtifactRef, AttemptFailure, FailureKind, artifacts::ArtifactState, scratch::ScratchState,
};
use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use weft_core::limit::Limits;

/// How deep below `/out` files are looked for.
const MAX_DEPTH: usize = 16;

/// Puts the artifacts where the program finds them. They are copies: whatever the
/// program does, the store's own bytes stay as they are.
pub(super) async fn put_in(
    files: &[(String, ArtifactRef)],
    scratch: &mut ScratchState,
    artifacts: &ArtifactState,
) -> Result<(), AttemptFailure> {
    let internal = |problem: String| AttemptFailure::new(FailureKind::Internal, problem);
    scratch
        .prepare_program()
        .map_err(|error| internal(format!("the scratch folder can't be made: {error}")))?;
    let Some(folder) = scratch.folder() else {
        return Ok(());
    };
    for (name, reference) in files {
        if !is_plain_name(name) {
            let problem = format!("{name:?} can't be the name of a file under /in");
            return Err(AttemptFailure::new(FailureKind::InvalidEntry, problem));
        }
        let problem = |error: &dyn std::fmt::Display| {
            internal(format!(
                "the artifact {reference} can't be put under /in/{name}: {error}"
            ))
        };
        let mut file = tokio::fs::File::create_new(folder.input().join(name))
            .await
            .map_err(|error| problem(&error))?;
        artifacts
            .fetch(reference, &mut file)
            .await
            .map_err(|error| problem(&error))?;
        tokio::io::AsyncWriteExt::flush(&mut file)
            .await
            .map_err(|error| problem(&error))?;
    }
    Ok(())
}

fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains(['/', '\0'])
}

/// Makes an artifact of each file under `/out`, in the order of their names. The
/// names are relative to `/out`.
pub(super) async fn take_out(
    scratch: &ScratchState,
    artifacts: &mut ArtifactState,
) -> Result<Vec<(String, ArtifactRef)>, AttemptFailure> {
    let internal = |error: &dyn std::fmt::Display| {
        AttemptFailure::new(
            FailureKind::Internal,
            format!("files under /out can't be read: {error}"),
        )
    };
    let Some(folder) = scratch.folder() else {
        return Ok(Vec::new());
    };
    let out = folder.output();
    let most = Limits::MAXIMUM.artifacts;
    let found = tokio::task::spawn_blocking(move || find_files(&out, most))
        .await
        .map_err(|error| internal(&error))?
        .map_err(|error| internal(&error))?;
    let mut kept = Vec::with_capacity(found.len());
    for (name, path) in found {
        let file = tokio::task::spawn_blocking(move || open_file(&path))
            .await
            .map_err(|error| internal(&error))?
            .map_err(|error| internal(&error))?;
        let reference = artifacts
            .store_file(media_type(&name), tokio::fs::File::from_std(file))
            .await
            .map_err(|(kind, problem)| {
                AttemptFailure::new(kind, format!("/out/{name}: {problem}"))
            })?;
        kept.push((name, reference));
    }
    Ok(kept)
}

/// Opens a file that was found, and nothing that took its place since.
fn open_file(path: &Path) -> io::Result<fs::File> {
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits();
    let flags = i32::try_from(no_link).expect("the flag fits where the system takes it");
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
}

/// Plain files below a folder, by their relative names. Links are not files here.
fn find_files(out: &Path, most: u64) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), out.to_path_buf(), 0)];
    while let Some((prefix, folder, depth)) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let name = format!("{prefix}{name}");
            if kind.is_dir() && depth < MAX_DEPTH {
                waiting.push((format!("{name}/"), entry.path(), depth + 1));
            } else if kind.is_file() {
                found.push((name, entry.path()));
            }
            if found.len() as u64 > most {
                return Err(io::Error::other(format!("there are more than {most}")));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// By the usual extensions, so that a browser shows what it can.
fn media_type(name: &str) -> &'static str {
    match Path::new(name)
        .extension()
        .and_then(|extension| extension.to_str())
    {
        Some("json") => "application/json",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("csv") => "text/csv",
        Some("html") => "text/html",
        Some("md") => "text/markdown",
        Some("txt") => "text/plain",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_files_are_found_in_order_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        fs::create_dir_all(out.join("b/c")).unwrap();
        for name in ["z", "b/c/x.csv", "a.svg"] {
            fs::write(out.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", out.join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", out.join("folder")).unwrap();
        let names: Vec<_> = find_files(out, 10)
            .unwrap()
            .into_iter()
            .map(|(name, _path)| name)
            .collect();
        assert_eq!(names, ["a.svg", "b/c/x.csv", "z"]);
        assert!(open_file(&out.join("link")).is_err());
        assert!(find_files(out, 2).is_err());
    }

    #[test]
    fn names_under_in_are_single_parts() {
        for (name, plain) in [
            ("a.csv", true),
            ("..", false),
            ("a/b", false),
            ("", false),
            ("a\0", false),
        ] {
            assert_eq!(is_plain_name(name), plain, "{name:?}");
        }
    }
}
