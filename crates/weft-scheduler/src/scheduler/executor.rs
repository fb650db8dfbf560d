//! The executor of a scheduler's tasks: tokio, or a simulation that polls them one step at a time.

use std::{future::Future, pin::Pin};
use tokio::task::JoinHandle;

/// One task of a scheduler.
pub type SchedulerTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Aborts its task when it is dropped, wherever the task is.
pub type TaskGuard = Box<dyn Send + Sync>;

/// Runs tasks beside each other.
pub trait Executor: Send + Sync {
    /// Starts a task. It runs until it ends or its guard is dropped.
    fn spawn(&self, task: SchedulerTask) -> TaskGuard;
}

/// The runtime that the scheduler itself runs on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokio;

struct AbortOnDrop(JoinHandle<()>);

impl Executor for Tokio {
    fn spawn(&self, task: SchedulerTask) -> TaskGuard {
        Box::new(AbortOnDrop(tokio::spawn(task)))
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
