//! When a task may start, given how its upstreams ended: Airflow's trigger rules.

/// Airflow's trigger rules, under Airflow's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TriggerRule {
    /// Every upstream succeeded.
    #[default]
    AllSuccess,
    /// Every upstream failed, or could not run because its own upstream failed.
    AllFailed,
    /// Every upstream ended, however.
    AllDone,
    /// Every upstream ended and at least one succeeded.
    AllDoneMinOneSuccess,
    /// Every upstream was skipped.
    AllSkipped,
    /// At least one upstream failed; doesn't wait for the others.
    OneFailed,
    /// At least one upstream succeeded; doesn't wait for the others.
    OneSuccess,
    /// At least one upstream succeeded or failed; doesn't wait for the others.
    OneDone,
    /// No upstream failed: each succeeded or was skipped.
    NoneFailed,
    /// No upstream failed and at least one succeeded.
    NoneFailedMinOneSuccess,
    /// No upstream was skipped: each succeeded or failed.
    NoneSkipped,
    /// No upstream matters.
    Always,
}
