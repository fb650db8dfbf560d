//! The broker of an installation with several machines: Redis 7.
//!
//! All state is in Redis, and scripts (`lua/`) make all changes of it, each one atomic step of
//! one server. A handle keeps only what it needs to notice a loss of that state and to
//! restore it:
//!
//! - A shard's state belongs to an *incarnation*, whose name is lost with the state. A worker
//!   whose registration is lost registers again and announces what it holds. The scheduler
//!   takes over again, presumes started attempts held for one more lease, and publishes again
//!   the attempts that no worker announced.
//! - A failover may lose the newest writes and keep the incarnation. The handles notice it by
//!   the id of the answering server, and restore the state in the same way.
//!
//! The server's clock is the only one: clocks of other machines are never compared with it.
//!
//! Redis holds no secrets: dispatches name grants, never values. The keys and their bounds are listed in
//! docs/internals/redis.md.

mod address;
mod broker;
mod connect;
mod connect_error;
pub mod control_bus;
mod direct_workers;
mod endpoint;
mod link;
mod operator;
mod options;
mod reply;
mod scheduler;
mod script;
mod shards;
mod worker;

pub use {
    broker::Redis,
    connect_error::ConnectError,
    options::{Bounds, Options},
    scheduler::RedisScheduler,
    shards::Shards,
    worker::{RedisWorker, ShardedWorker},
};
