//! The SDKs that are embedded in this program, and the contract's interfaces.
//!
//! An SDK is unpacked into the data folder, since no registry has it. A copy is named
//! for its version and contents and never changes once it is complete, so that two
//! versions of `wfctl` don't disturb each other.

use std::{
    fs, io,
    path::{Path, PathBuf},
};
use weft_api::{
    problem::{Code, Problem},
    user_dirs,
};
use weft_sandbox::Digest;

/// Paths and contents.
pub(super) type Files = [(&'static str, &'static str)];

/// A list of files below `sdk/$folder`, embedded in this program.
macro_rules! files {
    ($(#[$doc:meta])* $name:ident, $folder:literal, $($path:literal,)*) => {
        $(#[$doc])*
        pub(super) const $name: &$crate::embedded_sdk::Files = &[
            $(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/", $folder, "/", $path))),)*
        ];
    };
}
pub(super) use files;

files! {
    /// What a component made with an SDK imports and exports, whatever its language.
    WIT, "rust/weft-sdk/wit",
    "deps/artifacts.wit",
    "deps/clocks.wit",
    "deps/http.wit",
    "deps/io.wit",
    "deps/weft.wit",
    "guest.wit",
}

/// The SDK of a language, unpacked if it isn't there yet. `finish` does what is
/// to be done once in the unpacked folder, before it gets its name.
pub(super) fn unpack(
    language: &str,
    files: &[(String, &str)],
    finish: impl FnOnce(&Path) -> Result<(), Problem>,
) -> Result<PathBuf, Problem> {
    let base = user_dirs::data()
        .ok_or_else(|| {
            Problem::new(
                Code::DataUnavailable,
                "there is no home folder to unpack the SDK in",
            )
            .help("name a folder with WEFT_DATA_DIR")
        })?
        .join("sdk")
        .join(language);
    let folder = base.join(name(files));
    if folder.is_dir() {
        return Ok(folder);
    }
    let unavailable = |error: io::Error| {
        Problem::new(
            Code::DataUnavailable,
            format!("can't unpack the SDK in {}: {error}", base.display()),
        )
        .help("free or fix it, or name another folder with WEFT_DATA_DIR")
    };
    fs::create_dir_all(&base).map_err(unavailable)?;
    let draft = tempfile::Builder::new()
        .prefix(".draft-")
        .tempdir_in(&base)
        .map_err(unavailable)?;
    // A folder of its own inside of the draft, with the permissions of any other.
    let whole = draft.path().join("sdk");
    write(&whole, files).map_err(unavailable)?;
    finish(&whole)?;
    match fs::rename(&whole, &folder) {
        Ok(()) => Ok(folder),
        // Another process was faster, with the same contents.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(error) => Err(unavailable(error)),
    }
}

/// Writes files and the folders that they stand in.
pub(super) fn write(folder: &Path, files: &[(String, &str)]) -> io::Result<()> {
    for (path, contents) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("every file is in a folder"))?;
        fs::write(path, contents)?;
    }
    Ok(())
}

/// What the first line of a file says that `wfctl` may write again.
const MARK: &str = "Written by wfctl, and again whenever it is missing; not for version control.";

/// Writes a file by which a tool finds an SDK, unless the author wrote one there. `comment` begins
/// a comment in it.
pub(super) fn offer(path: &Path, comment: &str, text: &str) -> Result<(), Problem> {
    let mark = format!("{comment} {MARK}");
    let text = format!("{mark}\n{text}");
    match fs::read_to_string(path) {
        Ok(found) if found == text || !found.starts_with(&mark) => return Ok(()),
        Ok(_) | Err(_) => {}
    }
    fs::create_dir_all(path.parent().expect("every file is in a folder"))
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Problem::io("write", path, &error))
}

/// Version and contents, as a folder's name.
pub(super) fn name(files: &[(String, &str)]) -> String {
    const DIGITS: usize = 12;
    let all: String = files
        .iter()
        .flat_map(|(path, contents)| [path.as_str(), "\0", contents, "\0"])
        .collect();
    let digest = Digest::of(all.as_bytes()).to_string();
    let hex = digest.rsplit(':').next().unwrap_or(&digest);
    format!(
        "{}-{}",
        env!("CARGO_PKG_VERSION"),
        &hex[..DIGITS.min(hex.len())]
    )
}

/// Every file below `sdk/{folder}/{within}`, from `sdk/{folder}` on, but those that have another end:
/// what has to be embedded.
#[cfg(test)]
pub(super) fn found(folder: &str, within: &str, ends: &[&str]) -> Vec<String> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../sdk")
        .join(folder);
    let mut found = Vec::new();
    let mut pending = vec![base.join(within)];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).expect("the folder is there") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                pending.push(path);
            } else if path
                .extension()
                .is_some_and(|end| ends.iter().any(|wanted| end == *wanted))
            {
                let name = path.strip_prefix(&base).expect("it lies below");
                found.push(name.display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// The names of embedded files, in order.
#[cfg(test)]
pub(super) fn names(lists: &[&Files]) -> Vec<String> {
    let mut names: Vec<String> = lists
        .iter()
        .flat_map(|files| files.iter())
        .map(|(path, _)| (*path).to_owned())
        .collect();
    names.sort();
    names
}
