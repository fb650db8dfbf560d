//! The server's end: schedulers of other processes, as the server knows one.

use super::{
    MOST_WAITING, PAUSE,
    messages::{ToSchedulers, ToServers, decode},
    speak, to_schedulers, to_servers,
};
use crate::services::scheduler_seam::not_active;
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{broadcast, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use weft_broker_redis::{
    Redis,
    control_bus::{Event, Subscription},
};
use weft_core::{document::TaskIndex, run_id::RunId};
use weft_server::seam::{
    Changes, Listen, News, Reason, SchedulerGone, SchedulerHandle, SchedulerHealth, Wake,
};

/// News that a listener may lag behind.
const FEED: usize = 4_096;
/// A scheduler that was not heard for so long is not counted on.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// One that was not heard for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);
/// How long an answer is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How often schedulers are asked to tell every change, while somebody listens.
const ASK_EVERY: Duration = Duration::from_secs(3);
/// Answers to one question that wait.
const MOST_ANSWERS: usize = 64;

/// What of a scheduler was last heard.
struct Beat {
    heard: Instant,
    owns: bool,
    since: Duration,
    ready: BTreeMap<Arc<str>, u64>,
}

impl Beat {
    fn is_fresh(&self) -> bool {
        self.heard.elapsed() < SILENT_AFTER
    }
}

/// An answer, and whose.
type Answer = (Arc<str>, Option<Vec<Reason>>);

/// Schedulers of other processes. Dropping it ends its tasks.
pub(in crate::services) struct FarSchedulers {
    desk: Arc<Desk>,
    _tasks: JoinSet<()>,
}

struct Desk {
    say: mpsc::Sender<ToSchedulers>,
    everything: broadcast::Sender<News>,
    runs: broadcast::Sender<News>,
    /// Who waits for answers to which question.
    questions: Mutex<HashMap<u64, mpsc::Sender<Answer>>>,
    schedulers: Mutex<BTreeMap<Arc<str>, Beat>>,
}

impl FarSchedulers {
    /// Listens to them from now on.
    pub(in crate::services) fn listen(redis: &Arc<Redis>) -> Self {
        let (say, said) = mpsc::channel(MOST_WAITING);
        let desk = Arc::new(Desk {
            say,
            everything: broadcast::Sender::new(FEED),
            runs: broadcast::Sender::new(FEED),
            questions: Mutex::default(),
            schedulers: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(speak(to_schedulers(redis), said));
        tasks.spawn(Arc::clone(&desk).hear(to_servers(redis).subscribe()));
        Self {
            desk,
            _tasks: tasks,
        }
    }
}

#[async_trait]
impl SchedulerHandle for FarSchedulers {
    fn wake(&self, wake: Wake) {
        self.desk.tell(ToSchedulers::Wake(wake));
    }

    async fn why(
        &self,
        run: RunId,
        TaskIndex(task): TaskIndex,
        index: u32,
    ) -> Result<Vec<Reason>, SchedulerGone> {
        let (answers, mut answered) = mpsc::channel(MOST_ANSWERS);
        let asked = Question::ask(&self.desk, answers);
        self.desk.tell(ToSchedulers::Why {
            question: asked.question,
            run,
            task,
            index,
        });
        let until = Instant::now() + ANSWER_WITHIN;
        let mut denied = HashSet::new();
        while let Ok(Some((scheduler, reasons))) = timeout_at(until, answered.recv()).await {
            if let Some(reasons) = reasons {
                return Ok(reasons);
            }
            denied.insert(scheduler);
            if self.desk.live().all(|live| denied.contains(&live)) {
                break;
            }
        }
        if denied.is_empty() {
            return Err(SchedulerGone);
        }
        Ok(vec![not_active()])
    }

    fn health(&self) -> SchedulerHealth {
        let schedulers = self.desk.schedulers();
        let owners = schedulers.values().filter(|beat| beat.owns);
        SchedulerHealth {
            since_last_turn: owners.map(|beat| beat.since + beat.heard.elapsed()).min(),
        }
    }

    fn ready(&self) -> BTreeMap<Arc<str>, u64> {
        let mut ready = BTreeMap::new();
        let schedulers = self.desk.schedulers();
        let live = schedulers.values().filter(|beat| beat.is_fresh());
        for (queue, count) in live.flat_map(|beat| &beat.ready) {
            *ready.entry(Arc::clone(queue)).or_default() += count;
        }
        ready
    }

    fn changes(&self, to: Listen) -> Changes {
        match to {
            Listen::Everything => {
                let changes = self.desk.everything.subscribe();
                self.desk.tell(ToSchedulers::Everything);
                Changes::Elsewhere(changes)
            }
            Listen::Runs => Changes::Elsewhere(self.desk.runs.subscribe()),
        }
    }
}

/// A question that waits for answers, until it is dropped.
struct Question<'a> {
    desk: &'a Desk,
    question: u64,
}

impl<'a> Question<'a> {
    fn ask(desk: &'a Desk, answers: mpsc::Sender<Answer>) -> Self {
        let question = fastrand::u64(..);
        desk.questions().insert(question, answers);
        Self { desk, question }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.desk.questions().remove(&self.question);
    }
}

impl Desk {
    /// What schedulers say.
    async fn hear(self: Arc<Self>, mut listener: Subscription) {
        let mut asked = Instant::now();
        loop {
            match listener.recv().await {
                Ok(Event::Messages(messages)) => {
                    for message in messages {
                        self.heard(decode(&message));
                    }
                }
                Ok(Event::Lagged) => self.missed(),
                Err(error) => {
                    tracing::debug!(%error, "schedulers can't be heard");
                    sleep(PAUSE).await;
                }
            }
            if asked.elapsed() > ASK_EVERY && self.everything.receiver_count() > 0 {
                asked = Instant::now();
                self.tell(ToSchedulers::Everything);
            }
        }
    }

    fn heard(&self, message: Option<ToServers>) {
        match message {
            Some(ToServers::Changed {
                everything,
                changes,
            }) => {
                let to = if everything {
                    &self.everything
                } else {
                    &self.runs
                };
                if changes.is_empty() {
                    // Nobody may listen now; so below.
                    drop(to.send(News::Missed));
                }
                for changed in changes {
                    drop(to.send(News::Change(Arc::new(changed.0))));
                }
            }
            Some(ToServers::Because {
                question,
                scheduler,
                reasons,
            }) => {
                if let Some(asked) = self.questions().get(&question) {
                    let reasons =
                        reasons.map(|reasons| reasons.into_iter().map(Into::into).collect());
                    drop(asked.try_send((scheduler, reasons)));
                }
            }
            Some(ToServers::Beat {
                scheduler,
                owns,
                since_ms,
                ready,
            }) => {
                let beat = Beat {
                    heard: Instant::now(),
                    owns,
                    since: Duration::from_millis(since_ms),
                    ready,
                };
                let mut schedulers = self.schedulers();
                schedulers.retain(|_name, beat| beat.heard.elapsed() < FORGOTTEN_AFTER);
                schedulers.insert(scheduler, beat);
            }
            Some(ToServers::Gone { scheduler }) => {
                self.schedulers().remove(&scheduler);
            }
            None => {}
        }
    }

    fn missed(&self) {
        for feed in [&self.everything, &self.runs] {
            drop(feed.send(News::Missed));
        }
    }

    /// Never waits: a hint that finds no room is made up for by the schedulers' sweep.
    fn tell(&self, message: ToSchedulers) {
        drop(self.say.try_send(message));
    }

    /// The schedulers that were heard of lately.
    fn live(&self) -> impl Iterator<Item = Arc<str>> {
        let schedulers = self.schedulers();
        let live: Vec<Arc<str>> = schedulers
            .iter()
            .filter(|(_name, beat)| beat.is_fresh())
            .map(|(name, _beat)| Arc::clone(name))
            .collect();
        live.into_iter()
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<Answer>>> {
        // Nothing foreign is called while it is locked; so below.
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn schedulers(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Beat>> {
        self.schedulers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
