//! What servers and schedulers of other processes tell each other, by Redis.
//!
//! ```text
//! server     ── something was written; why is this not running? ──▶  line 'schedulers'
//! scheduler  ── what changed; because; I go round and own shards ──▶  line 'servers'
//! ```
//!
//! Hints and what people watch, nothing more: what must not be lost stands in the
//! database, where each of them looks by itself. So a line that is cut costs a
//! sweep's time.

mod far_schedulers;
mod messages;
mod office;

pub(super) use {far_schedulers::FarSchedulers, office::Office};

use messages::{Message, encode};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::sleep};
use weft_broker_redis::{Redis, control_bus::Topic};

/// Messages that wait to be said; beyond it they are dropped.
const MOST_WAITING: usize = 4_096;
/// Messages that are said in one call.
const MOST_SAID: usize = 256;
/// After a failure.
const PAUSE: Duration = Duration::from_millis(200);

/// The line that schedulers listen to.
fn to_schedulers(redis: &Arc<Redis>) -> Topic {
    redis.topic("schedulers")
}

/// The line that servers listen to.
fn to_servers(redis: &Arc<Redis>) -> Topic {
    redis.topic("servers")
}

/// Says what comes out of a channel, as much at once as there is. What is not said at once
/// for want of a Redis is not said at all: it would be old news.
async fn speak<T: Message>(line: Topic, mut messages: mpsc::Receiver<T>) {
    let mut waiting = Vec::new();
    while messages.recv_many(&mut waiting, MOST_SAID).await > 0 {
        let said: Vec<Vec<u8>> = waiting.drain(..).map(|message| encode(&message)).collect();
        if let Err(error) = line.publish(&said).await {
            tracing::debug!(%error, messages = said.len(), "what others should hear was not said");
            sleep(PAUSE).await;
        }
    }
}
