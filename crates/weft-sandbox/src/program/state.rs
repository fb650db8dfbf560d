//! The state that only programs have.

use super::capture::Capture;
use crate::scratch::Preview1;
use weft_core::limit::Limits;

/// The state of a program, for one attempt.
pub(crate) struct ProgramState {
    /// WASI 0.1, for a module.
    pub(super) preview1: Option<Preview1>,
    /// Standard output.
    pub(super) stdout: Capture,
}

impl Default for ProgramState {
    fn default() -> Self {
        Self::new(&Limits::DEFAULT)
    }
}

impl ProgramState {
    /// The state before the program starts.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            preview1: None,
            stdout: Capture::new(limits.output_bytes),
        }
    }
}
