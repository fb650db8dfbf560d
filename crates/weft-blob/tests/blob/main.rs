//! Blobs and logs from the outside, on real disks.

#![cfg(test)]

mod blobs;
mod files;
mod log_faults;
mod log_model;
mod log_sample;
mod logs;
// What the workspace is built with has it.
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod s3_server;
#[cfg(feature = "s3")]
#[path = "../../../weft-store-sql/tests/database/silent_relay.rs"]
mod silent_relay;
mod small_disk;
