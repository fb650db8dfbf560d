//! The state that a worker's handle shares with its inbox task: the registration, and the
//! signals and pushed claims that were read and not taken.

use super::{pushed_claim::PushedClaim, registration::Registration};
use crate::{
    broker::{Redis, unexpected},
    reply::Reply,
    script::Script,
};
use ::redis::Cmd;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;
use weft_broker::{AttemptKey, BrokerError, Signal};

/// The inbox task stops reading while this many signals were not taken.
const MAX_UNTAKEN: usize = 10_000;

#[derive(Debug)]
pub(super) struct WorkerSession {
    pub(super) redis: Arc<Redis>,
    state: Mutex<SessionState>,
    /// Wakes `claim`: there may be work.
    pub(super) work: Notify,
    /// Wakes `signals`.
    arrived: Notify,
    /// Wakes the inbox task: the worker registered, or signals were taken.
    pub(super) inbox_wakeup: Notify,
}

#[derive(Debug, Default)]
struct SessionState {
    registration: Option<Registration>,
    /// The last registration, current or not.
    last: Option<Registration>,
    signals: VecDeque<(Signal, Arc<str>)>,
    /// Claims that were pushed to this registration and that no call has taken.
    pushed: VecDeque<PushedClaim>,
    /// The last inbox entry that was read, and the last one whose signals were taken.
    read: Option<Arc<str>>,
    taken: Option<Arc<str>>,
    /// How many entries were read since Redis trimmed the inbox.
    untrimmed: usize,
    /// Queued attempts that only a newer worker can read.
    unreadable: i64,
}

impl WorkerSession {
    pub(super) fn new(redis: Arc<Redis>) -> Self {
        Self {
            redis,
            state: Mutex::default(),
            work: Notify::new(),
            arrived: Notify::new(),
            inbox_wakeup: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        // Nothing that holds the lock calls foreign code, so a poisoned state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn registration(&self) -> Result<Registration, BrokerError> {
        self.state()
            .registration
            .clone()
            .ok_or(BrokerError::Unregistered)
    }

    /// The token of the last registration; empty before the first.
    pub(super) fn last_token(&self) -> String {
        let state = self.state();
        state
            .last
            .as_ref()
            .map(|registration| registration.token.to_string())
            .unwrap_or_default()
    }

    pub(super) fn set_registration(&self, registration: Registration) {
        {
            let mut state = self.state();
            let last = state.last.as_ref();
            if !last.is_some_and(|last| last.shares_inbox(&registration)) {
                state.read = None;
                state.taken = None;
                state.untrimmed = 0;
            }
            state.pushed.clear();
            state.last = Some(registration.clone());
            state.registration = Some(registration);
        }
        self.wake();
    }

    /// Drops the registration if it is still this one.
    pub(super) fn drop_registration(&self, registration: &Registration) {
        {
            let mut state = self.state();
            if state.registration.as_ref() != Some(registration) {
                return;
            }
            state.registration = None;
        }
        tracing::debug!(worker = %registration.id, operation = "drop registration", "the registration ended");
        self.wake();
    }

    fn wake(&self) {
        self.work.notify_one();
        self.arrived.notify_one();
        self.inbox_wakeup.notify_one();
    }

    /// Calls a script of a registered worker. When the worker registered again during the
    /// call, the call is repeated under the new registration: `Unregistered` would make the
    /// caller register once more and lose what was claimed since.
    pub(super) async fn call(
        &self,
        registration: &Registration,
        script: Script,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Reply, BrokerError> {
        let mut registration = registration.clone();
        loop {
            let called = self.redis.run(script, |command| {
                command.arg(&*registration.token);
                arguments(command);
            });
            let (word, reply) = called.await?;
            match &*word {
                "ok" => return Ok(reply),
                "unregistered" => {
                    self.drop_registration(&registration);
                    registration = self.registration()?;
                }
                _ => return Err(unexpected(&word)),
            }
        }
    }

    /// The last entry whose signals were all taken, if at least so many entries were read since the
    /// last answer that was not `None`: the inbox is trimmed up to it.
    pub(super) fn trim(&self, after: usize) -> Option<Arc<str>> {
        let mut state = self.state();
        if state.untrimmed < after {
            return None;
        }
        state.untrimmed = 0;
        state.taken.clone()
    }

    /// The entry after which the inbox is read.
    pub(super) fn read(&self) -> Arc<str> {
        self.state().read.clone().unwrap_or_else(|| "0".into())
    }

    pub(super) fn is_full(&self) -> bool {
        self.state().signals.len() >= MAX_UNTAKEN
    }

    /// Appends the signals of an inbox entry; those of an earlier registration count as well.
    pub(super) fn push_signals(
        &self,
        registration: &Registration,
        entry: Arc<str>,
        signals: Vec<Signal>,
    ) {
        {
            let mut state = self.state();
            let last = state.last.as_ref();
            let is_current = last.is_some_and(|last| last.shares_inbox(registration));
            let is_empty = signals.is_empty() && state.signals.is_empty();
            for signal in signals {
                state.signals.push_back((signal, entry.clone()));
            }
            if is_current {
                if is_empty {
                    state.taken = Some(entry.clone());
                }
                state.read = Some(entry);
                state.untrimmed += 1;
            }
        }
        self.arrived.notify_one();
    }

    /// Appends claims that were pushed to this registration.
    pub(super) fn push_claims(&self, registration: &Registration, pushed: Vec<PushedClaim>) {
        {
            let mut state = self.state();
            if state.registration.as_ref() != Some(registration) {
                return;
            }
            state.pushed.extend(pushed);
        }
        self.work.notify_one();
    }

    /// Takes at most `max` claims that were pushed to the registration.
    pub(super) fn take_pushed(&self, registration: &Registration, max: u32) -> Vec<PushedClaim> {
        let mut state = self.state();
        if state.registration.as_ref() != Some(registration) {
            return Vec::new();
        }
        let count = state.pushed.len().min(max as usize);
        let taken = state.pushed.drain(..count).collect();
        if !state.pushed.is_empty() {
            self.work.notify_one();
        }
        taken
    }

    /// Removes a pushed claim that no call has taken; whether there was one.
    pub(super) fn remove_pushed(&self, key: &AttemptKey) -> bool {
        let mut state = self.state();
        let before = state.pushed.len();
        state.pushed.retain(|pushed| pushed.key() != *key);
        state.pushed.len() < before
    }

    /// Waits for signals, as long as the worker is registered.
    pub(super) async fn signals(
        &self,
        registration: &Registration,
        max: usize,
    ) -> Result<Vec<Signal>, BrokerError> {
        loop {
            {
                let mut state = self.state();
                if state.registration.is_none() {
                    return Err(BrokerError::Unregistered);
                }
                if !state.signals.is_empty() {
                    let count = state.signals.len().min(max);
                    let taken: Vec<_> = state.signals.drain(..count).collect();
                    // An entry whose signals were taken in part stays in the inbox.
                    let whole = match (taken.last(), state.signals.front()) {
                        (Some((_, last)), Some((_, next))) if last == next => None,
                        (last, _) => last.map(|(_, entry)| entry.clone()),
                    };
                    let last = state.last.as_ref();
                    let is_current = last.is_some_and(|last| last.shares_inbox(registration));
                    if is_current && whole.is_some() {
                        state.taken = whole;
                    }
                    drop(state);
                    self.inbox_wakeup.notify_one();
                    return Ok(taken.into_iter().map(|(signal, _)| signal).collect());
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Warns when more queued attempts than before have messages of a newer version.
    pub(super) fn warn_of_unreadable(&self, unreadable: i64) {
        let mut state = self.state();
        if unreadable > state.unreadable {
            tracing::warn!(
                unreadable,
                operation = "claim",
                "queued attempts have a newer message version; this worker leaves them to newer workers"
            );
        }
        state.unreadable = unreadable;
    }
}
