//! Shared parts of the end-to-end tests: finished guests, a process of its own for each test, and
//! the memory that a process holds.
//!
//! Nothing here knows the sandbox: the tests themselves do, in `sandbox/` (through
//! its public interface) and in `wfctl/` (through the built program).

pub mod guests;
pub mod isolation;
pub mod program;
pub mod residency;
