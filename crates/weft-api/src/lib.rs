//! The bodies of the REST API, which the server writes and a client reads, and
//! the codes of everything that can go wrong ([`problem`]).
//!
//! Bodies are types of their own, converted explicitly from what the database and
//! the domain hold, so that neither can change the API by accident. A request's
//! body refuses unknown fields, since ignoring a misspelled one would silently
//! drop a setting; a response may gain fields, and a client ignores
//! those that it doesn't know. Times are [`weft_core::time::Timestamp`]s inside [`Time`]; nothing else of the
//! domain is part of a body.
//!
//! Two modules belong to the programs around it rather than to a body: [`text`] makes texts of
//! others fit for a terminal, and [`user_dirs`] names the folders that programs of one user share.
//!
//! The feature `openapi` derives the JSON Schemas that the server's document needs.
//! Without it the crate depends on serde, `serde_json` and the domain (`weft-core`) alone.

mod approval;
mod asset;
mod audit;
mod backfill;
mod bulk;
mod dag;
mod deployment;
pub mod difference;
mod event;
mod failure;
mod fleet;
mod grid;
mod instance;
mod layout;
mod log;
mod named_event;
mod note;
mod notification;
mod overview;
mod page;
pub mod problem;
mod run;
mod schedule;
mod setting;
pub mod text;
mod time;
mod token;
pub mod upload;
pub mod user_dirs;
mod webhook;

pub use {
    approval::{Approval, ApprovalDecision, ApprovalState, NewDecision},
    asset::{
        Asset, AssetBackfill, AssetMaker, AssetProducer, AssetRun, AssetUpdate, NewAssetBackfill,
        NewAssetUpdate, PartitionRun,
    },
    audit::AuditEntry,
    backfill::{Backfill, BackfillOrder, NewBackfill},
    bulk::{BulkAction, BulkKind, BulkPage, RunClearPreview, RunsFilter, SkippedRun},
    dag::{
        Activate, Dag, DagChange, DagDetail, DagTask, DeadlineOf, Death, Edge, ParamDetail,
        RateLimit, RepairVersion, RepairedVersion, Rollback, Suspect, TeardownOf, Version,
        VersionDetail,
    },
    deployment::{
        ChangeKind, ChangedTask, DeployedDag, Deployment, DeploymentFile, Difference, RequestKind,
        TaskRequest, TextChange,
    },
    event::{Change, InstanceChange, RunChange},
    failure::{FailedAttempt, FailedTask, FailureGroup, Failures, FirstSeen},
    fleet::{Queue, Shard, ShardCount, Worker},
    grid::{
        Cells, Durations, Grid, GridMapped, GridRow, GridRun, RunAttempt, RunBrief, RunDuration,
        TaskDurations,
    },
    instance::{
        Attempt, Instance, InstanceFailure, InstanceState, OutputRef, Reason, TaskSummary, Usage,
        Why,
    },
    layout::{GraphLayout, LayoutEdge, LayoutGroup, LayoutMethod, LayoutNode},
    log::{LogField, LogHit, LogLine, LogPage, LogSearch, LogSource},
    named_event::{EventTaker, NamedEvent},
    note::{NewNote, Note},
    notification::{
        Delivery, DeliveryState, Destination, DestinationKind, NewDestination, NotifyOn, SmtpTls,
    },
    overview::{Health, HourOfRuns, Overview, QueueHealth},
    page::{Page, UnreadableItem},
    run::{
        CallerInstance, Clear, ClearCommand, ClearPreview, ClearedInstance, Command, CommandState,
        Counts, Interval, Mark, MarkAs, NewRun, Run, RunKind, RunState, RunTree, TreeRun, Wake,
    },
    schedule::{SchedulePreview, ScheduledDate},
    setting::{
        CheckedTask, Connection, ConnectionAuth, NewConnection, NewPolicy, NewPool, NewVariable,
        Policy, PolicyCheck, PolicyChecked, Pool, RefusedRequest, Tenant, TenantChange, Variable,
    },
    time::Time,
    token::{CreatedToken, NewSession, NewToken, Role, Token, Whoami},
    webhook::{CreatedWebhook, NewWebhook, NewWebhookSecret, Webhook, WebhookForm},
};
