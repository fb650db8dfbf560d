//! Whether the tasks of a scheduler advance.
//!
//! A task advances each time that its future is polled to the end: at each answer of a call, each
//! retry and each sweep. One that computes without end, or awaits a call that never answers, does
//! not, whereas one whose database is unavailable does.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// When each task of a scheduler last advanced.
#[derive(Debug)]
pub(crate) struct Progress {
    began: Instant,
    /// Of each task that has not ended, in milliseconds since `began`.
    tasks: Mutex<Vec<Weak<AtomicU64>>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            tasks: Mutex::default(),
        }
    }
}

/// When one task last advanced.
#[derive(Debug)]
pub(crate) struct TaskProgress {
    began: Instant,
    last: Weak<AtomicU64>,
}

impl TaskProgress {
    /// How long ago the task advanced; nothing once it has ended.
    pub(crate) fn since_last(&self) -> Duration {
        self.last.upgrade().map_or(Duration::ZERO, |last| {
            let last = Duration::from_millis(last.load(Ordering::Relaxed));
            self.began.elapsed().saturating_sub(last)
        })
    }
}

impl Progress {
    /// A task whose progress is recorded until it ends or is dropped.
    pub(crate) fn watch<F: Future>(&self, task: F) -> impl Future<Output = F::Output> + use<F> {
        self.watch_one(task).0
    }

    /// As [`Self::watch`], with the progress of this task alone.
    pub(crate) fn watch_one<F: Future>(
        &self,
        task: F,
    ) -> (impl Future<Output = F::Output> + use<F>, TaskProgress) {
        let began = self.began;
        let since = move || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = Arc::new(AtomicU64::new(since()));
        let mut tasks = self.tasks();
        tasks.retain(|task| task.strong_count() > 0);
        tasks.push(Arc::downgrade(&last));
        drop(tasks);
        let progress = TaskProgress {
            began,
            last: Arc::downgrade(&last),
        };
        let watched = async move {
            let mut task = pin!(task);
            poll_fn(|cx| {
                let poll = task.as_mut().poll(cx);
                last.store(since(), Ordering::Relaxed);
                poll
            })
            .await
        };
        (watched, progress)
    }

    /// How long ago the task advanced that has not advanced for longest; nothing where none runs.
    pub(crate) fn since_last(&self) -> Duration {
        let tasks = self.tasks();
        let running = tasks.iter().filter_map(Weak::upgrade);
        let last = running.map(|last| last.load(Ordering::Relaxed)).min();
        last.map_or(Duration::ZERO, |last| {
            let elapsed = self.began.elapsed();
            elapsed.saturating_sub(Duration::from_millis(last))
        })
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<Weak<AtomicU64>>> {
        // No foreign code runs while it is locked.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;
    use std::{future::pending, time::Duration};
    use tokio::time::sleep;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_task_that_awaits_for_ever_does_not_advance() {
        let progress = Progress::default();
        sleep(SECOND).await;
        assert_eq!(progress.since_last(), Duration::ZERO, "no task runs");
        let advances = tokio::spawn(progress.watch(async {
            loop {
                sleep(SECOND).await;
            }
        }));
        sleep(60 * SECOND).await;
        assert!(progress.since_last() <= SECOND);
        let hangs = tokio::spawn(progress.watch(pending::<()>()));
        sleep(60 * SECOND).await;
        assert_eq!(progress.since_last(), 60 * SECOND);
        hangs.abort();
        assert!(hangs.await.is_err());
        assert!(progress.since_last() <= SECOND, "it has ended");
        advances.abort();
    }
}
