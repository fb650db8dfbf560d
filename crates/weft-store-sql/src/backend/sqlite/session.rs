//! A connection to SQLite, on a thread of its own: each call is one message there and one back.

use rusqlite::Connection;
use std::{sync::mpsc, thread};
use tokio::sync::oneshot;
use weft_store::StoreError;

/// What a call does with the connection.
type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A connection. Its thread ends with it, after the calls that were made.
#[derive(Debug)]
pub(super) struct Session {
    jobs: mpsc::Sender<Job>,
    /// Closes when the connection is closed.
    closed: oneshot::Receiver<()>,
}

impl Session {
    /// Starts a thread of this name, and has it open the connection.
    pub(super) async fn open(
        name: String,
        open: impl FnOnce() -> Result<Connection, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (jobs, received) = mpsc::channel::<Job>();
        let (opened, answer) = oneshot::channel();
        let (is_open, closed) = oneshot::channel::<()>();
        let serve = move || {
            match open() {
                Ok(mut connection) => {
                    // The caller may be gone, and then no job comes.
                    drop(opened.send(Ok(())));
                    for job in received {
                        job(&mut connection);
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            }
            drop(is_open);
        };
        thread::Builder::new()
            .name(name)
            .spawn(serve)
            .map_err(|error| {
                StoreError::Unavailable(format!("its thread can't be started: {error}"))
            })?;
        answer.await.unwrap_or_else(|_panicked| Err(ended()))?;
        Ok(Self { jobs, closed })
    }

    /// Does something with the connection. Once this was polled it is done, even if nothing waits for
    /// the answer any more.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, answer) = oneshot::channel();
        let job = move |connection: &mut Connection| drop(done.send(work(connection)));
        self.jobs.send(Box::new(job)).map_err(|_ended| ended())?;
        answer.await.unwrap_or_else(|_panicked| Err(ended()))
    }

    /// Closes the connection after the calls that were made; returns when it is closed.
    pub(super) async fn close(self) {
        let Self { jobs, closed } = self;
        drop(jobs);
        // Nothing is ever sent.
        drop(closed.await);
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the thread of the connection has ended".into())
}
