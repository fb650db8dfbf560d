//! What Python DAGs are built with: pip for their packages, and componentize-py for the Python that all of them have.

use crate::environment::{Environment, Package};
use std::process::Command;
use weft_api::problem::Problem;

/// The version that components are made with: it decides which Python they hold (3.14).
pub(super) const COMPONENTIZE_PY: &str = "0.25.1";
const PACKAGE: Package = Package {
    name: "componentize-py",
    version: COMPONENTIZE_PY,
};
/// componentize-py is a library with one function.
const RUN: &str = "import sys; from componentize_py import script; sys.exit(script())";

/// componentize-py, to be given its arguments; installed if it isn't there yet.
pub(super) fn componentize() -> Result<Command, Problem> {
    let mut command = Environment::find(PACKAGE)?.python();
    command.args(["-c", RUN]);
    Ok(command)
}

/// An environment with pip.
#[derive(Debug)]
pub(super) struct Tools(Environment);

impl Tools {
    /// The environment, made if it isn't there yet.
    pub(super) fn find() -> Result<Self, Problem> {
        Environment::with_pip().map(Self)
    }

    /// The environment's Python, to be given its arguments.
    pub(super) fn python(&self) -> Command {
        self.0.python()
    }

    /// pip, to be given its arguments.
    pub(super) fn pip(&self) -> Command {
        self.0.pip()
    }
}
