//! The events of a run as text: the form in which they are stored.
//!
//! A run's truth is the list of events that its machine accepted; replaying
//! them ([`Run::replay`](super::Run::replay)) gives the run again. They are
//! written in chunks, one for each turn of a driver, each a JSON object of its
//! own: `{"v":1,"e":[...]}`. Keys are short, and what follows from its absence
//! is left out: the time where it is that of the event before, the map index 0,
//! the entropy wherever the machine doesn't use it (it comes back as 0).
//!
//! The first chunk also says what a replay needs beside the DAG's version: the
//! machine's version and the installation's defaults, `{"v":1,"r":{...},"e":[...]}`.
//! A default that changes, changes for new runs.
//!
//! A later version of Weft may add keys, which this one ignores. What this
//! one must not ignore gets another version number or kind, which it refuses.
//! Nothing here knows what the events mean, nor whether they fit together.

mod entry;
mod replay_settings;
mod wire;

use super::{
    event::{Event, Moment},
    state::Attempt,
};
use crate::plan::Defaults;
pub use entry::Entry;
use replay_settings::ReplaySettings;
use wire::{Chunk, Wire};

/// The version that is written. Every version up to it is read.
pub const VERSION: u32 = 1;

/// The version of the state machine. It is raised when the same events no longer give the same
/// run; events of another machine are refused, so that no run is continued differently.
pub const MACHINE: u32 = 1;

/// The longest chunk that is read, in bytes: far more than a bounded turn writes.
pub const MAX_CHUNK_BYTES: usize = 256 << 20;

/// Why a text is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Longer than [`MAX_CHUNK_BYTES`].
    #[error("a chunk of events has at most {MAX_CHUNK_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// Torn, or written by something else.
    #[error("this is no chunk of events: {0}")]
    Malformed(String),
    /// Written by a later version of Weft.
    #[error("events of version {0} are written by a newer Weft; this one reads up to {VERSION}")]
    Newer(u32),
    /// Replaying them would give another run.
    #[error("these are events of version {0} of the state machine; this one is version {MACHINE}")]
    OtherMachine(u32),
    /// An event of an unknown kind, or without a part that its kind needs.
    #[error("event {event} of the chunk ({kind:?}) {why}")]
    Event {
        /// Position of the event in the chunk, from 0 on.
        event: usize,
        /// As written.
        kind: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// Collects what happened to one run in one turn.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    /// All entries, each behind a comma but the first.
    text: Vec<u8>,
    last: Option<i64>,
    entries: usize,
}

impl Recorder {
    /// Nothing happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event that the machine accepted.
    pub fn push(&mut self, at: Moment, event: &Event) {
        self.add(at, Wire::of(at, event));
    }

    /// Adds that a worker of this name claimed the attempt: the machine
    /// accepted `Event::Started`.
    pub fn push_started(&mut self, at: Moment, attempt: Attempt, worker: &str) {
        let event = Event::Started { attempt };
        let mut wire = Wire::of(at, &event);
        wire.worker = Some(worker.into());
        self.add(at, wire);
    }

    fn add(&mut self, at: Moment, mut wire: Wire<'_>) {
        if self.entries > 0 {
            self.text.push(b',');
        }
        wire.now = (self.last != Some(at.now.0)).then_some(at.now.0);
        serde_json::to_writer(&mut self.text, &wire)
            .expect("texts, numbers and lists of them are written into memory");
        self.last = Some(at.now.0);
        self.entries += 1;
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// How many events were added.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// How long the chunk is so far, in bytes, but for its frame.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The chunk.
    pub fn finish(self) -> String {
        let entries = self.into_entries();
        format!(r#"{{"v":{VERSION},"e":[{entries}]}}"#)
    }

    /// The first chunk of a run that began with these defaults.
    pub fn finish_first(self, defaults: &Defaults) -> String {
        let settings = serde_json::to_string(&ReplaySettings::of(defaults))
            .expect("texts and numbers are written into memory");
        let entries = self.into_entries();
        format!(r#"{{"v":{VERSION},"r":{settings},"e":[{entries}]}}"#)
    }

    fn into_entries(self) -> String {
        String::from_utf8(self.text).expect("JSON is UTF-8")
    }
}

impl<'a> FromIterator<&'a (Moment, Event)> for Recorder {
    fn from_iter<I: IntoIterator<Item = &'a (Moment, Event)>>(events: I) -> Self {
        let mut recorder = Self::new();
        for (at, event) in events {
            recorder.push(*at, event);
        }
        recorder
    }
}

/// A chunk of these events, in order.
pub fn encode(events: &[(Moment, Event)]) -> String {
    events.iter().collect::<Recorder>().finish()
}

/// The first chunk of a run that began with these defaults: these events, in order.
pub fn encode_first(defaults: &Defaults, events: &[(Moment, Event)]) -> String {
    events.iter().collect::<Recorder>().finish_first(defaults)
}

/// The defaults that a run began with, from its chunks in order. `None` for one whose chunks
/// don't say it: it has none, or a version of Weft wrote them that didn't record defaults.
///
/// # Errors
/// See [`RecordError`].
pub fn defaults<C: AsRef<str>>(
    chunks: impl IntoIterator<Item = C>,
) -> Result<Option<Defaults>, RecordError> {
    for chunk in chunks {
        if let Some(settings) = frame(chunk.as_ref())?.settings {
            return settings.defaults().map(Some);
        }
    }
    Ok(None)
}

/// The events of a chunk, in order.
///
/// # Errors
/// See [`RecordError`].
pub fn decode(chunk: &str) -> Result<Vec<(Moment, Event)>, RecordError> {
    Ok(read(chunk)?
        .into_iter()
        .map(|entry| (entry.at, entry.event))
        .collect())
}

/// The entries of a chunk, in order, with all that is known of each.
///
/// # Errors
/// See [`RecordError`].
pub fn read(chunk: &str) -> Result<Vec<Entry>, RecordError> {
    let wires: Vec<Wire<'_>> = from_json(frame(chunk)?.entries.get())?;
    let mut now = None;
    wires
        .into_iter()
        .enumerate()
        .map(|(event, wire)| {
            now = wire.now.or(now);
            wire.into_entry(now)
                .map_err(|(kind, why)| RecordError::Event { event, kind, why })
        })
        .collect()
}

/// What is around a chunk's events. It is read first, since the events of another version may not
/// be readable.
fn frame(chunk: &str) -> Result<Chunk<'_>, RecordError> {
    if chunk.len() > MAX_CHUNK_BYTES {
        return Err(RecordError::TooLong(chunk.len()));
    }
    let frame: Chunk<'_> = from_json(chunk)?;
    if frame.version > VERSION {
        return Err(RecordError::Newer(frame.version));
    }
    match &frame.settings {
        Some(settings) if settings.machine() != MACHINE => {
            Err(RecordError::OtherMachine(settings.machine()))
        }
        Some(_) | None => Ok(frame),
    }
}

fn from_json<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, RecordError> {
    serde_json::from_str(text).map_err(|error| RecordError::Malformed(error.to_string()))
}
