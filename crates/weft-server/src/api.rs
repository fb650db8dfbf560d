//! The bodies of the API, as they travel: what a server writes and a client reads.
//!
//! They are types of their own, converted explicitly from what the database and
//! the domain hold, so that neither can change the API by accident. A request's
//! body refuses unknown fields, since a misspelled one that is ignored is a
//! setting that never holds; a response may gain fields, and a client ignores
//! those that it doesn't know.

mod audit;
mod backfill;
mod dag;
mod deployment;
mod event;
mod fleet;
mod instance;
mod log;
mod page;
mod problem;
mod run;
mod setting;
mod time;
mod token;

pub use {
    audit::AuditEntry,
    backfill::{Backfill, NewBackfill},
    dag::{
        Activate, Dag, DagChange, DagDetail, DagTask, Death, Edge, ParamDetail, Rollback, Suspect,
        Version, VersionDetail,
    },
    deployment::{
        ChangeKind, ChangedTask, DeployedDag, Deployment, DeploymentFile, Difference, RequestKind,
        TaskRequest, TextChange,
    },
    event::{Change, InstanceChange, RunChange},
    fleet::{Queue, Shard, ShardCount, Worker},
    instance::{
        Attempt, Instance, InstanceFailure, InstanceState, OutputRef, Reason, TaskSummary, Usage,
        Why,
    },
    log::{LogField, LogLine, LogPage, LogSource},
    page::Page,
    problem::{ProblemBody, ProblemDetail},
    run::{
        Clear, Command, CommandState, Counts, Interval, Mark, MarkAs, NewRun, Run, RunKind,
        RunState, Wake,
    },
    setting::{
        Connection, ConnectionAuth, NewConnection, NewPolicy, NewPool, NewVariable, Policy, Pool,
        Tenant, TenantChange, Variable,
    },
    time::Time,
    token::{CreatedToken, NewToken, Role, Token, Whoami},
};
