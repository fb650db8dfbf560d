//! Conditions on other runs of its DAG that a task has besides its trigger rule.
//!
//! The state machine knows one run, so the driver checks them: once the rule lets the task run, the
//! machine asks ([`crate::run::Action::CheckPrecondition`]), and the task waits until the answer comes.

/// What other runs of the DAG must have come to before a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Precondition {
    /// In the run before, the task succeeded or was skipped.
    pub depends_on_past: bool,
    /// In the run before, its direct downstreams succeeded or were skipped too.
    pub wait_for_downstream: bool,
    /// No later run of the schedule is due; otherwise the task is skipped.
    pub latest_only: bool,
}

impl Precondition {
    /// Whether there is any.
    pub const fn is_any(self) -> bool {
        self.waits_for_past() || self.latest_only
    }

    /// Whether it waits for the run before.
    pub const fn waits_for_past(self) -> bool {
        self.depends_on_past || self.wait_for_downstream
    }
}
