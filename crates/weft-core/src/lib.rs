//! The domain of Weft: what a DAG is, what may run when, and nothing else.
//!
//! This crate is pure. It reads no clock, draws no random number, opens no
//! file and knows no runtime, database, queue or engine: time and entropy come
//! in as arguments, bytes come in as slices, and decisions go out as values.
//!
//! - [`document`]: the DAG document (`weft.dag/1`), one parser for what a
//!   component's `describe` returns and for a hand-written `dag.toml`.
//! - [`plan`]: a validated DAG with its edges as indexes, made once per version.
//! - [`run`]: the state machine of one DAG run, event in, actions out.
//! - [`timetable`]: the dates of a schedule.
//! - [`trigger_rule`], [`teardown`], [`retry`]: the rules the machine follows.
//! - [`fair_queue`]: the order in which ready work is dispatched, within every bound.
//! - [`concurrency`]: how many runs of a DAG go on and start, by key.
//! - [`stride`]: shares by weight, for the fair queue and for brokers.
//! - [`run_ahead`]: which instances may begin before that is committed.
//! - [`suspicion`]: which tasks take their workers down, and what follows.
//! - [`inputs`]: what an instance is given, out of outputs and parameters.
//! - [`contract`]: the documents that cross the boundary while an attempt runs.
//! - [`notification`]: what notifications are about, who wants them, and their texts.
//! - [`approval`]: what a deferred instance asks people, and what they answer.
//! - [`wait`]: what a deferred instance waits for besides a time, and what woke it.
//! - [`grant`], [`limit`], [`policy`]: what a task asks for and what it gets.

pub mod approval;
pub mod asset;
pub mod concurrency;
pub mod contract;
mod cron;
pub mod digest;
pub mod document;
pub mod failure_code;
pub mod fair_queue;
pub mod grant;
pub mod holidays;
pub mod id;
pub mod inputs;
pub mod limit;
pub mod notification;
pub mod plan;
pub mod policy;
pub mod precondition;
pub mod retry;
pub mod run;
pub mod run_ahead;
pub mod run_id;
pub mod stride;
pub mod suspicion;
pub mod teardown;
pub mod time;
pub mod timetable;
pub mod trigger_rule;
pub mod wait;
