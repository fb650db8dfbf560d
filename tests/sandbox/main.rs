//! The sandbox through its public interface, mostly by those who mean it harm.
//!
//! Every hostile case runs in a process of its own, beside a neighbour whose
//! results must stay right, and is measured: see `case`.

mod artifact_store;
mod case;
mod concurrent;
mod contract;
mod describe;
mod files;
mod hostile;
mod interplay;
mod server;
mod slow_code;
mod wat_guest;
mod wild_calls;
