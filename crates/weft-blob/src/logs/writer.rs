//! The handle that a worker writes its tasks' lines with.

use super::{
    LogError, LogFollower, LogKey, LogLine, LogOptions, LogPointer, Recovered, chunk, recover,
    service::{Command, Service},
    upload,
};
use crate::{BlobError, Blobs};
use bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{mpsc, oneshot};

/// Calls that may wait for the writing task; further callers wait to send theirs.
const MAX_WAITING_COMMANDS: usize = 1024;

/// One worker's log. Cheap to clone: clones share it.
#[derive(Debug, Clone)]
pub struct LogWriter {
    commands: mpsc::Sender<Command>,
    /// Attempts that are followed and have printed nothing.
    followed: Arc<AtomicUsize>,
}

impl LogWriter {
    /// Opens the log and begins to write in a task of its own. What a crash left
    /// behind is brought in order, and what it says of attempts that never
    /// finished is returned.
    ///
    /// # Errors
    /// [`LogError::NoFolder`] or [`LogError::Store`].
    pub async fn start(
        blobs: &Blobs,
        options: LogOptions,
    ) -> Result<(Self, Vec<Recovered>), LogError> {
        let folder = match (&options.spool, blobs.folder()) {
            (Some(spool), _) => spool.clone(),
            (None, Some(folder)) => folder.join(upload::FOLDER),
            (None, None) => return Err(LogError::NoFolder),
        };
        let found = recover::recover(folder.clone(), options.spool.is_some()).await?;
        let uploads = options
            .spool
            .is_some()
            .then(|| upload::start(blobs.clone(), found.segments));
        let (commands, receiver) = mpsc::channel(MAX_WAITING_COMMANDS);
        let followed = Arc::new(AtomicUsize::new(0));
        let service = Service::new(folder, options, uploads, followed.clone());
        tokio::spawn(service.run(receiver));
        Ok((Self { commands, followed }, found.attempts))
    }

    /// Adds lines at the end of an attempt's log. Waits where the writing task
    /// is behind; lines that were cut say so.
    ///
    /// # Errors
    /// [`LogError::Name`] or [`LogError::Closed`]; [`Self::finish`] reports lines that could not be written.
    pub async fn append(&self, key: &LogKey, lines: Vec<LogLine>) -> Result<(), LogError> {
        check(key)?;
        if lines.is_empty() {
            return Ok(());
        }
        let count = u32::try_from(lines.len()).expect("a call has fewer than 2^32 lines");
        let mut payload = Vec::new();
        for mut line in lines {
            line.cut();
            chunk::encode_line(&line, &mut payload);
        }
        let payload = Bytes::from(payload);
        let key = key.clone();
        self.send(Command::Append {
            key,
            payload,
            count,
        })
        .await
    }

    /// The attempt ended: its lines are written, and named. None where it printed nothing.
    ///
    /// # Errors
    /// [`LogError::Lost`] with what is there, [`LogError::Name`] or [`LogError::Closed`].
    pub async fn finish(&self, key: &LogKey) -> Result<Option<LogPointer>, LogError> {
        check(key)?;
        let (reply, answer) = oneshot::channel();
        let key = key.clone();
        self.send(Command::Finish { key, reply }).await?;
        answer.await.map_err(|_gone| LogError::Closed)?
    }

    /// Follows everything that an attempt printed and will print. An unknown attempt
    /// is waited for: the caller checks whether it runs at all.
    ///
    /// # Errors
    /// [`LogError::TooMany`], [`LogError::Name`] or [`LogError::Closed`].
    pub async fn follow(&self, key: &LogKey) -> Result<LogFollower, LogError> {
        check(key)?;
        let (reply, answer) = oneshot::channel();
        let key = key.clone();
        self.send(Command::Follow { key, reply }).await?;
        answer
            .await
            .map_err(|_gone| LogError::Closed)?
            .map(LogFollower::new)
    }

    /// Writes what waits and closes the segment, and brings spooled ones to the blob store if that
    /// takes no longer than some seconds; every later call answers [`LogError::Closed`].
    ///
    /// # Errors
    /// [`LogError::Lost`] where lines could not be written, or [`LogError::Closed`].
    pub async fn close(&self) -> Result<(), LogError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Close { reply }).await?;
        answer
            .await
            .map_err(|_gone| LogError::Closed)?
            .map_err(|why: BlobError| LogError::Lost { kept: None, why })
    }

    pub(super) fn has_followers(&self) -> bool {
        self.followed.load(Ordering::Acquire) > 0
    }

    async fn send(&self, command: Command) -> Result<(), LogError> {
        self.commands
            .send(command)
            .await
            .map_err(|_closed| LogError::Closed)
    }
}

fn check(key: &LogKey) -> Result<(), LogError> {
    if key.attempt.len() > LogKey::MAX_ATTEMPT_BYTES {
        return Err(LogError::Name(key.attempt.len()));
    }
    Ok(())
}
