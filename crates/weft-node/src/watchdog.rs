//! Notifications for systemd: the service has started, and it makes progress.
//!
//! systemd restarts a service with `WatchdogSec=` that sends no sign of life for that long. The signs
//! stop when the service makes no progress, and when its runtime doesn't. A process that systemd
//! did not start sends nothing.

use sd_notify::NotifyState;
use std::time::Duration;
use tokio::{task::JoinHandle, time::interval};
use weft_server::LIVE_WITHIN;

/// The signs that are sent within the time that systemd allows.
const SIGNS: u32 = 3;

/// Sends signs of life until it is dropped.
pub(super) struct Watchdog {
    task: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Notifies systemd that the service has started, and of its progress if the unit has a
    /// watchdog.
    pub(super) fn start(since_progress: impl Fn() -> Duration + Send + 'static) -> Self {
        notify(NotifyState::Ready);
        let task = sd_notify::watchdog_enabled().map(|within| {
            tokio::spawn(async move {
                let mut signs = interval(within / SIGNS);
                loop {
                    signs.tick().await;
                    if since_progress() <= LIVE_WITHIN {
                        notify(NotifyState::Watchdog);
                    }
                }
            })
        });
        Self { task }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        notify(NotifyState::Stopping);
    }
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, operation = "notify systemd", "the notification was not sent; systemd may restart the service");
    }
}
