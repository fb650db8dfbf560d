//! The scheduler's end of the control bus: answers what servers ask, and publishes what
//! they watch.

use super::{
    MAX_QUEUED, RETRY_PAUSE,
    messages::{Changed, ToSchedulers, ToServers, decode},
    publish_queued, schedulers_topic, servers_topic,
};
use crate::local_scheduler::LocalScheduler;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinSet,
    time::{Instant, interval, sleep},
};
use weft_broker_redis::{
    Redis,
    control_bus::{Event, Subscription},
};
use weft_core::document::TaskIndex;
use weft_scheduler::{Change, Handle, Listen, Wake};

/// How often the scheduler publishes a heartbeat.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// For how long every change is published after a server asked for it; servers ask again in time.
const PUBLISH_ALL_FOR: Duration = Duration::from_secs(10);
/// Changes of one message.
const MAX_CHANGES: usize = 256;

/// A scheduler on the control bus. Dropping it ends its tasks.
pub(crate) struct ControlBusServer {
    redis: Arc<Redis>,
    name: Arc<str>,
    _tasks: JoinSet<()>,
}

/// What the tasks share.
struct State {
    name: Arc<str>,
    handle: Handle,
    outgoing: mpsc::Sender<ToServers>,
    /// Until when every change is published.
    publish_all_until: watch::Sender<Instant>,
}

impl ControlBusServer {
    /// Subscribes for a scheduler, and publishes its state from now on.
    pub(crate) fn start(redis: &Arc<Redis>, name: &str, handle: Handle) -> Self {
        let (outgoing, queued) = mpsc::channel(MAX_QUEUED);
        let state = Arc::new(State {
            name: name.into(),
            handle,
            outgoing,
            publish_all_until: watch::Sender::new(Instant::now()),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(publish_queued(servers_topic(redis), queued));
        tasks.spawn(Arc::clone(&state).receive(schedulers_topic(redis).subscribe()));
        tasks.spawn(Arc::clone(&state).publish_runs());
        tasks.spawn(Arc::clone(&state).publish_everything());
        tasks.spawn(announce_released_shards(
            Arc::clone(redis),
            state.handle.clone(),
        ));
        tasks.spawn(state.publish_heartbeats());
        Self {
            redis: Arc::clone(redis),
            name: name.into(),
            _tasks: tasks,
        }
    }

    /// Announces that the scheduler released its shards, so that others take them at once.
    pub(crate) async fn close(self) {
        let gone = ToServers::Gone {
            scheduler: self.name,
        };
        if let Err(error) = servers_topic(&self.redis)
            .publish(&[super::encode(&gone)])
            .await
        {
            tracing::debug!(%error, operation = "announce end", "control bus call failed; servers notice the missing heartbeats");
        }
        announce_free_shards(&self.redis).await;
    }
}

impl State {
    /// Handles what servers publish.
    async fn receive(self: Arc<Self>, mut subscription: Subscription) {
        loop {
            match subscription.recv().await {
                Ok(Event::Messages(messages)) => {
                    for message in messages {
                        self.handle_message(&message);
                    }
                }
                // The sweep finds whatever the lost messages were about.
                Ok(Event::Lagged) => self.handle.wake(Wake::Command),
                Err(error) => {
                    tracing::debug!(%error, operation = "receive", "control bus call failed; retrying");
                    sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    fn handle_message(self: &Arc<Self>, message: &[u8]) {
        match decode(message) {
            Some(ToSchedulers::Wake(wake)) => self.handle.wake(wake),
            Some(ToSchedulers::PublishAll) => {
                self.publish_all_until
                    .send_replace(Instant::now() + PUBLISH_ALL_FOR);
            }
            Some(ToSchedulers::Explain {
                question,
                run,
                task,
                index,
            }) => {
                let state = Arc::clone(self);
                // The answer takes up to one turn of the scheduler.
                tokio::spawn(async move {
                    let reasons = LocalScheduler(state.handle.clone())
                        .explain_local(run, TaskIndex(task), index)
                        .await;
                    // The server asks again, or another scheduler.
                    let Ok(reasons) = reasons else { return };
                    let reasons =
                        reasons.map(|reasons| reasons.into_iter().map(Into::into).collect());
                    let explanation = ToServers::Explanation {
                        question,
                        scheduler: Arc::clone(&state.name),
                        reasons,
                    };
                    state.publish(explanation);
                });
            }
            None => {}
        }
    }

    /// Never waits: a message that finds the queue full would be stale when it got out.
    fn publish(&self, message: ToServers) {
        drop(self.outgoing.try_send(message));
    }

    async fn publish_runs(self: Arc<Self>) {
        let mut changes = self.handle.changes(Listen::Runs);
        while let Some(changed) = next_changes(&mut changes).await {
            self.publish(ToServers::Changed {
                everything: false,
                changes: changed,
            });
        }
    }

    /// Publishes every change while a server watches.
    async fn publish_everything(self: Arc<Self>) {
        let mut wanted = self.publish_all_until.subscribe();
        while wanted.changed().await.is_ok() {
            let mut changes = self.handle.changes(Listen::Everything);
            // What changed between the request and now was not published.
            self.publish(ToServers::Changed {
                everything: true,
                changes: Vec::new(),
            });
            loop {
                let until = *wanted.borrow_and_update();
                tokio::select! {
                    biased;
                    changed = next_changes(&mut changes) => match changed {
                        Some(changed) => self.publish(ToServers::Changed { everything: true, changes: changed }),
                        None => return,
                    },
                    () = tokio::time::sleep_until(until) => {
                        if *wanted.borrow() <= Instant::now() {
                            break;
                        }
                    }
                }
            }
        }
    }

    async fn publish_heartbeats(self: Arc<Self>) {
        let mut ticks = interval(HEARTBEAT_INTERVAL);
        loop {
            ticks.tick().await;
            let health = self.handle.health();
            let since = health.since_last_turn.as_millis();
            self.publish(ToServers::Heartbeat {
                scheduler: Arc::clone(&self.name),
                owns: health.owns_shards,
                since_ms: u64::try_from(since).unwrap_or(u64::MAX),
                ready: self.handle.ready().by_label(),
            });
        }
    }
}

async fn announce_released_shards(redis: Arc<Redis>, handle: Handle) {
    loop {
        handle.shard_released().await;
        announce_free_shards(&redis).await;
    }
}

async fn announce_free_shards(redis: &Arc<Redis>) {
    let free = super::encode(&ToSchedulers::Wake(Wake::Shards));
    if let Err(error) = schedulers_topic(redis).publish(&[free]).await {
        tracing::debug!(%error, operation = "announce free shards", "control bus call failed; other schedulers find them with their next sweep");
    }
}

/// The next changes, as many as there are: an empty list if some were missed, `None` when the
/// scheduler has ended.
async fn next_changes(changes: &mut broadcast::Receiver<Arc<Change>>) -> Option<Vec<Changed>> {
    let mut batch = Vec::new();
    match changes.recv().await {
        Ok(change) => batch.push(Changed(Change::clone(&change))),
        Err(broadcast::error::RecvError::Lagged(_)) => return Some(batch),
        Err(broadcast::error::RecvError::Closed) => return None,
    }
    while batch.len() < MAX_CHANGES
        && let Ok(change) = changes.try_recv()
    {
        batch.push(Changed(Change::clone(&change)));
    }
    Some(batch)
}
