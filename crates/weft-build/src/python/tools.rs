//! What Python DAGs are built with: componentize-py, in an environment of its own.

use crate::environment::{Environment, Package};
use std::process::Command;
use weft_api::problem::Problem;

/// The version that components are made with: it decides which Python they hold (3.14).
pub(crate) const COMPONENTIZE_PY: &str = "0.25.1";
const PACKAGE: Package = Package {
    name: "componentize-py",
    version: COMPONENTIZE_PY,
};
/// componentize-py is a library with one function.
const RUN: &str = "import sys; from componentize_py import script; sys.exit(script())";

/// An environment with componentize-py in it.
#[derive(Debug)]
pub(super) struct Tools(Environment);

impl Tools {
    /// The environment, made if it isn't there yet.
    pub(super) fn find() -> Result<Self, Problem> {
        Environment::find(PACKAGE).map(Self)
    }

    /// The environment, if it is there.
    pub(super) fn installed() -> Option<Self> {
        Environment::installed(PACKAGE).map(Self)
    }

    /// componentize-py, to be given its arguments.
    pub(super) fn componentize(&self) -> Command {
        let mut command = self.0.python();
        command.args(["-c", RUN]);
        command
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
