//! Checks of the toolchain of each language, for `wfctl doctor`.

use crate::{c, go, js, python, toolchain::Toolchain};
use std::path::Path;
use weft_api::problem::Problem;

/// What is there to build Rust with, or what is missing and the line that gets it.
///
/// # Errors
/// What is missing.
pub fn rust() -> Result<String, Problem> {
    Toolchain::find(Path::new(".")).map(|toolchain| toolchain.describe())
}

/// What is there to build Python with, or what is missing and the line that gets it.
///
/// # Errors
/// What is missing.
pub fn python() -> Result<String, Problem> {
    python::doctor()
}

/// What is there to build C and C++ with, or what is missing and the line that gets it.
///
/// # Errors
/// What is missing.
pub fn c() -> Result<String, Problem> {
    c::doctor()
}

/// What is there to build Go with, or what is missing and the line that gets it.
///
/// # Errors
/// What is missing.
pub fn go() -> Result<String, Problem> {
    go::doctor()
}

/// What is there to build JavaScript with, or what is missing and the line that gets it.
///
/// # Errors
/// What is missing.
pub fn js() -> Result<String, Problem> {
    js::doctor()
}
