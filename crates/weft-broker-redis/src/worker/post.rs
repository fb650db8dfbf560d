//! What a worker's handle and its task share: the registration, and the signals
//! that were read and not taken.

use super::handed::Handed;
use crate::{Redis, Reply, Script, unexpected};
use ::redis::Cmd;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;
use weft_broker::{AttemptKey, BrokerError, Signal};

/// While so many signals were read and not taken, no more are read.
pub(super) const MOST_UNTAKEN: usize = 10_000;

/// A registration, as Redis answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// Its name there, which nothing else ever has.
    pub(super) token: Arc<str>,
    /// The worker's.
    pub(super) id: Arc<str>,
    pub(super) incarnation: Arc<str>,
    /// Which server answered: another one may have lost the newest writes.
    pub(super) server: Arc<str>,
}

#[derive(Debug)]
pub(super) struct Post {
    pub(super) redis: Arc<Redis>,
    tray: Mutex<Tray>,
    /// There may be work.
    pub(super) work: Notify,
    /// Wakes `signals`.
    arrived: Notify,
    /// Wakes the task: there is a registration, or room for signals.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct Tray {
    session: Option<Session>,
    /// The last registration's name, whether it lives or not.
    before: Option<Session>,
    signals: VecDeque<(Signal, Arc<str>)>,
    /// Claims that no call has taken yet, all of them of this registration.
    handed: VecDeque<Handed>,
    /// Up to where the inbox was read, and up to where it was taken.
    read: Option<Arc<str>>,
    taken: Option<Arc<str>>,
    /// Attempts that were seen and left to a newer worker.
    left: i64,
}

impl Session {
    /// Whether both read one inbox, whose entries go by one clock.
    fn shares_inbox(&self, other: &Self) -> bool {
        self.id == other.id && self.incarnation == other.incarnation && self.server == other.server
    }
}

impl Post {
    pub(super) fn new(redis: Arc<Redis>) -> Self {
        Self {
            redis,
            tray: Mutex::default(),
            work: Notify::new(),
            arrived: Notify::new(),
            changed: Notify::new(),
        }
    }

    fn tray(&self) -> MutexGuard<'_, Tray> {
        // Nothing that holds the lock calls foreign code, so a poisoned tray is a whole one.
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn session(&self) -> Result<Session, BrokerError> {
        self.tray().session.clone().ok_or(BrokerError::Unregistered)
    }

    pub(super) fn token_before(&self) -> String {
        let tray = self.tray();
        tray.before
            .as_ref()
            .map(|session| session.token.to_string())
            .unwrap_or_default()
    }

    pub(super) fn registered(&self, session: Session) {
        {
            let mut tray = self.tray();
            let before = tray.before.as_ref();
            if !before.is_some_and(|before| before.shares_inbox(&session)) {
                tray.read = None;
                tray.taken = None;
            }
            tray.handed.clear();
            tray.before = Some(session.clone());
            tray.session = Some(session);
        }
        self.wake();
    }

    /// The registration is gone, if it is still this one.
    pub(super) fn forget(&self, session: &Session) {
        {
            let mut tray = self.tray();
            if tray.session.as_ref() != Some(session) {
                return;
            }
            tray.session = None;
        }
        tracing::debug!(worker = %session.id, "a registration is over");
        self.wake();
    }

    fn wake(&self) {
        self.work.notify_one();
        self.arrived.notify_one();
        self.changed.notify_one();
    }

    /// Calls a script of a registered worker. A call that was under way while the
    /// worker registered again is made again by the new registration: to say
    /// 'unregistered' then would undo it, and give back what was claimed since.
    pub(super) async fn call(
        &self,
        session: &Session,
        script: Script,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Reply, BrokerError> {
        let mut session = session.clone();
        loop {
            let called = self.redis.run(script, |command| {
                command.arg(&*session.token);
                arguments(command);
            });
            let (word, reply) = called.await?;
            match &*word {
                "ok" => return Ok(reply),
                "unregistered" => {
                    self.forget(&session);
                    session = self.session()?;
                }
                _ => return Err(unexpected(&word)),
            }
        }
    }

    /// Up to which entry the signals were taken.
    pub(super) fn taken(&self) -> Option<Arc<str>> {
        self.tray().taken.clone()
    }

    /// Where the inbox is read on.
    pub(super) fn read(&self) -> Arc<str> {
        self.tray().read.clone().unwrap_or_else(|| "0".into())
    }

    pub(super) fn is_full(&self) -> bool {
        self.tray().signals.len() >= MOST_UNTAKEN
    }

    /// What an entry of the inbox says; entries of a registration before are as good.
    pub(super) fn put(&self, session: &Session, entry: Arc<str>, signals: Vec<Signal>) {
        {
            let mut tray = self.tray();
            let before = tray.before.as_ref();
            let is_current = before.is_some_and(|before| before.shares_inbox(session));
            let is_empty = signals.is_empty() && tray.signals.is_empty();
            for signal in signals {
                tray.signals.push_back((signal, entry.clone()));
            }
            if is_current {
                if is_empty {
                    tray.taken = Some(entry.clone());
                }
                tray.read = Some(entry);
            }
        }
        self.arrived.notify_one();
    }

    /// Claims that this registration was handed, in their order, for a call to take.
    pub(super) fn hand(&self, session: &Session, handed: Vec<Handed>) {
        {
            let mut tray = self.tray();
            if tray.session.as_ref() != Some(session) {
                return;
            }
            tray.handed.extend(handed);
        }
        self.work.notify_one();
    }

    /// At most so many of the claims that the registration was handed.
    pub(super) fn handed(&self, session: &Session, max: u32) -> Vec<Handed> {
        let mut tray = self.tray();
        if tray.session.as_ref() != Some(session) {
            return Vec::new();
        }
        let count = tray.handed.len().min(max as usize);
        let taken = tray.handed.drain(..count).collect();
        if !tray.handed.is_empty() {
            self.work.notify_one();
        }
        taken
    }

    /// Whether an attempt that was handed is taken back before a call has taken it.
    pub(super) fn take_back(&self, key: &AttemptKey) -> bool {
        let mut tray = self.tray();
        let before = tray.handed.len();
        tray.handed.retain(|handed| handed.key() != *key);
        tray.handed.len() < before
    }

    /// Waits for signals while the registration lives.
    pub(super) async fn signals(
        &self,
        session: &Session,
        max: usize,
    ) -> Result<Vec<Signal>, BrokerError> {
        loop {
            {
                let mut tray = self.tray();
                if tray.session.is_none() {
                    return Err(BrokerError::Unregistered);
                }
                if !tray.signals.is_empty() {
                    let count = tray.signals.len().min(max);
                    let taken: Vec<_> = tray.signals.drain(..count).collect();
                    // An entry that was taken in part is not deleted.
                    let whole = match (taken.last(), tray.signals.front()) {
                        (Some((_, last)), Some((_, next))) if last == next => None,
                        (last, _) => last.map(|(_, entry)| entry.clone()),
                    };
                    let before = tray.before.as_ref();
                    let is_current = before.is_some_and(|before| before.shares_inbox(session));
                    if is_current && whole.is_some() {
                        tray.taken = whole;
                    }
                    drop(tray);
                    self.changed.notify_one();
                    return Ok(taken.into_iter().map(|(signal, _)| signal).collect());
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Attempts of a newer message are left to a newer worker, and said so once.
    pub(super) fn left_to_newer(&self, left: i64) {
        let mut tray = self.tray();
        if left > tray.left {
            tracing::warn!(
                left,
                "attempts wait that a newer program published; this worker leaves them to one that can read them"
            );
        }
        tray.left = left;
    }
}
