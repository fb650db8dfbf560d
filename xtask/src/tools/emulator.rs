//! QEMU, which runs programs of another architecture on this machine.

use super::install;
use crate::program;
use anyhow::Result;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Debian's package of the emulators of single programs.
const PACKAGE: &str = "qemu-user-static";

/// Runs programs of one architecture.
#[derive(Debug, Clone)]
pub(crate) struct Emulator {
    program: String,
    libraries: PathBuf,
}

impl Emulator {
    /// The one of an architecture, by the kernel's name of it, whose programs find their loader
    /// and their libraries below a folder.
    pub(crate) fn get(architecture: &str, libraries: &Path) -> Result<Self> {
        let program = format!("qemu-{architecture}-static");
        if !program::works(&program, &["--version"]) {
            install(PACKAGE)?;
        }
        Ok(Self {
            program,
            libraries: libraries.to_path_buf(),
        })
    }

    /// A command that runs a program, to be given its arguments.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-L").arg(&self.libraries).arg(program);
        command
    }
}
