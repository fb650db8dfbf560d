//! The scheduler's end: hears what servers want, and tells them what they watch.

use super::{
    MOST_WAITING, PAUSE,
    messages::{Changed, ToSchedulers, ToServers, decode},
    speak, to_schedulers, to_servers,
};
use crate::services::scheduler_seam::SameProcess;
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

/// How often servers hear that the scheduler goes round.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// For how long every change is told after somebody asked for it; servers ask again in time.
const TOLD_FOR: Duration = Duration::from_secs(10);
/// Changes of one message.
const MOST_CHANGES: usize = 256;

/// The tasks of the scheduler's end. They end with it.
pub(in crate::services) struct Office {
    redis: Arc<Redis>,
    name: Arc<str>,
    _tasks: JoinSet<()>,
}

/// What the tasks share.
struct Desk {
    name: Arc<str>,
    handle: Handle,
    say: mpsc::Sender<ToServers>,
    /// Until when every change is told.
    everything: watch::Sender<Instant>,
}

impl Office {
    /// Opens the office of a scheduler.
    pub(in crate::services) fn open(redis: &Arc<Redis>, name: &str, handle: Handle) -> Self {
        let (say, said) = mpsc::channel(MOST_WAITING);
        let desk = Arc::new(Desk {
            name: name.into(),
            handle,
            say,
            everything: watch::Sender::new(Instant::now()),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(speak(to_servers(redis), said));
        tasks.spawn(Arc::clone(&desk).hear(to_schedulers(redis).subscribe()));
        tasks.spawn(Arc::clone(&desk).tell_runs());
        tasks.spawn(Arc::clone(&desk).tell_everything());
        tasks.spawn(tell_of_free_shards(Arc::clone(redis), desk.handle.clone()));
        tasks.spawn(desk.beat());
        Self {
            redis: Arc::clone(redis),
            name: name.into(),
            _tasks: tasks,
        }
    }

    /// Says that the scheduler has given its shards back, so that others take them at once.
    pub(in crate::services) async fn close(self) {
        let gone = ToServers::Gone {
            scheduler: self.name,
        };
        if let Err(error) = to_servers(&self.redis)
            .publish(&[super::encode(&gone)])
            .await
        {
            tracing::debug!(%error, "servers find out by themselves that this scheduler ended");
        }
        shards_are_free(&self.redis).await;
    }
}

impl Desk {
    /// What servers want.
    async fn hear(self: Arc<Self>, mut listener: Subscription) {
        loop {
            match listener.recv().await {
                Ok(Event::Messages(messages)) => {
                    for message in messages {
                        self.heard(&message);
                    }
                }
                // Whatever was said: the sweep finds it.
                Ok(Event::Lagged) => self.handle.wake(Wake::Command),
                Err(error) => {
                    tracing::debug!(%error, "servers can't be heard");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn heard(self: &Arc<Self>, message: &[u8]) {
        match decode(message) {
            Some(ToSchedulers::Wake(wake)) => self.handle.wake(wake),
            Some(ToSchedulers::Everything) => {
                self.everything.send_replace(Instant::now() + TOLD_FOR);
            }
            Some(ToSchedulers::Why {
                question,
                run,
                task,
                index,
            }) => {
                let desk = Arc::clone(self);
                // It takes as long as a turn of the loop.
                tokio::spawn(async move {
                    let reasons = SameProcess(desk.handle.clone())
                        .why_here(run, TaskIndex(task), index)
                        .await;
                    // Whoever asked asks somebody else, or again.
                    let Ok(reasons) = reasons else { return };
                    let reasons =
                        reasons.map(|reasons| reasons.into_iter().map(Into::into).collect());
                    let because = ToServers::Because {
                        question,
                        scheduler: Arc::clone(&desk.name),
                        reasons,
                    };
                    desk.tell(because);
                });
            }
            None => {}
        }
    }

    /// Never waits: what finds no room is old before it would be heard.
    fn tell(&self, message: ToServers) {
        drop(self.say.try_send(message));
    }

    async fn tell_runs(self: Arc<Self>) {
        let mut changes = self.handle.changes(Listen::Runs);
        while let Some(changed) = several(&mut changes).await {
            self.tell(ToServers::Changed {
                everything: false,
                changes: changed,
            });
        }
    }

    /// Tells every change while somebody wants to hear of it.
    async fn tell_everything(self: Arc<Self>) {
        let mut wanted = self.everything.subscribe();
        while wanted.changed().await.is_ok() {
            let mut changes = self.handle.changes(Listen::Everything);
            // What changed since somebody asked was not told.
            self.tell(ToServers::Changed {
                everything: true,
                changes: Vec::new(),
            });
            loop {
                let until = *wanted.borrow_and_update();
                tokio::select! {
                    biased;
                    changed = several(&mut changes) => match changed {
                        Some(changed) => self.tell(ToServers::Changed { everything: true, changes: changed }),
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

    async fn beat(self: Arc<Self>) {
        let mut beats = interval(BEAT_EVERY);
        loop {
            beats.tick().await;
            let health = self.handle.health();
            let since = health.since_last_turn.as_millis();
            self.tell(ToServers::Beat {
                scheduler: Arc::clone(&self.name),
                owns: health.owns_shards,
                since_ms: u64::try_from(since).unwrap_or(u64::MAX),
                ready: self.handle.ready(),
            });
        }
    }
}

async fn tell_of_free_shards(redis: Arc<Redis>, handle: Handle) {
    loop {
        handle.shard_released().await;
        shards_are_free(&redis).await;
    }
}

async fn shards_are_free(redis: &Arc<Redis>) {
    let free = super::encode(&ToSchedulers::Wake(Wake::Shards));
    if let Err(error) = to_schedulers(redis).publish(&[free]).await {
        tracing::debug!(%error, "others find out by themselves that shards are free");
    }
}

/// The next changes, as many as there are; none of them where some were missed, and nothing
/// when the scheduler has ended.
async fn several(changes: &mut broadcast::Receiver<Arc<Change>>) -> Option<Vec<Changed>> {
    let mut several = Vec::new();
    match changes.recv().await {
        Ok(change) => several.push(Changed(Change::clone(&change))),
        Err(broadcast::error::RecvError::Lagged(_)) => return Some(several),
        Err(broadcast::error::RecvError::Closed) => return None,
    }
    while several.len() < MOST_CHANGES
        && let Ok(change) = changes.try_recv()
    {
        several.push(Changed(Change::clone(&change)));
    }
    Some(several)
}
