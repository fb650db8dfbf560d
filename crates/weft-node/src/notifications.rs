//! The notification service of a server: makes deliveries of what turns noticed, and sends them.
//!
//! It never delays a run: turns write what they noticed in their own transaction, and everything
//! else happens here. Each change of a run wakes it, and it looks by itself now and then, for what
//! another process left. Several servers share the work: noticed rows are planned under a version
//! that one of them raises, and deliveries are claimed.

mod plan;
mod send;

use send::Attempts;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use weft_core::time::DurationMs;
use weft_notify::{MAX_SEND_TIME, Sender};
use weft_server::ports::{Change, Changes, Listen, News, SchedulerHandle};
use weft_store::StoreError;
use weft_store_sql::{Database, DeliveryRow, secret::Keyring};

/// The most noticed rows that are planned at once.
const MAX_PLANNED: u32 = 500;
/// The most deliveries that are sent at once, each to another destination.
const MAX_SENDING: usize = 32;
/// How long the service sleeps at most while there are destinations.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// The same while there are none: another server may have been given the first one.
const IDLE_INTERVAL: Duration = Duration::from_mins(1);
/// The rest between two rounds, in which changes pile up.
const REST: Duration = Duration::from_millis(50);
/// The rest after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A claim is void after this; more than an attempt can take.
const CLAIM: DurationMs = DurationMs(MAX_SEND_TIME.as_secs() * 3_000);

/// The service. It runs until it is dropped; what it was sending is due again when its claim ends.
pub(crate) struct Notifications {
    pub(crate) database: Database,
    pub(crate) keyring: Keyring,
    pub(crate) scheduler: Arc<dyn SchedulerHandle>,
    /// Wakes it: destinations changed, or one is tested.
    pub(crate) wake: Arc<Notify>,
    pub(crate) sender: Sender,
}

impl Notifications {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let sending = Arc::new(Attempts {
            database: self.database.clone(),
            keyring: self.keyring.clone(),
            sender: self.sender.clone(),
        });
        let mut documents = plan::Documents::default();
        let mut tasks = JoinSet::new();
        let mut changes = None;
        loop {
            let next = match self.round(&mut documents, &sending, &mut tasks).await {
                Ok(Some(next)) => {
                    // Changes of runs are of no interest without a destination.
                    changes.get_or_insert_with(|| self.scheduler.changes(Listen::Runs));
                    next.min(SWEEP_INTERVAL)
                }
                Ok(None) => {
                    changes = None;
                    IDLE_INTERVAL
                }
                Err(error) => {
                    tracing::warn!(%error, operation = "deliver notifications", "database call failed; retrying in a moment");
                    sleep(AFTER_FAILURE).await;
                    continue;
                }
            };
            self.wait(Instant::now() + next, &mut changes, &mut tasks)
                .await;
            sleep(REST).await;
        }
    }

    /// Plans what was noticed and starts to send what is due. Returns how long nothing more is due,
    /// or `None` if there is no destination.
    async fn round(
        &self,
        documents: &mut plan::Documents,
        sending: &Arc<Attempts>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Option<Duration>, StoreError> {
        let has_destinations = self.database.has_destinations().await?;
        while plan::plan(&self.database, documents, MAX_PLANNED).await? {}
        let free = MAX_SENDING.saturating_sub(tasks.len());
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        // Claiming writes, and most often nothing is due.
        let is_due = self.database.next_delivery().await? == Some(DurationMs(0));
        if is_due && free > 0 {
            for delivery in self.database.claim_deliveries(CLAIM, free).await? {
                tasks.spawn(attempt(Arc::clone(sending), delivery));
            }
        }
        if !has_destinations {
            return Ok(None);
        }
        let next = self.database.next_delivery().await?;
        // One that is due and was not claimed waits for an attempt that is running.
        let next = next.filter(|next| next.0 > 0);
        Ok(Some(next.map_or(SWEEP_INTERVAL, |next| {
            Duration::from_millis(next.0)
        })))
    }

    /// Until something may be to do: a run ended, an attempt ended, somebody calls, or the time comes.
    async fn wait(&self, until: Instant, changes: &mut Option<Changes>, tasks: &mut JoinSet<()>) {
        let woken = async {
            tokio::select! {
                () = self.wake.notified() => {}
                Some(ended) = tasks.join_next() => report(ended),
                () = run_ended(changes) => {}
            }
        };
        // Both are reasons to look.
        if let Err(_elapsed) = timeout_at(until, woken).await {}
        while let Some(ended) = tasks.try_join_next() {
            report(ended);
        }
    }
}

async fn attempt(sending: Arc<Attempts>, delivery: DeliveryRow) {
    if let Err(error) = sending.attempt(&delivery).await {
        tracing::warn!(
            %error, delivery = delivery.id.0, operation = "finish delivery",
            "the result of an attempt was not recorded; the notification may be sent again"
        );
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, operation = "deliver notifications", "an attempt to deliver panicked; it is repeated when its claim ends");
    }
}

/// Ready when a run has ended or goes on to another state, or changes were missed.
async fn run_ended(changes: &mut Option<Changes>) {
    let Some(listener) = changes else {
        return std::future::pending().await;
    };
    loop {
        match listener.next().await {
            Some(News::Change(change)) => {
                if matches!(&*change, Change::Run { state, .. } if state.is_ended()) {
                    return;
                }
            }
            Some(News::Missed) => return,
            None => {
                // The scheduler is gone: what it left is found by looking.
                *changes = None;
                return std::future::pending().await;
            }
        }
    }
}
