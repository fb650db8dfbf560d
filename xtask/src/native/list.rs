//! The list of native packages that Weft has, which is beside their wheels.

use super::{FOLDER, read};
use crate::workspace::Workspace;
use anyhow::Result;
use serde::Deserialize;

const FILE: &str = "wheels/index.json";

/// All of them, by name.
#[derive(Deserialize)]
pub(crate) struct List {
    /// The tag of their platform.
    pub(crate) platform: String,
    pub(crate) packages: Vec<Package>,
}

/// A package with its wheel.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: String,
    /// Of the wheel.
    pub(crate) bytes: u32,
    pub(crate) unpacked_bytes: u32,
    /// What does not work, or nothing.
    #[serde(default)]
    pub(crate) note: String,
}

impl List {
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        read(&workspace.root().join(FOLDER).join(FILE))
    }
}
