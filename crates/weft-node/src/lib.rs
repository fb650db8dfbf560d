//! The services of Weft wired with their concrete adapters: `wfctl up`, `server`,
//! `scheduler` and `worker`, and what an operator does beside them (backup, restore).
//!
//! Only here do the databases, the brokers, the blobs and the sandbox meet. Each service
//! is options and one `run_*` function that runs until SIGINT, SIGTERM or a failure.
//!
//! | module | what it is |
//! |---|---|
//! | `up`, `server`, `scheduler`, `worker` | the services |
//! | `backends` | the database, Redis and blobs that processes of an installation share |
//! | `control_bus` | messages between servers and schedulers of different processes |
//! | `gateway_client` | a worker's connection to the server |
//! | `compiler_role` | the subprocess that inspects and compiles deployed files |
//! | `notifications` | what turns noticed, delivered to destinations |
//! | `maintenance`, `backup` | retention; copies of a data folder |
//!
//! It parses no arguments; `wfctl` does, and starts this crate's services.

mod backends;
pub mod backup;
mod broker_metrics;
mod compiler_role;
mod control_bus;
pub mod data_folder;
pub mod database;
mod fleet;
mod gateway_client;
pub mod labels;
mod live_logs;
mod local_scheduler;
mod maintenance;
mod memory;
mod notifications;
mod scheduler;
mod secrets;
mod server;
mod server_runtime;
mod service;
mod status;
pub mod telemetry;
mod transport;
mod up;
mod watchdog;
mod worker;

pub use {
    backends::{BackendLocations, BlobLocation},
    compiler_role::child::main as inspect_deployment,
    database::PostgresUrl,
    gateway_client::{ConnectionMode, TrustedKey},
    maintenance::Retention,
    scheduler::{SchedulerNodeOptions, run_scheduler},
    server::{ServerNodeOptions, run_server},
    transport::RedisLocation,
    up::{UpOptions, run_up},
    worker::{CodeOrigin, WorkerNodeOptions, run_worker},
};
