//! The port to schedulers: wake-ups, questions, health, changes.

use async_trait::async_trait;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::broadcast;
use weft_core::{document::TaskIndex, run_id::RunId};
pub use weft_scheduler::{Change, Listen, Wake};

/// The scheduler of this process or of another one.
#[async_trait]
pub trait SchedulerHandle: Send + Sync {
    /// Hints that something was written. Never waits, and may be lost: the
    /// scheduler's sweep finds the work as well.
    fn wake(&self, wake: Wake);

    /// Why an instance isn't running, the decisive reason first. Empty: it is
    /// running, or has ended.
    ///
    /// # Errors
    /// The scheduler doesn't answer now.
    async fn why(
        &self,
        run: RunId,
        task: TaskIndex,
        index: u32,
    ) -> Result<Vec<Reason>, SchedulerGone>;

    /// How the loop fares; of a scheduler elsewhere, as it last said.
    fn health(&self) -> SchedulerHealth;

    /// How many task instances could run if there were workers for them, by queue, as the
    /// schedulers last said.
    fn ready(&self) -> BTreeMap<Arc<str>, u64>;

    /// What changes from now on, after it was committed.
    fn changes(&self, to: Listen) -> Changes;
}

/// What is heard of changes.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A change of a run or a task instance.
    Change(Arc<Change>),
    /// Changes were missed: read the database.
    Missed,
}

/// Changes as they come.
#[derive(Debug)]
pub enum Changes {
    /// Of the scheduler of this process.
    Here(broadcast::Receiver<Arc<Change>>),
    /// Changes of other schedulers, over a relay that may have missed some.
    Elsewhere(broadcast::Receiver<News>),
}

impl Changes {
    /// The next one; `None` when the scheduler is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<News> {
        let received = match self {
            Self::Here(changes) => changes.recv().await.map(News::Change),
            Self::Elsewhere(news) => news.recv().await,
        };
        match received {
            Ok(news) => Some(news),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(News::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The scheduler doesn't answer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the scheduler does not answer")]
pub struct SchedulerGone;

/// How the loop fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulerHealth {
    /// How long ago the loop last went round; `None` while it never has.
    pub since_last_turn: Option<Duration>,
    /// How long ago the scheduler of this process last advanced; `None` of one elsewhere.
    pub since_progress: Option<Duration>,
}

/// One reason why an instance isn't running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// A stable name in snake case.
    pub code: String,
    /// A message for people.
    pub message: String,
    /// What to do about it; absent if nothing can be done.
    pub help: Option<String>,
}
