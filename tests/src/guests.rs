//! Finds the guests that `cargo xtask guests` built. A missing or outdated one
//! fails the test and says what to do; nothing is ever skipped.

use std::{
    env,
    ffi::OsString,
    fs, io, iter,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The bytes of a guest by its file's name without `.wasm`: `guest_bare`,
/// `guest_plain`, `guest_hostile`, `guest_describe_loop`, `guest_describe_huge`,
/// `guest_concurrent` and `guest_hostile_concurrent` (WASI 0.3), `hostile-program` (WASI 0.2),
/// `hostile-module` (WASI 0.1), those of `tests/programs`.
///
/// # Panics
/// If it isn't built, or is older than its source.
pub fn read(name: &str) -> Vec<u8> {
    let path = path(name);
    fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask guests`", path.display()))
}

/// Where that guest lies.
///
/// # Panics
/// If it isn't built, or is older than its source.
pub fn path(name: &str) -> PathBuf {
    let path = folder().join(format!("{name}.wasm"));
    let built = fs::metadata(&path).and_then(|metadata| metadata.modified());
    let built = built
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask guests`", path.display()));
    for source in [
        root().join("tests/guests"),
        root().join("tests/programs"),
        root().join("wit"),
    ] {
        if let Some(newer) =
            newer_than(&source, built).expect("the sources of the guests can be read")
        {
            panic!(
                "{} is newer than {}; run `cargo xtask guests`",
                newer.display(),
                path.display()
            );
        }
    }
    path
}

/// The path that programs are looked for in, with the compilers that `cargo xtask guests` got.
pub fn path_with_compilers() -> OsString {
    let compilers = folder().with_file_name("programs").join("bin");
    let old = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(compilers).chain(env::split_paths(&old));
    env::join_paths(folders).expect("the target folder can stand in PATH")
}

/// The root of the clone.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is one folder below the root")
        .to_path_buf()
}

fn folder() -> PathBuf {
    env::var_os("WEFT_GUESTS_DIR").map_or_else(
        // This program lies in <target>/<profile>/deps, whichever folder <target> is.
        || {
            let program = env::current_exe().expect("a running program has a path");
            let target = program
                .ancestors()
                .nth(3)
                .expect("tests lie three folders below the target folder");
            target.join("guests")
        },
        PathBuf::from,
    )
}

/// What guests are made of. The schemas beside the contract are not among it.
const SOURCES: [&str; 9] = ["rs", "toml", "wit", "c", "cpp", "go", "mod", "ts", "zig"];

/// Some source below `folder` that changed after `built`.
fn newer_than(folder: &Path, built: SystemTime) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if entry.file_name() == "target" {
                continue;
            }
            if let Some(newer) = newer_than(&path, built)? {
                return Ok(Some(newer));
            }
        } else if path
            .extension()
            .is_some_and(|extension| SOURCES.iter().any(|source| extension == *source))
            && entry.metadata()?.modified()? > built
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
