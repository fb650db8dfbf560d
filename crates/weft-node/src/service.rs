//! Starting, watching and ending the services of one process, and the signals that ask
//! for the end.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::{JoinError, JoinHandle},
};
use weft_api::problem::{Code, Problem};

/// A running service and the switch that ends it.
pub(crate) struct Service<T> {
    stop: watch::Sender<bool>,
    pub(crate) task: JoinHandle<Result<T, String>>,
}

impl<T: Send + 'static> Service<T> {
    /// Runs a service until its [`Stop`] is ready.
    pub(crate) fn start<F, E>(run: impl FnOnce(Stop) -> F) -> Self
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
    pub(crate) async fn end(self) -> Result<T, String> {
        self.stop.send_replace(true);
        self.task.await.map_err(|error| error.to_string())?
    }
}

/// Ready when a service has to end.
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(crate) async fn wait(mut self) {
        // An error means that the sender is gone, which ends the service as well.
        drop(self.0.wait_for(|stop| *stop).await);
    }
}

/// Ready at SIGINT or SIGTERM. From this call on neither of them ends the process by itself.
pub(crate) fn shutdown_signal() -> Result<impl Future<Output = ()>, Problem> {
    let failed = |error| Problem::new(Code::Internal, format!("can't listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Lets the worker of this process tell crashes of its own from kills from outside. Called before
/// the first engine is made.
pub(crate) fn record_fatal_signals() {
    if let Err(error) = weft_worker::notice_fatal_signals() {
        tracing::warn!(%error, operation = "install signal handlers", "fatal signals can't be recorded; a kill from outside will count as a crash of the running tasks");
    }
}

/// The problem of a service that ended although nothing asked it to.
pub(crate) fn ended_early(service: &str, ended: Result<Result<(), String>, JoinError>) -> Problem {
    let why = match ended {
        Ok(Ok(())) => "it ended".to_owned(),
        Ok(Err(error)) => error,
        Err(error) => error.to_string(),
    };
    Problem::new(Code::Internal, format!("the {service} gave up: {why}"))
}

/// Logs the error of a service that failed while it ended.
pub(crate) fn log_end(service: &str, ended: Result<(), String>) {
    if let Err(error) = ended {
        tracing::error!(
            service,
            error,
            operation = "shut down",
            "service failed while it ended"
        );
    }
}

/// The problem of something that a service needs at its start and can't have.
pub(crate) fn unavailable(what: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::DataUnavailable, format!("{what}: {error}"))
}
