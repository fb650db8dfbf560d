//! The task of a scheduler's handle: reads notices as they come, lets time pass,
//! and takes over again after a loss.

use super::office::{Due, Office};
use crate::{
    MAX_WAIT,
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

/// Entries read at once. Scripts put at most 64 notices into one (`MOST_IN_ENTRY`), and begin
/// another one after 64 KiB (`MOST_ENTRY_BYTES`): so that is at most 4,096 notices, and about
/// 4 MiB unless one of them has more.
const MOST_READ: usize = 64;
/// While so many were read and not received, no more are read.
const MOST_UNRECEIVED: usize = 4_096;
/// After a failure; the link has its own, growing, pause.
const PAUSE: Duration = Duration::from_millis(100);

/// Where the task is in the stream.
struct Position {
    /// Everything up to this entry was read.
    read: String,
    /// What was read is still there.
    is_untidy: bool,
    next_tick: Instant,
}

impl Position {
    fn start() -> Self {
        Self {
            read: "0".to_owned(),
            is_untidy: false,
            next_tick: Instant::now(),
        }
    }
}

/// Works until the handle is dropped or deposed.
pub(super) async fn run(office: Arc<Office>) {
    let link = office.redis.waits();
    let mut position = Position::start();
    while !office.is_deposed() {
        if let Err(error) = turn(&office, &link, &mut position).await {
            if error == BrokerError::Closed {
                break;
            }
            tracing::debug!(%error, "a turn of reading notices failed");
            sleep(PAUSE).await;
        }
    }
    tracing::info!(
        epoch = office.epoch,
        "another scheduler took this shard's broker over"
    );
}

async fn turn(office: &Office, link: &Link, position: &mut Position) -> Result<(), BrokerError> {
    if office.is_lost() {
        office.take_over().await?;
        // Ids of entries go by a clock that may have been another server's.
        *position = Position::start();
    }
    let now = Instant::now();
    if now >= position.next_tick {
        let Due(due) = office.tick().await?;
        let wait = due.map_or(MAX_WAIT, |due| due.min(MAX_WAIT));
        position.next_tick = Instant::now() + wait.max(Duration::from_millis(1));
        office.publish_again().await?;
    }
    if office.is_lost() {
        return Ok(());
    }
    let wait = position.next_tick.saturating_duration_since(Instant::now());
    if office.unreceived() >= MOST_UNRECEIVED {
        tokio::select! {
            () = office.room.notified() => {}
            () = sleep(wait) => {}
        }
        return Ok(());
    }
    let entries = tokio::select! {
        entries = read(office, link, position, wait) => entries?,
        // Woken because something was lost: what the stream still says comes again.
        () = lost(office) => return Ok(()),
    };
    for entry in entries {
        position.read.clone_from(&entry.id);
        position.is_untidy = true;
        take(office, entry);
    }
    Ok(())
}

async fn lost(office: &Office) {
    loop {
        if office.is_lost() {
            return;
        }
        office.room.notified().await;
    }
}

/// Waits for notices, after deleting those that were read before.
async fn read(
    office: &Office,
    link: &Link,
    position: &mut Position,
    wait: Duration,
) -> Result<Vec<Entry>, BrokerError> {
    let stream = office.redis.key(&format!("notices:{}", office.epoch));
    let mut commands = Pipeline::new();
    if position.is_untidy {
        let mut trim = Cmd::new();
        trim.arg("XTRIM")
            .arg(&stream)
            .arg("MINID")
            .arg(reply::after(&position.read));
        commands.add_command(trim);
    }
    let mut read = Cmd::new();
    read.arg("XREAD").arg("COUNT").arg(MOST_READ);
    // 0 would wait for ever.
    read.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
    read.arg("STREAMS").arg(&stream).arg(&position.read);
    commands.add_command(read);
    let answer = link.call(Command::Several(&commands), wait).await?;
    position.is_untidy = false;
    let mut answers = Reply::list(answer)?;
    reply::entries(answers.last()?)
}

/// The fields of one notice.
#[derive(Default)]
struct Told {
    kind: Option<String>,
    key: Option<String>,
    worker: Option<String>,
    report: Option<String>,
}

/// What one call brought about, in its order: each kind begins another notice.
fn take(office: &Office, entry: Entry) {
    let mut told: Vec<Told> = Vec::new();
    for (name, value) in entry.fields {
        if name == "k" {
            told.push(Told::default());
        }
        let Some(last) = told.last_mut() else {
            continue;
        };
        let field = match &*name {
            "k" => &mut last.kind,
            "a" => &mut last.key,
            "w" => &mut last.worker,
            "r" => &mut last.report,
            _of_a_newer_version => continue,
        };
        *field = String::from_utf8(value).ok();
    }
    for one in told {
        tell(office, one);
    }
}

fn tell(office: &Office, told: Told) {
    let key = told.key.map(|key| read_key(&key));
    let notice = match (told.kind.as_deref(), key, told.worker, told.report) {
        (Some("S"), Some(Ok(key)), Some(worker), _) => Notice::Started {
            key,
            worker: worker.into(),
        },
        (Some("E"), Some(Ok(key)), ..) => Notice::Expired { key },
        (Some("B"), Some(Ok(key)), ..) => Notice::Released { key },
        (Some("F"), Some(Ok(_key)), _, Some(report)) => match finished(&report) {
            Ok(notice) => notice,
            Err(error @ MessageError::Newer { .. }) => {
                tracing::error!(%error, "a report is left to a newer scheduler");
                return;
            }
            Err(error @ MessageError::Broken(_)) => {
                tracing::error!(%error, "a report can't be read; it is left where it is");
                return;
            }
        },
        (Some("D"), ..) => Notice::Demand,
        (Some("X"), ..) => {
            office.deposed_by_notice();
            return;
        }
        (kind, ..) => {
            tracing::error!(?kind, "a notice can't be read; it is passed over");
            return;
        }
    };
    office.put(notice);
}

fn finished(text: &str) -> Result<Notice, MessageError> {
    let broken = || MessageError::Broken("it has no version".to_owned());
    let (version, message) = text.split_once(' ').ok_or_else(broken)?;
    let version = version.parse().map_err(|_error| broken())?;
    let report = read_report(version, message.as_bytes())?;
    Ok(Notice::Finished(Box::new(report)))
}
