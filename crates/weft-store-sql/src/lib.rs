//! The databases: what is deployed, what runs, what came of it, and who may do what.
//!
//! [`Database`] is SQLite or Postgres behind one set of SQL texts. It serves two
//! sides: the scheduler, through the small trait [`weft_store::RunStore`],
//! which the simulation implements too; and the server, through its methods.
//!
//! What always holds:
//!
//! - A transaction of a scheduler is fenced: it locks its shard's row and
//!   compares the epoch, so a deposed scheduler writes nothing.
//! - Everything of one turn is committed, or nothing is.
//! - Rules live in `weft-core`. SQL loads, inserts, and compares and sets.
//! - Whatever is listed has an index and is paged by key, never by offset.
//! - Values of variables and connections are encrypted before they get here.

mod approvals;
mod assets;
mod audit;
mod backend;
mod commands;
mod compiled;
mod crashes;
mod dags;
mod data_folder;
mod database;
mod deliveries;
mod deploy;
mod dialect;
mod dialect_statements;
mod encoding;
mod error;
mod failures;
mod fingerprint;
mod grid;
mod idempotency;
mod installation;
mod instances;
mod live_attempt;
mod location;
mod migration;
mod named_events;
mod notes;
mod noticed;
mod overview;
mod precondition;
mod references;
mod repair;
mod retention;
mod run_store;
mod run_tree;
mod runs;
mod schema;
pub mod secret;
mod secrets;
mod shards;
mod tenants;
mod timeline;
mod tokens;
mod trigger;
mod versions;
mod webhooks;
mod worker_names;
mod workers;

pub use {
    approvals::{AnswerRow, ApprovalKey, ApprovalRow, Decide, DecideError},
    assets::{AssetRow, AssetUpdateRow, MadeBy, ReportUpdate, ReportedUpdate},
    audit::{AuditEntry, AuditId, AuditRow},
    commands::{CommandError, CommandOutcome, CommandRow, MAX_WAITING_COMMANDS},
    compiled::{CompiledKey, CompiledRow},
    dags::{ActiveVersion, DagFilter, DagRow, DagStamp, Deletion},
    data_folder::{DATABASE_FILE, DataFolderLock},
    database::{Database, LOCK_TIMEOUT, MAX_DAMAGE_REPORTS},
    deliveries::{DeliveryId, DeliveryResult, DeliveryRow, DeliveryState, NewDelivery},
    deploy::{
        Deploy, DeployChange, DeployDag, DeployError, Deployed, MAX_DAGS_PER_FILE, PreviousVersion,
    },
    error::{BackupError, OpenError, StatementError},
    failures::{FailedAttempt, FailureRow, Fingerprint, FirstSeen, MAX_FAILURE_ROWS},
    grid::{MAX_LATEST_BRIEF_RUNS, RunBrief},
    idempotency::StoredResponse,
    instances::{AttemptView, InstanceFilter, InstanceView},
    live_attempt::LiveAttempt,
    location::DatabaseLocation,
    named_events::{MAX_KEPT_EVENTS, NamedEventRow, SendError, SendEvent, Sent},
    notes::{MAX_NOTE_BYTES, Note, NoteSubject},
    noticed::{Noticed, NoticedBatch, NoticedFailure},
    overview::{MAX_COUNTED_DAGS, MAX_RUNS_BY_HOUR, TenantOverview},
    precondition::{ChangeError, Precondition},
    references::{DigestCursor, TextCursor},
    repair::Repair,
    retention::{RetentionStep, RunRetention, TraceRetention},
    run_tree::{MAX_TREE_RUNS, TreeRow},
    runs::{
        ActiveRuns, MAX_COUNTED_RUNS, MAX_LATEST_RUNS, OtherDates, RunCursor, RunFilter, RunRow,
    },
    schema::Migration,
    secrets::{RotateError, SecretRow, StoredVariable, VariableError},
    shards::ShardRow,
    tenants::{PolicyRow, PolicyStamp, TenantLimits, TenantRow},
    timeline::{SingleInstance, Timeline, TimelineRow},
    tokens::{NewToken, Revocation, Role, TokenId, TokenRow},
    trigger::{
        Backfill, BackfillDate, BackfillLimit, Backfilled, MAX_BACKFILL_RUNS, Trigger,
        TriggerError, Triggered,
    },
    versions::{ActivateError, VersionRow},
    webhooks::{MAX_WEBHOOKS, NewWebhook, WebhookError, WebhookRow},
    workers::WorkerRow,
};
