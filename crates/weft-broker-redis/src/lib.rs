//! The broker of an installation of many machines: Redis 7.
//!
//! All state is in Redis and all changes of it are scripts (`lua/`), each one
//! atomic step of one server. A handle holds nothing that matters but what it
//! takes to notice that Redis has lost something, and to make good for it:
//!
//! - A shard's state belongs to an *incarnation*, a name that is gone when the
//!   state is. A worker whose registration is gone registers again with what it
//!   holds; a scheduler takes over again, supposes what had started to be held for
//!   one more lease, and publishes again what nobody announced.
//! - A failover may lose the newest writes and keep the incarnation; it is seen
//!   by another server's id, and made good for in the same way.
//!
//! Time is the server's. Clocks of other machines are never compared with it.
//!
//! Nothing secret is put there: dispatches name grants, never values. What keys
//! there are and what bounds them stands in ARCHITECTURE.md.

mod address;
mod connect;
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
    connect::ConnectError,
    options::{Bounds, Options},
    scheduler::RedisScheduler,
    shards::Shards,
    worker::{RedisWorker, ShardedWorker},
};

use ::redis::Cmd;
use endpoint::{Endpoint, Purpose};
use link::{CallError, Command, Link};
use reply::Reply;
use script::{Script, Scripts};
use std::{sync::Arc, time::Duration};
use weft_broker::BrokerError;

/// The longest that a call waits in the server for something to happen, and how
/// often a handle that waits looks whether Redis is what it was.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// Attempts that one script is called with.
const MOST_AT_ONCE: usize = 256;
/// More memory than that is as good as any: scripts count in doubles.
const MOST_MEMORY: u64 = 1 << 52;
/// Bytes of messages that one script is called with, unless one message has more.
const MOST_BYTES_AT_ONCE: usize = 4 << 20;

/// One shard's broker; its handles share the connection for calls.
pub struct Redis {
    options: Options,
    endpoint: Arc<Endpoint>,
    scripts: Arc<Scripts>,
    calls: Arc<Link>,
    /// What all keys of the shard begin with.
    base: String,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("address", &self.endpoint.address)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Redis {
    /// The scheduler of this epoch takes the shard over: it is told again of every
    /// unconfirmed report, and all calls of handles with a smaller epoch answer
    /// [`BrokerError::Closed`]. The epoch is that of the shard's lease in the database.
    ///
    /// # Errors
    /// [`BrokerError::Closed`] where a scheduler of a greater epoch did so, or
    /// [`BrokerError::Unavailable`].
    pub async fn scheduler(self: &Arc<Self>, epoch: u64) -> Result<RedisScheduler, BrokerError> {
        RedisScheduler::take_over(self.clone(), epoch).await
    }

    /// A handle for one worker, which registers with it.
    pub fn worker(self: &Arc<Self>) -> RedisWorker {
        RedisWorker::new(self.clone())
    }

    /// Another shard's broker in the same Redis, by the same connection.
    fn of_shard(&self, shard: u32) -> Arc<Self> {
        let options = Options {
            shard,
            ..self.options.clone()
        };
        Arc::new(Self {
            base: base(&options),
            options,
            endpoint: Arc::clone(&self.endpoint),
            scripts: Arc::clone(&self.scripts),
            calls: Arc::clone(&self.calls),
        })
    }

    /// A connection whose calls wait.
    fn waits(&self) -> Link {
        Link::new(
            self.endpoint.clone(),
            Purpose::Waits,
            self.options.call_timeout,
        )
    }

    fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.base)
    }

    /// Runs a script; its answer's first word and the rest.
    async fn run(
        &self,
        script: Script,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<(String, Reply), BrokerError> {
        let text = self.scripts.get(script);
        let mut command = Cmd::new();
        command
            .arg("EVALSHA")
            .arg(&text.hash)
            .arg(1)
            .arg(&self.base);
        arguments(&mut command);
        let answer = self
            .calls
            .call(Command::One(&command), Duration::ZERO)
            .await;
        let answer = match answer {
            Err(CallError::NoScript) => {
                let mut whole = Cmd::new();
                whole.arg("EVAL").arg(&text.text).arg(1).arg(&self.base);
                arguments(&mut whole);
                self.calls.call(Command::One(&whole), Duration::ZERO).await
            }
            answer => answer,
        };
        Reply::read(answer?)
    }
}

/// What all keys of a shard begin with; the braces keep them on one node of a Cluster.
fn base(options: &Options) -> String {
    format!("{{{}:{}}}", options.namespace, options.shard)
}

/// How many of these messages go into one call: at least one.
fn portion<T>(messages: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    let mut sum = 0;
    messages
        .iter()
        .take(MOST_AT_ONCE)
        .take_while(|message| {
            sum += bytes(message);
            sum <= MOST_BYTES_AT_ONCE
        })
        .count()
        .max(1)
        .min(messages.len())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// What a script that doesn't know its caller's words would answer.
fn unexpected(word: &str) -> BrokerError {
    BrokerError::Unavailable(format!("Redis gave a strange answer: {word:?}"))
}
