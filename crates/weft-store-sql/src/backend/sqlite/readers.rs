//! A few connections that read, opened as they are needed.

use super::{session::Session, statement::run};
use crate::backend::{Row, Value};
use rusqlite::Connection;
use sqlx::SqlStr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use weft_store::StoreError;

/// Opens a connection.
pub(super) type Open = Arc<dyn Fn() -> Result<Connection, StoreError> + Send + Sync>;

/// Connections of one purpose.
pub(super) struct Readers {
    /// Of their threads.
    name: &'static str,
    open: Open,
    most: u32,
    /// As many as may read at once.
    permits: Semaphore,
    /// Those that read nothing now; the one that read last is next, whose memory has what was read.
    idle: Mutex<Vec<Session>>,
}

/// A connection that reads. It returns to the others, even if the call is cancelled: then as the last one,
/// as its read goes on.
struct Reading<'a> {
    readers: &'a Readers,
    session: Option<Session>,
    has_ended: bool,
}

impl Readers {
    pub(super) const fn new(name: &'static str, most: u32, open: Open) -> Self {
        Self {
            name,
            open,
            most,
            permits: Semaphore::const_new(most as usize),
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) async fn read(
        &self,
        sql: SqlStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let _permit = self.permits.acquire().await.map_err(|_closed| closed())?;
        let idle = self.idle().pop();
        let session = if let Some(session) = idle {
            session
        } else {
            let open = Arc::clone(&self.open);
            Session::open(self.name.to_owned(), move || open()).await?
        };
        let mut reading = Reading {
            readers: self,
            session: Some(session),
            has_ended: false,
        };
        let rows = reading
            .session()
            .call(move |connection| run(connection, sql.as_str(), &values))
            .await;
        reading.has_ended = true;
        rows
    }

    /// Closes all connections, once none reads.
    pub(super) async fn close(&self) {
        // Another call may have closed them.
        drop(self.permits.acquire_many(self.most).await);
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for session in idle {
            session.close().await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        // Each change is one call.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading<'_> {
    fn session(&self) -> &Session {
        self.session
            .as_ref()
            .expect("it has one until it is dropped")
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut idle = self.readers.idle();
        let at = if self.has_ended { idle.len() } else { 0 };
        if let Some(session) = self.session.take() {
            idle.insert(at, session);
        }
    }
}

pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("it was closed".into())
}
