//! The inbox task of a worker's handle: reads the worker's inbox, and checks each second
//! whether Redis still knows the registration.

use super::{pushed_claim::PushedClaim, registration::Registration, session::WorkerSession};
use crate::{
    broker::MAX_WAIT,
    link::{Command, Link},
    reply::{self, Entry},
    script::Script,
};
use ::redis::Cmd;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use weft_broker::{BrokerError, Signal, message::read_key};

/// Entries read at once.
const MAX_READ: usize = 256;
/// The pause after a failure, besides the link's own backoff.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs until the handle is dropped.
pub(super) async fn run(session: Arc<WorkerSession>) {
    let link = session.redis.blocking_link();
    let mut next_check = Instant::now();
    let mut read_to_its_end = Instant::now();
    loop {
        let Ok(registration) = session.registration() else {
            session.inbox_wakeup.notified().await;
            next_check = Instant::now() + MAX_WAIT;
            continue;
        };
        let read = read_once(
            &session,
            &link,
            &registration,
            &mut next_check,
            &mut read_to_its_end,
        );
        if let Err(error) = read.await {
            tracing::debug!(worker = %registration.id, %error, operation = "read inbox", "broker call failed; retrying");
            sleep(PAUSE).await;
        }
    }
}

async fn read_once(
    session: &WorkerSession,
    link: &Link,
    registration: &Registration,
    next_check: &mut Instant,
    read_to_its_end: &mut Instant,
) -> Result<(), BrokerError> {
    if Instant::now() >= *next_check {
        *next_check = Instant::now() + MAX_WAIT;
        if !is_known(session, registration).await?
            && session.registration().as_ref() == Ok(registration)
        {
            tracing::warn!(worker = %registration.id, operation = "read inbox", "Redis lost the registration, or another server answers; the worker registers again");
            session.drop_registration(registration);
            return Ok(());
        }
    }
    let wait = next_check.saturating_duration_since(Instant::now());
    if session.is_full() {
        tokio::select! {
            () = session.inbox_wakeup.notified() => {}
            () = sleep(wait) => {}
        }
        return Ok(());
    }
    let mut read = Cmd::new();
    read.arg("XREAD").arg("COUNT").arg(MAX_READ);
    // BLOCK 0 would wait without end.
    read.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
    read.arg("STREAMS");
    read.arg(session.redis.key(&format!("inbox:{}", registration.id)));
    read.arg(&*session.read());
    let began = Instant::now();
    let answer = link.call(Command::One(&read), wait).await?;
    let entries = reply::entries(answer)?;
    // These entries were written after the inbox was last read to its end.
    let since = *read_to_its_end;
    if entries.len() < MAX_READ {
        *read_to_its_end = began;
    }
    for entry in entries {
        handle_entry(session, registration, entry, since);
    }
    Ok(())
}

async fn is_known(
    session: &WorkerSession,
    registration: &Registration,
) -> Result<bool, BrokerError> {
    let looked = session.redis.run(Script::Look, |command| {
        command.arg(&*registration.token);
    });
    let (known, mut rest) = looked.await?;
    Ok(known == "1" && rest.text()? == *registration.server)
}

fn handle_entry(
    session: &WorkerSession,
    registration: &Registration,
    entry: Entry,
    since: Instant,
) {
    let mut signals = Vec::new();
    let mut pushed: Vec<PushedClaim> = Vec::new();
    let mut has_work = false;
    for (kind, value) in entry.fields {
        let key = || {
            std::str::from_utf8(&value)
                .ok()
                .and_then(|key| read_key(key).ok())
        };
        match &*kind {
            "w" => has_work = true,
            "h" => pushed.extend(PushedClaim::read(registration, &value, since)),
            // No call has taken the claim yet, so the worker needs no signal.
            "r" => {
                let key = key().filter(|key| {
                    let before = pushed.len();
                    pushed.retain(|claim| claim.key() != *key);
                    pushed.len() == before && !session.remove_pushed(key)
                });
                signals.extend(key.map(Signal::Revoked));
            }
            "c" => signals.extend(key().map(Signal::Confirmed)),
            "d" => signals.push(Signal::Drain),
            other => {
                tracing::error!(worker = %registration.id, kind = other, operation = "decode signal", "reading a signal failed; it is skipped");
            }
        }
    }
    if !pushed.is_empty() {
        session.push_claims(registration, pushed);
    }
    if has_work {
        session.work.notify_one();
    }
    session.push_signals(registration, entry.id.into(), signals);
}
