//! Programs besides cargo that the tests need: found, or installed where that
//! touches nothing of the user's.

use crate::{program, workspace::cache_folder};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// The version that `deny.toml` was written for.
const CARGO_DENY: &str = "0.20.2";

/// `cargo-deny`: the machine's own, or one installed into Weft's cache folder
/// (about two minutes on two cores, once).
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    if program::works("cargo-deny", &["--version"]) {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let root = cache_folder().join("tools");
    let program = root.join("bin/cargo-deny");
    if !program::works(&program, &["--version"]) {
        let mut install = program::cargo();
        install
            .args([
                "install",
                "cargo-deny",
                "--locked",
                "--quiet",
                "--version",
                CARGO_DENY,
                "--root",
            ])
            .arg(&root);
        program::run(&mut install)?;
    }
    Ok(program)
}

/// The examples' results are computed a second time by programs of another
/// language, so that an error in ours can't hide in both.
pub(crate) fn python() -> Result<&'static str> {
    if program::works(
        "python3",
        &["-c", "import sys; sys.exit(sys.version_info < (3, 8))"],
    ) {
        return Ok("python3");
    }
    bail!(
        "Python 3.8 or newer is needed to check the examples' results: install it ('apt-get install python3')"
    )
}
