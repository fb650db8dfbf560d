//! The services of `wfctl up` and `wfctl worker`: what the layers below need of each other, wired.
//!
//! Only here do concrete adapters meet: the database, the broker, blobs on disk,
//! the sandbox. Each file is one seam.

pub(crate) mod backup;
mod broker_figures;
pub(crate) mod compiler_role;
pub(crate) mod data_folder;
pub(crate) mod database;
mod fleet;
mod live_logs;
mod running;
mod scheduler_seam;
mod secrets;
pub(crate) mod telemetry;
mod transport;
mod up;
mod upkeep;
mod way;
mod worker;

use running::{Service, Stop, asked_to_end, gave_up, labels};
pub(crate) use {
    database::PostgresUrl,
    transport::RedisPlace,
    up::{UpOptions, up},
    upkeep::Retention,
    worker::{FarOptions, work},
};
