//! The task of a worker's handle: reads its inbox, and looks each second whether
//! Redis still knows the registration.

use super::{
    handed::Handed,
    post::{Post, Session},
};
use crate::{
    MAX_WAIT, Script,
    link::{Command, Link},
    reply::{self, Entry},
};
use ::redis::Cmd;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use weft_broker::{BrokerError, Signal, message::read_key};

/// Entries read at once.
const MOST_READ: usize = 256;
/// After a failure; the link has its own, growing, pause.
const PAUSE: Duration = Duration::from_millis(100);

/// Works until the handle is dropped.
pub(super) async fn run(post: Arc<Post>) {
    let link = post.redis.waits();
    let mut next_look = Instant::now();
    let mut read_to_its_end = Instant::now();
    loop {
        let Ok(session) = post.session() else {
            post.changed.notified().await;
            next_look = Instant::now() + MAX_WAIT;
            continue;
        };
        let turned = turn(&post, &link, &session, &mut next_look, &mut read_to_its_end);
        if let Err(error) = turned.await {
            tracing::debug!(worker = %session.id, %error, "a turn of reading the inbox failed");
            sleep(PAUSE).await;
        }
    }
}

async fn turn(
    post: &Post,
    link: &Link,
    session: &Session,
    next_look: &mut Instant,
    read_to_its_end: &mut Instant,
) -> Result<(), BrokerError> {
    if Instant::now() >= *next_look {
        *next_look = Instant::now() + MAX_WAIT;
        if !is_known(post, session).await? && post.session().as_ref() == Ok(session) {
            tracing::warn!(worker = %session.id, "Redis does not know this worker any more, or is another one; it has to register again");
            post.forget(session);
            return Ok(());
        }
    }
    let wait = next_look.saturating_duration_since(Instant::now());
    if post.is_full() {
        tokio::select! {
            () = post.changed.notified() => {}
            () = sleep(wait) => {}
        }
        return Ok(());
    }
    let mut read = Cmd::new();
    read.arg("XREAD").arg("COUNT").arg(MOST_READ);
    // 0 would wait for ever.
    read.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
    read.arg("STREAMS");
    read.arg(post.redis.key(&format!("inbox:{}", session.id)));
    read.arg(&*post.read());
    let began = Instant::now();
    let answer = link.call(Command::One(&read), wait).await?;
    let entries = reply::entries(answer)?;
    // What is read now was not there when the inbox was last read to its end.
    let since = *read_to_its_end;
    if entries.len() < MOST_READ {
        *read_to_its_end = began;
    }
    for entry in entries {
        take(post, session, entry, since);
    }
    Ok(())
}

async fn is_known(post: &Post, session: &Session) -> Result<bool, BrokerError> {
    let looked = post.redis.run(Script::Look, |command| {
        command.arg(&*session.token);
    });
    let (known, mut rest) = looked.await?;
    Ok(known == "1" && rest.text()? == *session.server)
}

fn take(post: &Post, session: &Session, entry: Entry, since: Instant) {
    let mut signals = Vec::new();
    let mut handed = Vec::new();
    let mut is_work = false;
    for (kind, value) in entry.fields {
        let key = || {
            std::str::from_utf8(&value)
                .ok()
                .and_then(|key| read_key(key).ok())
        };
        match &*kind {
            "w" => is_work = true,
            "h" => handed.extend(Handed::read(session, &value, since)),
            // What nobody has begun needs no word.
            "r" => {
                let key = key().filter(|key| {
                    let before = handed.len();
                    handed.retain(|handed: &Handed| handed.key() != *key);
                    handed.len() == before && !post.take_back(key)
                });
                signals.extend(key.map(Signal::Revoked));
            }
            "c" => signals.extend(key().map(Signal::Confirmed)),
            "d" => signals.push(Signal::Drain),
            other => {
                tracing::error!(worker = %session.id, kind = other, "a signal can't be read; it is passed over");
            }
        }
    }
    if !handed.is_empty() {
        post.hand(session, handed);
    }
    if is_work {
        post.work.notify_one();
    }
    post.put(session, entry.id.into(), signals);
}
