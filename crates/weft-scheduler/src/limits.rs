//! Bounds and intervals of the scheduler that are no options.

use std::time::Duration;
use weft_core::time::DurationMs;

/// How often an attempt of an instance may be lost. A restart of the process that contains the
/// workers loses every running attempt, so the bound is far above what machines do, and ends
/// only a task that takes its worker down each time.
pub(crate) const MAX_LOSSES: u32 = 20;
/// Notices that one turn receives.
pub(crate) const MAX_NOTICES_PER_TURN: usize = 2048;
/// Attempts that one turn dispatches.
pub(crate) const MAX_DISPATCHES_PER_TURN: usize = 2048;
/// Bytes of inputs that one turn dispatches, together with those that the broker has not accepted
/// yet; one attempt more may be dispatched. The next turns dispatch the rest.
pub(crate) const MAX_DISPATCH_BYTES_PER_TURN: usize = 64 << 20;
/// About how many rows one transaction writes; the next turns write the rest.
pub(crate) const MAX_ROWS_PER_TURN: usize = 8192;
/// How long the last successes of all instances took that may run ahead with one attempt. Its outcome
/// is known after them, so they are few milliseconds.
pub(crate) const MAX_AHEAD_WALL: Duration = Duration::from_millis(10);
/// Bytes of their inputs, which travel with each dispatch.
pub(crate) const MAX_AHEAD_BYTES: usize = 16 << 10;
/// Commands that one turn applies.
pub(crate) const MAX_COMMANDS_PER_TURN: u32 = 256;
/// Waits for runs, tasks and updates of assets that one turn looks up.
pub(crate) const MAX_WAITS_PER_TURN: usize = 256;
/// Assets that instances wait for, whose changes one sweep looks up.
pub(crate) const MAX_AWAITED_ASSETS_PER_SWEEP: usize = 1_000;
/// DAGs whose queued runs one turn reads.
pub(crate) const MAX_DAGS_PER_TURN: usize = 64;
/// Scheduled runs that one turn creates.
pub(crate) const MAX_DUE_RUNS_PER_TURN: usize = 256;
/// Queued runs of one DAG that its timetable created. Until fewer are queued it creates no more:
/// `every 1s` from 2000 on would fill the database.
pub(crate) const MAX_QUEUED_SCHEDULED_RUNS: u32 = 100;
/// DAGs that updates of assets wait for, in one page.
pub(crate) const ASSET_DAGS_PER_PAGE: u32 = 256;
/// The most updates of one asset in the parameters of a run.
pub(crate) const MAX_UPDATES_IN_PARAMS: u32 = 100;
/// Conditions of tasks on other runs that one turn checks.
pub(crate) const MAX_PRECONDITIONS_PER_TURN: usize = 256;
/// Queued runs of one DAG that are held aside since they can't be read. Beyond it the DAG's other
/// queued runs wait as well.
pub(crate) const MAX_HELD_QUEUED_RUNS: u32 = 256;
/// How long an instance waits at least, deferred or up for retry, to wake together with others.
pub(crate) const LONG_WAIT: DurationMs = DurationMs(10_000);
/// Between the times at which such instances wake: 1 % of the shortest of their waits.
pub(crate) const WAKE_INTERVAL: DurationMs = DurationMs(100);
/// How long the start of an attempt may stay uncommitted. An attempt that ends before half of it
/// is never written as running, which saves a row version.
pub(crate) const LAZY_COMMIT_DELAY: Duration = Duration::from_millis(500);
/// How long a dispatch that was sent ahead of its commit may stay uncommitted. Most such attempts end
/// before it, and are written once.
pub(crate) const AHEAD_COMMIT_DELAY: Duration = Duration::from_millis(20);
/// The first delay before a failed call is retried; each further one is twice as long.
pub(crate) const MIN_RETRY_DELAY: Duration = Duration::from_millis(20);
/// The longest delay before a failed call is retried.
pub(crate) const MAX_RETRY_DELAY: Duration = Duration::from_secs(2);
/// How often live attempts are reconciled with the broker.
pub(crate) const RECONCILE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the task of a shard may make no progress, unless the options say otherwise: three times
/// what a call to the database may take, and two leases.
pub(crate) const MAX_WITHOUT_PROGRESS: Duration = Duration::from_secs(30);
/// How much longer than its timeout and its wait for a slot a worker may have an attempt, unless the
/// options say otherwise: the worker ends it at its timeout, however busy the machine is.
pub(crate) const OVERDUE_GRACE: Duration = Duration::from_mins(10);
/// How old an attempt is before it is reconciled.
pub(crate) const RECONCILE_MIN_AGE: Duration = Duration::from_secs(5);
/// Parsed versions of DAGs in memory, of each shard.
pub(crate) const MAX_CACHED_VERSIONS: usize = 4096;
/// Outputs in memory, in bytes, over all runs of all shards. Beyond it committed outputs are dropped
/// after each turn, and read again when they are needed.
pub(crate) const MAX_OUTPUT_BYTES: usize = 256 << 20;
/// Tasks of runs of whose outputs a shard reads rows at once.
pub(crate) const MAX_ROW_FETCHES: usize = 16;
/// Tasks of runs of whose outputs a shard reads blobs at once.
pub(crate) const MAX_BLOB_FETCHES: usize = 16;
/// Rows of outputs that one query reads. Each holds at most 16 KiB of output.
pub(crate) const OUTPUTS_PER_PAGE: u32 = 256;
/// Rows of outputs that are read by queries at once, over all shards.
pub(crate) const MAX_QUERIES_AT_ONCE: usize = 32;
/// Blobs that are read at once, over all shards.
pub(crate) const MAX_BLOBS_AT_ONCE: usize = 32;
/// Bytes of outputs that are under way at once from the blob store, over all shards.
pub(crate) const MAX_BYTES_UNDER_WAY: u32 = 64 << 20;
/// Runs that are not in memory and that one query looks up.
pub(crate) const RUNS_PER_LOOKUP: usize = 256;
/// Attempts of such runs that wait.
pub(crate) const MAX_ORPHANS: usize = 16_384;
/// Changes that a listener may lag behind before it misses some.
pub(crate) const FEED_CAPACITY: usize = 4096;
/// Notices about a shard that wait where one broker serves all shards.
pub(crate) const MAX_MAILBOX_NOTICES: usize = 4096;
/// Requests through handles that wait, and of each shard.
pub(crate) const MAX_WAITING_REQUESTS: usize = 1024;
/// Takeovers that a database may have lost, where the broker knows a later epoch than it has. One
/// that lost more is leased several times.
pub(crate) const EPOCHS_TO_SKIP: u32 = 64;
