//! The feed task of a scheduler's handle: reads notices, ticks the shard's clock, and takes
//! over again after a loss.

use super::{
    demand::NoticedDemand,
    session::{Due, SchedulerSession},
};
use crate::{
    broker::MAX_WAIT,
    link::{Command, Link},
    reply::{self, Entry, Reply},
};
use ::redis::{Cmd, Pipeline};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use weft_broker::{
    BrokerError, Notice,
    message::{MessageError, read_key, read_report},
};

/// Entries read at once. Scripts put at most 64 notices into one (`MAX_NOTICES_PER_ENTRY`) and
/// begin another one after 64 KiB (`MAX_ENTRY_BYTES`): at most 4,096 notices, and about
/// 4 MiB unless a single notice is larger.
const MAX_READ: usize = 64;
/// The task stops reading while this many notices were not received.
const MAX_UNRECEIVED: usize = 4_096;
/// The pause after a failure, besides the link's own backoff.
const PAUSE: Duration = Duration::from_millis(100);

/// The task's position in the stream.
struct Position {
    /// The last entry that was read.
    read: String,
    /// Entries that were read are still in the stream.
    needs_trim: bool,
    next_tick: Instant,
}

impl Position {
    fn start() -> Self {
        Self {
            read: "0".to_owned(),
            needs_trim: false,
            next_tick: Instant::now(),
        }
    }
}

/// Runs until the handle is dropped or another scheduler has taken over.
pub(super) async fn run(session: Arc<SchedulerSession>) {
    let link = session.redis.blocking_link();
    let mut position = Position::start();
    while !session.is_superseded() {
        if let Err(error) = run_once(&session, &link, &mut position).await {
            if error == BrokerError::Closed {
                break;
            }
            tracing::debug!(%error, operation = "read notices", "broker call failed; retrying");
            sleep(PAUSE).await;
        }
    }
    tracing::info!(
        epoch = session.epoch,
        operation = "read notices",
        "another scheduler took over this shard's broker"
    );
}

async fn run_once(
    session: &SchedulerSession,
    link: &Link,
    position: &mut Position,
) -> Result<(), BrokerError> {
    if session.is_lost() {
        session.take_over().await?;
        // Entry ids contain a time, which may have been another server's.
        *position = Position::start();
    }
    let now = Instant::now();
    if now >= position.next_tick {
        let Due(due) = session.tick().await?;
        let wait = due.map_or(MAX_WAIT, |due| due.min(MAX_WAIT));
        position.next_tick = Instant::now() + wait.max(Duration::from_millis(1));
        session.publish_again().await?;
    }
    if session.is_lost() {
        return Ok(());
    }
    let wait = position.next_tick.saturating_duration_since(Instant::now());
    if session.unreceived() >= MAX_UNRECEIVED {
        tokio::select! {
            () = session.feed_wakeup.notified() => {}
            () = sleep(wait) => {}
        }
        return Ok(());
    }
    let entries = tokio::select! {
        entries = read(session, link, position, wait) => entries?,
        // After the takeover Redis delivers every unconfirmed report again.
        () = wait_until_lost(session) => return Ok(()),
    };
    for entry in entries {
        position.read.clone_from(&entry.id);
        position.needs_trim = true;
        handle_entry(session, entry);
    }
    Ok(())
}

async fn wait_until_lost(session: &SchedulerSession) {
    loop {
        if session.is_lost() {
            return;
        }
        session.feed_wakeup.notified().await;
    }
}

/// Deletes the entries that were read before, then waits for new ones.
async fn read(
    session: &SchedulerSession,
    link: &Link,
    position: &mut Position,
    wait: Duration,
) -> Result<Vec<Entry>, BrokerError> {
    let stream = session.redis.key(&format!("notices:{}", session.epoch));
    let mut commands = Pipeline::new();
    if position.needs_trim {
        let mut trim = Cmd::new();
        trim.arg("XTRIM")
            .arg(&stream)
            .arg("MINID")
            .arg(reply::after(&position.read));
        commands.add_command(trim);
    }
    let mut read = Cmd::new();
    read.arg("XREAD").arg("COUNT").arg(MAX_READ);
    // BLOCK 0 would wait without end.
    read.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
    read.arg("STREAMS").arg(&stream).arg(&position.read);
    commands.add_command(read);
    let answer = link.call(Command::Several(&commands), wait).await?;
    position.needs_trim = false;
    let mut answers = Reply::list(answer)?;
    reply::entries(answers.last()?)
}

/// The fields of one notice.
#[derive(Default)]
struct NoticeFields {
    kind: Option<String>,
    key: Option<String>,
    worker: Option<String>,
    report: Option<String>,
    demand: Option<String>,
}

/// Handles the notices of one entry in order; each field `k` begins another notice.
fn handle_entry(session: &SchedulerSession, entry: Entry) {
    let mut notices: Vec<NoticeFields> = Vec::new();
    for (name, value) in entry.fields {
        if name == "k" {
            notices.push(NoticeFields::default());
        }
        let Some(last) = notices.last_mut() else {
            continue;
        };
        let field = match &*name {
            "k" => &mut last.kind,
            "a" => &mut last.key,
            "w" => &mut last.worker,
            "r" => &mut last.report,
            "d" => &mut last.demand,
            _of_a_newer_version => continue,
        };
        *field = String::from_utf8(value).ok();
    }
    for notice in notices {
        handle_notice(session, notice);
    }
}

fn handle_notice(session: &SchedulerSession, fields: NoticeFields) {
    let key = fields.key.map(|key| read_key(&key));
    let notice = match (fields.kind.as_deref(), key, fields.worker, fields.report) {
        (Some("S"), Some(Ok(key)), Some(worker), _) => Notice::Started {
            key,
            worker: worker.into(),
        },
        (Some("E"), Some(Ok(key)), ..) => Notice::Expired { key },
        (Some("B"), Some(Ok(key)), ..) => Notice::Released { key },
        (Some("F"), Some(Ok(_key)), _, Some(report)) => match read_finished(&report) {
            Ok(notice) => notice,
            Err(error @ MessageError::Newer { .. }) => {
                tracing::error!(%error, operation = "decode report", "reading a report failed; it stays in Redis for a newer scheduler");
                return;
            }
            Err(error @ MessageError::Broken(_)) => {
                tracing::error!(%error, operation = "decode report", "reading a report failed; it stays in Redis");
                return;
            }
        },
        (Some("D"), ..) => {
            session.push_notice(Notice::Demand);
            // A script of an older version does not send it.
            if let Some(demand) = fields.demand.as_deref().and_then(NoticedDemand::read) {
                session.record_demand(demand);
            }
            return;
        }
        (Some("X"), ..) => {
            session.mark_superseded();
            return;
        }
        (kind, ..) => {
            tracing::error!(
                ?kind,
                operation = "decode notice",
                "reading a notice failed; it is skipped"
            );
            return;
        }
    };
    session.push_notice(notice);
}

fn read_finished(text: &str) -> Result<Notice, MessageError> {
    let broken = || MessageError::Broken("it has no version".to_owned());
    let (version, message) = text.split_once(' ').ok_or_else(broken)?;
    let version = version.parse().map_err(|_error| broken())?;
    let report = read_report(version, message.as_bytes())?;
    Ok(Notice::Finished(Box::new(report)))
}
