//! The schema's steps, in order.
//!
//! A step that was released is never changed.

/// One step of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// From 1 on, rising.
    pub number: i64,
    /// What it does.
    pub name: &'static str,
}

/// A migration with its script for each database.
pub(crate) struct Step {
    pub(crate) migration: Migration,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

macro_rules! steps {
    ($($number:literal $file:literal $name:literal;)*) => {
        &[$(Step {
            migration: Migration { number: $number, name: $name },
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
        }),*]
    };
}

/// All steps, in order.
pub(crate) const STEPS: &[Step] = steps! {
    1 "0001_foundation.sql" "foundation";
    2 "0002_artifacts.sql" "what names artifacts";
    3 "0003_kinds_of_runs.sql" "lists of runs by kind";
    4 "0004_installation.sql" "the installation's own name";
    5 "0005_compiled_code.sql" "where compiled code lies";
    6 "0006_crashes.sql" "who took workers down";
    7 "0007_schedulers.sql" "who schedules, and what programs have to know";
    8 "0008_lost_turns.sql" "acknowledged turns that were lost";
    9 "0009_held_runs.sql" "runs that no scheduler can continue";
    10 "0010_worker_names.sql" "whose workers have which names";
    11 "0011_failures.sql" "why attempts failed, by cause";
    12 "0012_last_turns.sql" "the last turn of each shard";
    13 "0013_waits.sql" "what instances wait for, and events that are sent to runs";
    14 "0014_calls.sql" "the task instance that called a run";
    15 "0015_notifications.sql" "where notifications go, and their deliveries";
    16 "0016_webhooks.sql" "webhooks";
    17 "0017_approvals.sql" "approvals";
    18 "0018_bulk_actions.sql" "bulk actions";
    19 "0019_notes.sql" "notes on runs and task instances";
    20 "0020_held_dags.sql" "paused DAGs whose runs are held";
    21 "0021_assets.sql" "assets and their updates";
    22 "0022_concurrency_keys.sql" "keys by which runs are bounded";
    23 "0023_asset_waits.sql" "tasks that wait for updates of assets";
};
/// The step that a program has to know at least to work with all of these: it rises only with a
/// step that takes away what the version before still uses.
pub(crate) const OLDEST: i64 = 7;

/// The newest step that is known here.
pub(crate) fn known() -> i64 {
    STEPS.last().map_or(0, |step| step.migration.number)
}
