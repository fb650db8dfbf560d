//! The worker as others see it: a scheduler at the other end of the in-process broker, real guests
//! in the sandbox, real blobs and logs in a folder.

mod ahead;
mod brokers;
mod components;
mod crashes;
mod data;
mod drain;
mod ends;
mod leases;
mod outcomes;
mod reports;
mod rig;
mod waiting;
