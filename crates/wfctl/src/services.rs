//! The services of `wfctl up`, `server`, `scheduler` and `worker`: what the layers
//! below need of each other, wired.
//!
//! Only here do concrete adapters meet: the database, the broker, blobs, the
//! sandbox. Each file is one service, or one seam.

pub(crate) mod backup;
mod broker_figures;
pub(crate) mod compiler_role;
pub(crate) mod data_folder;
pub(crate) mod database;
mod fleet;
mod foundation;
mod front;
pub(crate) mod labels;
mod line;
mod live_logs;
mod memory;
mod running;
mod scheduler;
mod scheduler_seam;
mod secrets;
mod server;
mod status;
pub(crate) mod telemetry;
mod transport;
mod up;
mod upkeep;
mod way;
mod worker;

use running::{Service, Stop, asked_to_end, failed, gave_up, notice_fatal_signals, report};
pub(crate) use {
    database::PostgresUrl,
    foundation::{BlobsPlace, Places},
    scheduler::{SchedulerPlan, schedule},
    server::{ServerPlan, serve},
    transport::RedisPlace,
    up::{UpOptions, up},
    upkeep::Retention,
    way::{Trusted, Wanted},
    worker::{CodeFrom, FarOptions, work},
};
