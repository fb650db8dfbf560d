//! Connections that wait for the next request, so that a poll or the next page of a list does not
//! connect anew: over TLS, connecting costs more than all the rest of a small request.
//!
//! A connection is reused only by attempts of the task that it was opened for, since a server may
//! know a client by its connection (NTLM does). The destination's grant was checked for the new
//! request as for any other, and the address that the connection leads to is checked against the
//! attempt's policy again.

use super::{connection::Connection, target::Target};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};
use weft_core::policy::Granted;

/// The most connections of the process that wait. The one that has waited longest is closed first.
pub(super) const MAX_IDLE: usize = 256;
/// The most of them for one task and destination.
pub(super) const MAX_IDLE_OF_TASK: usize = 32;
/// How long a connection waits for another request. Servers wait longer as a rule (nginx 75 s,
/// Apache 5 s), and one that closed it first costs another attempt to send.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection is used, so that a change of the name's addresses is noticed.
pub(super) const MAX_AGE: Duration = Duration::from_mins(5);
/// How long the end of the previous exchange may take, where the next request comes at once.
const READY_TIMEOUT: Duration = Duration::from_millis(5);

/// Which attempts may use a connection one after the other: those of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionScope(Arc<str>);

impl ConnectionScope {
    /// Attempts of this task of this DAG of this tenant.
    #[must_use]
    pub fn of_task(tenant: &str, dag: &str, task: &str) -> Self {
        // No id contains a line feed.
        Self(format!("{tenant}\n{dag}\n{task}").into())
    }
}

/// Connections of all attempts that wait for another request.
#[derive(Default)]
pub(super) struct IdleConnections {
    /// The one that has waited longest first.
    waiting: Mutex<VecDeque<Idle>>,
}

struct Idle {
    scope: ConnectionScope,
    target: Target,
    connection: Connection,
    since: Instant,
}

impl IdleConnections {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        // Entries are added and removed whole, so the list is sound even after a panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to this destination that is ready for a request, and leads to an address that
    /// the attempt may reach.
    pub(super) async fn take(
        &self,
        scope: &ConnectionScope,
        target: &Target,
        granted: &Granted,
    ) -> Option<Connection> {
        let host = target.host.text();
        loop {
            let mut connection = self.remove_newest(scope, target)?;
            let is_usable = connection.opened.elapsed() < MAX_AGE
                && granted.allows_address(&host, connection.address).is_ok();
            if is_usable && let Ok(Ok(())) = timeout(READY_TIMEOUT, connection.sender.ready()).await
            {
                return Some(connection);
            }
        }
    }

    fn remove_newest(&self, scope: &ConnectionScope, target: &Target) -> Option<Connection> {
        let mut waiting = self.lock();
        let found = waiting
            .iter()
            .rposition(|idle| idle.scope == *scope && idle.target == *target)?;
        waiting.remove(found).map(|idle| idle.connection)
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Keeps a connection whose exchange has ended.
    pub(super) fn put(
        self: &Arc<Self>,
        scope: ConnectionScope,
        target: Target,
        connection: Connection,
    ) {
        if connection.sender.is_closed() || connection.opened.elapsed() >= MAX_AGE {
            return;
        }
        // Bodies are dropped within a runtime but for a process that ends.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut waiting = self.lock();
        let of_task = waiting
            .iter()
            .filter(|idle| idle.scope == scope && idle.target == target)
            .count();
        if of_task >= MAX_IDLE_OF_TASK {
            return;
        }
        if waiting.is_empty() {
            runtime.spawn(close_expired(Arc::downgrade(self)));
        }
        if waiting.len() >= MAX_IDLE {
            waiting.pop_front();
        }
        waiting.push_back(Idle {
            scope,
            target,
            connection,
            since: Instant::now(),
        });
    }

    /// Closes connections that have waited too long. True if others are left.
    fn expire(&self) -> bool {
        let mut waiting = self.lock();
        waiting.retain(|idle| {
            idle.since.elapsed() < IDLE_TIMEOUT && !idle.connection.sender.is_closed()
        });
        !waiting.is_empty()
    }
}

/// Closes what has waited too long, until no connection waits.
async fn close_expired(idle: Weak<IdleConnections>) {
    loop {
        sleep(IDLE_TIMEOUT / 2).await;
        if !idle.upgrade().is_some_and(|idle| idle.expire()) {
            return;
        }
    }
}
