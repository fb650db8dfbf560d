//! The control bus: messages between servers and schedulers of different processes,
//! through Redis.
//!
//! ```text
//! server     ── something was written; why is this not running? ──▶  topic 'schedulers'
//! scheduler  ── changes; explanations; heartbeats ────────────────▶  topic 'servers'
//! server     ── lines of running attempts ───────────────────────▶  topic 'lines'
//! ```
//!
//! It carries hints and what people watch, nothing more: state that must not be lost
//! is in the database, which every process polls. A lost message costs the time of one
//! sweep.

mod bus_server;
mod lines;
mod messages;
mod remote_schedulers;

pub(crate) use {
    bus_server::ControlBusServer, lines::LinesBus, remote_schedulers::RemoteSchedulers,
};

use messages::{Message, encode};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::sleep};
use weft_broker_redis::{Redis, control_bus::Topic};

/// Messages that wait to be published; beyond it they are dropped.
const MAX_QUEUED: usize = 4_096;
/// Messages that one call publishes.
const MAX_BATCH: usize = 256;
/// After a failed call.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The topic that schedulers subscribe to.
fn schedulers_topic(redis: &Arc<Redis>) -> Topic {
    redis.topic("schedulers")
}

/// The topic that servers subscribe to.
fn servers_topic(redis: &Arc<Redis>) -> Topic {
    redis.topic("servers")
}

/// Publishes what comes out of a channel, in batches. A failed batch is dropped: by the
/// time Redis answers again it would be stale.
async fn publish_queued<T: Message>(topic: Topic, mut messages: mpsc::Receiver<T>) {
    let mut queued = Vec::new();
    while messages.recv_many(&mut queued, MAX_BATCH).await > 0 {
        let batch: Vec<Vec<u8>> = queued.drain(..).map(|message| encode(&message)).collect();
        if let Err(error) = topic.publish(&batch).await {
            tracing::debug!(%error, messages = batch.len(), operation = "publish", "control bus call failed; messages dropped");
            sleep(RETRY_PAUSE).await;
        }
    }
}
