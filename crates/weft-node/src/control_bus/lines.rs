//! Live lines between servers: a worker sends them to one server, people read them at any.
//!
//! What is published is bounded: by the number and size of kept messages, and by
//! [`MAX_BYTES_A_SECOND`]. What is beyond is read from the log when its attempt has ended.

use super::{
    RETRY_PAUSE,
    messages::{LinesMessage, decode, encode},
};
use crate::live_logs::{Added, RemoteLines};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};
use weft_broker_redis::{
    Redis,
    control_bus::{Event, Subscription, Topic},
};

/// Messages that wait to be published.
const MAX_QUEUED: usize = 256;
/// Messages that Redis keeps, approximately; each has at most the lines of one call of a worker.
const MAX_KEPT: usize = 256;
/// Bytes of messages that one server publishes in a second.
const MAX_BYTES_A_SECOND: usize = 2 << 20;

/// Lines of the installation's other servers. Dropping it ends its tasks.
pub(crate) struct LinesBus {
    /// With the lines of all servers.
    pub(crate) lines: Arc<RemoteLines>,
    _tasks: JoinSet<()>,
}

impl LinesBus {
    /// Publishes and receives from now on.
    pub(crate) fn start(redis: &Arc<Redis>) -> Self {
        let (others, queued) = mpsc::channel(MAX_QUEUED);
        let lines = RemoteLines::publishing(others);
        let topic = redis.topic("lines").keeping(MAX_KEPT);
        let server = fastrand::u64(..);
        let mut tasks = JoinSet::new();
        tasks.spawn(receive(topic.subscribe(), server, Arc::clone(&lines)));
        tasks.spawn(publish(topic, server, queued));
        Self {
            lines,
            _tasks: tasks,
        }
    }
}

async fn publish(topic: Topic, server: u64, mut queued: mpsc::Receiver<Added>) {
    let (mut second, mut left) = (Instant::now(), MAX_BYTES_A_SECOND);
    while let Some(added) = queued.recv().await {
        if second.elapsed() >= Duration::from_secs(1) {
            (second, left) = (Instant::now(), MAX_BYTES_A_SECOND);
        }
        let message = encode(&LinesMessage::new(server, added));
        let Some(rest) = left.checked_sub(message.len()) else {
            continue;
        };
        left = rest;
        if let Err(error) = topic.publish(&[message]).await {
            tracing::debug!(%error, operation = "publish lines", "control bus call failed; lines dropped");
            sleep(RETRY_PAUSE).await;
        }
    }
}

async fn receive(mut subscription: Subscription, server: u64, lines: Arc<RemoteLines>) {
    loop {
        match subscription.recv().await {
            Ok(Event::Messages(messages)) => {
                for message in messages {
                    let message = decode::<LinesMessage>(&message);
                    if let Some(message) = message.filter(|message| message.server != server) {
                        let Added {
                            key,
                            first,
                            lines: sent,
                        } = message.into_added();
                        lines.receive(&key, first, sent);
                    }
                }
            }
            // Lines have numbers, which show a gap.
            Ok(Event::Lagged) => {}
            Err(error) => {
                tracing::debug!(%error, operation = "receive lines", "control bus call failed; retrying");
                sleep(RETRY_PAUSE).await;
            }
        }
    }
}
