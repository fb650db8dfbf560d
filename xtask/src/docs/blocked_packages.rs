//! The section about packages that can't be built for the sandbox, made of the list beside the recipes.

use crate::native;
use anyhow::Result;
use serde::Deserialize;
use std::{fmt::Write as _, path::Path};

const LIST: &str = "blocked.json";

/// A package that was tried.
#[derive(Deserialize)]
struct Blocked {
    /// One name, or several that have the same obstacle.
    name: String,
    /// The version that was tried.
    version: String,
    /// The first obstacle, with the file or the message.
    obstacle: String,
    /// What would have to happen.
    needs: String,
    /// What does its work in a task.
    instead: String,
}

/// The section's text; `folder` has the list.
pub(super) fn section(folder: &Path) -> Result<String> {
    let packages: Vec<Blocked> = native::read(&folder.join(LIST))?;
    let mut page = "\n## Packages that were tried\n\n\
         These do not work in the sandbox: some were built up to their first error, others judged by their sources. The list is\n\
         `sdk/python/native/blocked.json`.\n\n\
         | package | version | first obstacle | what it takes | instead |\n\
         |---|---|---|---|---|\n"
        .to_owned();
    for package in packages {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            package.name, package.version, package.obstacle, package.needs, package.instead
        )?;
    }
    Ok(page)
}
