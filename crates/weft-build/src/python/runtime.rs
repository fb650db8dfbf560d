//! Python as it is before there is an SDK or a package: a component that has started it, and the libraries of its
//! system that packages may need besides.
//!
//! It is the same for everybody, and lies beside Weft's native packages. Where it is missing, or was made of other
//! sources, componentize-py makes it: that takes ten seconds, and the cache keeps it.

use super::{
    LANGUAGE, embedded_sdk, native,
    tools::{self, COMPONENTIZE_PY},
    write,
};
use crate::{
    build_dir::{self, run_tool},
    component_cache::{ComponentCache, Fingerprint},
    embedded_sdk::WIT,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};

/// The folder beside the wheels, and what its files end in.
const FOLDER: &str = "runtime";
const ENDING: &str = "zst";
/// How many are cached: versions of Weft that are used in turns.
const MAX_RUNTIMES: usize = 2;
/// The module that Python starts with.
const ENTRY: &str = "weft_component";
/// The most that a file of the folder may be unpacked to.
const MAX_BYTES: u64 = 256 << 20;

/// The component.
pub(super) fn find_or_build() -> Result<Vec<u8>, Problem> {
    let key = fingerprint().key();
    if let Some(component) = unpacked(&format!("{key}.wasm"))? {
        return Ok(component);
    }
    let cache = ComponentCache::of(LANGUAGE, "runtimes", MAX_RUNTIMES);
    if let Some(component) = cache.find(&key) {
        return Ok(component);
    }
    let component = build()?;
    cache.store(&key, &component);
    Ok(component)
}

/// A library of the system, by its file name.
pub(super) fn library(name: &str) -> Result<Option<Vec<u8>>, Problem> {
    unpacked(name)
}

/// Everything that the component is made of.
pub(super) fn fingerprint() -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("componentize-py", COMPONENTIZE_PY.as_bytes());
    for (name, text) in embedded_sdk::RUNTIME.iter().chain(WIT) {
        fingerprint.add(name, text.as_bytes());
    }
    fingerprint
}

/// A file of the folder beside Weft's wheels, or beside those that the author names, if it is there.
fn unpacked(name: &str) -> Result<Option<Vec<u8>>, Problem> {
    let further = native::further().map(PathBuf::from);
    let mut wheels = native::own_folder().into_iter().chain(further);
    let found = wheels.find_map(|wheels| Some(packed(&wheels, name)).filter(|path| path.is_file()));
    let Some(path) = found else {
        return Ok(None);
    };
    let frame = fs::read(&path).map_err(|error| Problem::io("read", &path, &error))?;
    let bytes = decompressed(&frame);
    let damaged = || {
        let message = format!("{} is damaged", path.display());
        Problem::new(Code::BuildFailed, message).help("install Weft again")
    };
    bytes.map(Some).ok_or_else(damaged)
}

fn packed(wheels: &Path, name: &str) -> PathBuf {
    wheels.join(FOLDER).join(format!("{name}.{ENDING}"))
}

fn decompressed(frame: &[u8]) -> Option<Vec<u8>> {
    let size = zstd_safe::get_frame_content_size(frame).ok()??;
    let size = usize::try_from(size).ok().filter(|_| size <= MAX_BYTES)?;
    let mut bytes = Vec::with_capacity(size);
    zstd_safe::decompress(&mut bytes, frame).ok()?;
    Some(bytes)
}

/// Has componentize-py start Python.
fn build() -> Result<Vec<u8>, Problem> {
    anstream::eprintln!("starting Python once, which takes some seconds");
    let mut command = tools::componentize()?;
    let stage = build_dir::temporary(LANGUAGE)?;
    let app = stage.path().join("app");
    for (name, text) in embedded_sdk::RUNTIME {
        write(&app.join(name), text.as_bytes())?;
    }
    for (name, text) in WIT {
        write(&stage.path().join("wit").join(name), text.as_bytes())?;
    }
    // Without one componentize-py takes the packages of whatever Python runs it.
    fs::create_dir_all(stage.path().join("environment/lib/python3/site-packages"))
        .map_err(|error| Problem::io("write", stage.path(), &error))?;
    let output = stage.path().join("runtime.wasm");
    command
        .current_dir(stage.path())
        .env("VIRTUAL_ENV", stage.path().join("environment"))
        .args(["--quiet", "--wit-path"])
        .arg(stage.path().join("wit"))
        .args(["--world", "guest", "componentize", "--python-path"])
        .arg(&app)
        .args([ENTRY, "--output"])
        .arg(&output);
    let done = run_tool(&mut command)?;
    if !done.success {
        // Not the author's fault, so that whatever there is should be seen.
        let words = done.stderr.split("Stack backtrace:").next();
        anstream::eprintln!("{}", words.unwrap_or_default().trim_end());
        let message = "componentize-py did not make a component";
        return Err(Problem::new(Code::BuildFailed, message));
    }
    fs::read(&output).map_err(|error| Problem::io("read", &output, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_one_is_made_of_these_sources() {
        let wheels = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/python/native/wheels");
        let path = packed(&wheels, &format!("{}.wasm", fingerprint().key()));
        let frame = fs::read(&path).expect("run: cargo xtask native --runtime");
        let component = decompressed(&frame).expect("it is whole");
        assert!(component.starts_with(b"\0asm"));
    }

    #[test]
    fn what_is_no_frame_or_too_large_is_refused() {
        assert_eq!(decompressed(b"wasm"), None);
        let mut frame = Vec::with_capacity(1000);
        zstd_safe::compress(&mut frame, b"weft", 3).unwrap();
        assert_eq!(decompressed(&frame).as_deref(), Some(&b"weft"[..]));
        frame.truncate(frame.len() - 1);
        assert_eq!(decompressed(&frame), None);
    }
}
