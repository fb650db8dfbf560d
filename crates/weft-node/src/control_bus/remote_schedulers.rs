//! The server's end of the control bus: the schedulers of other processes, behind the port
//! that a server has for its scheduler.

use super::{
    MAX_QUEUED, RETRY_PAUSE,
    messages::{ToSchedulers, ToServers, decode},
    publish_queued, schedulers_topic, servers_topic,
};
use crate::local_scheduler::not_active;
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
use weft_server::ports::{
    Changes, Listen, News, Reason, SchedulerGone, SchedulerHandle, SchedulerHealth, Wake,
};

/// News that a subscriber may lag behind.
const FEED_CAPACITY: usize = 4_096;
/// A scheduler without a heartbeat for so long is not counted as live.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// A scheduler without a heartbeat for so long is removed.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);
/// How long a question waits for an explanation.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How often schedulers are asked to publish every change, while a subscriber is there.
const ASK_INTERVAL: Duration = Duration::from_secs(3);
/// Queued explanations for one question.
const MAX_ANSWERS: usize = 64;

/// The last heartbeat of a scheduler.
struct Heartbeat {
    received: Instant,
    owns_shards: bool,
    since_last_turn: Duration,
    ready: BTreeMap<Arc<str>, u64>,
}

impl Heartbeat {
    fn is_fresh(&self) -> bool {
        self.received.elapsed() < SILENT_AFTER
    }
}

/// A scheduler and its explanation; `None` if the run is not one of its own.
type Answer = (Arc<str>, Option<Vec<Reason>>);

/// Schedulers of other processes. Dropping it ends its tasks.
pub(crate) struct RemoteSchedulers {
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

struct State {
    outgoing: mpsc::Sender<ToSchedulers>,
    everything: broadcast::Sender<News>,
    runs: broadcast::Sender<News>,
    /// Where the explanations for each open question go.
    questions: Mutex<HashMap<u64, mpsc::Sender<Answer>>>,
    schedulers: Mutex<BTreeMap<Arc<str>, Heartbeat>>,
}

impl RemoteSchedulers {
    /// Subscribes to them from now on.
    pub(crate) fn subscribe(redis: &Arc<Redis>) -> Self {
        let (outgoing, queued) = mpsc::channel(MAX_QUEUED);
        let state = Arc::new(State {
            outgoing,
            everything: broadcast::Sender::new(FEED_CAPACITY),
            runs: broadcast::Sender::new(FEED_CAPACITY),
            questions: Mutex::default(),
            schedulers: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(publish_queued(schedulers_topic(redis), queued));
        tasks.spawn(Arc::clone(&state).receive(servers_topic(redis).subscribe()));
        Self {
            state,
            _tasks: tasks,
        }
    }
}

#[async_trait]
impl SchedulerHandle for RemoteSchedulers {
    fn wake(&self, wake: Wake) {
        self.state.publish(ToSchedulers::Wake(wake));
    }

    async fn why(
        &self,
        run: RunId,
        TaskIndex(task): TaskIndex,
        index: u32,
    ) -> Result<Vec<Reason>, SchedulerGone> {
        let (answers, mut answered) = mpsc::channel(MAX_ANSWERS);
        let question = Question::open(&self.state, answers);
        self.state.publish(ToSchedulers::Explain {
            question: question.id,
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
            if self.state.live().all(|live| denied.contains(&live)) {
                break;
            }
        }
        if denied.is_empty() {
            return Err(SchedulerGone);
        }
        Ok(vec![not_active()])
    }

    fn health(&self) -> SchedulerHealth {
        let schedulers = self.state.schedulers();
        let owners = schedulers
            .values()
            .filter(|heartbeat| heartbeat.owns_shards);
        SchedulerHealth {
            since_last_turn: owners
                .map(|heartbeat| heartbeat.since_last_turn + heartbeat.received.elapsed())
                .min(),
            since_progress: None,
        }
    }

    fn ready(&self) -> BTreeMap<Arc<str>, u64> {
        let mut ready = BTreeMap::new();
        let schedulers = self.state.schedulers();
        let live = schedulers.values().filter(|heartbeat| heartbeat.is_fresh());
        for (queue, count) in live.flat_map(|heartbeat| &heartbeat.ready) {
            *ready.entry(Arc::clone(queue)).or_default() += count;
        }
        ready
    }

    fn changes(&self, to: Listen) -> Changes {
        match to {
            Listen::Everything => {
                let changes = self.state.everything.subscribe();
                self.state.publish(ToSchedulers::PublishAll);
                Changes::Elsewhere(changes)
            }
            Listen::Runs => Changes::Elsewhere(self.state.runs.subscribe()),
        }
    }
}

/// A question that waits for explanations, until it is dropped.
struct Question<'a> {
    state: &'a State,
    id: u64,
}

impl<'a> Question<'a> {
    fn open(state: &'a State, answers: mpsc::Sender<Answer>) -> Self {
        let id = fastrand::u64(..);
        state.questions().insert(id, answers);
        Self { state, id }
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.state.questions().remove(&self.id);
    }
}

impl State {
    /// Handles what schedulers publish.
    async fn receive(self: Arc<Self>, mut subscription: Subscription) {
        let mut last_request = Instant::now();
        loop {
            match subscription.recv().await {
                Ok(Event::Messages(messages)) => {
                    for message in messages {
                        self.handle_message(decode(&message));
                    }
                }
                Ok(Event::Lagged) => self.report_gap(),
                Err(error) => {
                    tracing::debug!(%error, operation = "receive", "control bus call failed; retrying");
                    sleep(RETRY_PAUSE).await;
                }
            }
            if last_request.elapsed() > ASK_INTERVAL && self.everything.receiver_count() > 0 {
                last_request = Instant::now();
                self.publish(ToSchedulers::PublishAll);
            }
        }
    }

    fn handle_message(&self, message: Option<ToServers>) {
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
                    // Without a subscriber it is dropped; so below.
                    drop(to.send(News::Missed));
                }
                for changed in changes {
                    drop(to.send(News::Change(Arc::new(changed.0))));
                }
            }
            Some(ToServers::Explanation {
                question,
                scheduler,
                reasons,
            }) => {
                if let Some(answers) = self.questions().get(&question) {
                    let reasons =
                        reasons.map(|reasons| reasons.into_iter().map(Into::into).collect());
                    drop(answers.try_send((scheduler, reasons)));
                }
            }
            Some(ToServers::Heartbeat {
                scheduler,
                owns,
                since_ms,
                ready,
            }) => {
                let heartbeat = Heartbeat {
                    received: Instant::now(),
                    owns_shards: owns,
                    since_last_turn: Duration::from_millis(since_ms),
                    ready,
                };
                let mut schedulers = self.schedulers();
                schedulers
                    .retain(|_name, heartbeat| heartbeat.received.elapsed() < FORGOTTEN_AFTER);
                schedulers.insert(scheduler, heartbeat);
            }
            Some(ToServers::Gone { scheduler }) => {
                self.schedulers().remove(&scheduler);
            }
            None => {}
        }
    }

    /// Tells every subscriber that it has to read again.
    fn report_gap(&self) {
        for feed in [&self.everything, &self.runs] {
            drop(feed.send(News::Missed));
        }
    }

    /// Never waits: if the queue is full the hint is dropped, and the schedulers' sweep finds the work.
    fn publish(&self, message: ToSchedulers) {
        drop(self.outgoing.try_send(message));
    }

    /// The schedulers with a fresh heartbeat.
    fn live(&self) -> impl Iterator<Item = Arc<str>> {
        let schedulers = self.schedulers();
        let live: Vec<Arc<str>> = schedulers
            .iter()
            .filter(|(_name, heartbeat)| heartbeat.is_fresh())
            .map(|(name, _heartbeat)| Arc::clone(name))
            .collect();
        live.into_iter()
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<u64, mpsc::Sender<Answer>>> {
        // No other code runs while it is locked; so below.
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn schedulers(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Heartbeat>> {
        self.schedulers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
