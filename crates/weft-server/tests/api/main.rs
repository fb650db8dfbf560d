//! The API as its clients see it: the real router over a real SQLite database,
//! with a compiler, a scheduler and scripted workers.
#![expect(
    clippy::unwrap_used,
    reason = "where a test meets what it does not expect, it stops there"
)]

mod approvals;
mod assets;
mod bulk;
mod clearing;
mod dags;
mod deploys;
mod direct_workers;
mod events;
mod fuzz;
mod held_dags;
mod history;
mod instances;
mod logs;
mod named;
mod named_events;
mod notes;
mod notifications;
mod overview;
mod run_keys;
mod run_tree;
mod runs;
mod serving;
mod session;
mod settings;
mod sign_in;
mod tokens;
mod ui;
mod webhooks;
mod worker_gateway;
mod world;
