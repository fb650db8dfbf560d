//! What services of one process share: how each is started and ended, and how
//! somebody asks for the end.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::{JoinError, JoinHandle},
};
use weft_api::problem::{Code, Problem};

/// A running service, and the word that ends it.
pub(super) struct Service<T> {
    stop: watch::Sender<bool>,
    pub(super) task: JoinHandle<Result<T, String>>,
}

impl<T: Send + 'static> Service<T> {
    /// Runs a service that ends when it is told to.
    pub(super) fn start<F, E>(run: impl FnOnce(Stop) -> F) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let (stop, stopped) = watch::channel(false);
        let running = run(Stop(stopped));
        let task = tokio::spawn(async move { running.await.map_err(|error| error.to_string()) });
        Self { stop, task }
    }

    /// Ends it and waits for that.
    pub(super) async fn end(self) -> Result<T, String> {
        self.stop.send_replace(true);
        self.task.await.map_err(|error| error.to_string())?
    }
}

/// Ready when a service is to end.
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(super) async fn wait(mut self) {
        // Nobody can ask any more: that ends it as well.
        drop(self.0.wait_for(|stop| *stop).await);
    }
}

/// Ready when somebody asks it to end. From this call on no such signal ends it by itself.
pub(super) fn asked_to_end() -> Result<impl Future<Output = ()>, Problem> {
    let failed = |error| {
        Problem::new(
            Code::Internal,
            format!("signals can't be waited for: {error}"),
        )
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Lets the worker of this process tell its own deaths from those that come from outside; before
/// the first engine is made.
pub(super) fn notice_fatal_signals() {
    if let Err(error) = weft_worker::notice_fatal_signals() {
        tracing::warn!(%error, "signals that end this process can't be seen: whatever it runs when it is killed will be suspected");
    }
}

/// A service that ended without being asked to.
pub(super) fn gave_up(service: &str, ended: Result<Result<(), String>, JoinError>) -> Problem {
    let why = match ended {
        Ok(Ok(())) => "it ended".to_owned(),
        Ok(Err(error)) => error,
        Err(error) => error.to_string(),
    };
    Problem::new(Code::Internal, format!("the {service} gave up: {why}"))
}

/// How a service ended that was asked to.
pub(super) fn report(service: &str, ended: Result<(), String>) {
    if let Err(error) = ended {
        tracing::error!(service, error, "it did not end as it should");
    }
}

/// What a service needs at its start and doesn't have.
pub(super) fn failed(what: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::DataUnavailable, format!("{what}: {error}"))
}
