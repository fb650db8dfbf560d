//! Blobs and logs from the outside, on real disks.

mod blobs;
mod files;
mod log_faults;
mod log_model;
mod log_sample;
mod logs;
mod small_disk;
