//! Guests' logs on disk: one file for many tasks, in segments.
//!
//! A line of a segment is a JSON object: `time_ms`, `task`, `map_index`,
//! `attempt`, `stream` (`stdout`, `stderr`, `log`), for `log` a `level`, then
//! `message` and `fields`. Nothing is opened before the first line, so a run
//! that prints nothing costs nothing. Lines are buffered and written when the
//! buffer is full, when the run has nothing to do, and at its end; they are not
//! synchronised to disk, since a run on a laptop that loses power starts again.

use serde::Serialize;
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::PathBuf,
};
use weft_sandbox::{GuestEvent, LogLevel, LogStream};

/// A segment ends with the line that takes it beyond this size.
const SEGMENT_BYTES: u64 = 64 << 20;
/// What is held back before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes the segments of one run.
#[derive(Debug)]
pub(crate) struct LogWriter {
    folder: PathBuf,
    open: Option<Segment>,
    segments: u32,
}

#[derive(Debug)]
struct Segment {
    file: BufWriter<File>,
    bytes: u64,
}

/// Whose line it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineOf<'a> {
    pub(crate) task: &'a str,
    pub(crate) map_index: Option<u32>,
    pub(crate) attempt: u32,
}

/// The shape of a line on disk and in `--output json`.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) time_ms: i64,
    pub(crate) task: &'a str,
    pub(crate) map_index: Option<u32>,
    pub(crate) attempt: u32,
    pub(crate) stream: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<&'static str>,
    pub(crate) message: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "as_map")]
    pub(crate) fields: &'a [(String, String)],
}

impl<'a> Line<'a> {
    /// The line that an event is; `None` for progress.
    pub(crate) fn of(of: LineOf<'a>, event: &'a GuestEvent) -> Option<Self> {
        let GuestEvent::Log {
            time_ms,
            stream,
            message,
            fields,
        } = event
        else {
            return None;
        };
        let (stream, level) = match stream {
            LogStream::Stdout => ("stdout", None),
            LogStream::Stderr => ("stderr", None),
            LogStream::Structured(level) => ("log", Some(level_name(*level))),
        };
        Some(Self {
            time_ms: *time_ms,
            task: of.task,
            map_index: of.map_index,
            attempt: of.attempt,
            stream,
            level,
            message,
            fields,
        })
    }
}

/// The level's name in files and JSON.
pub(crate) const fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

fn as_map<S: serde::Serializer>(
    fields: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(key, value)| (key, value)))
}

impl LogWriter {
    /// Writes below `folder`, which need not exist.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: None,
            segments: 0,
        }
    }

    /// Writes one line; what is no line is left out.
    ///
    /// # Errors
    /// The folder or the segment can't be written.
    pub(crate) fn write(&mut self, of: LineOf<'_>, event: &GuestEvent) -> io::Result<()> {
        let Some(line) = Line::of(of, event) else {
            return Ok(());
        };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        if self
            .open
            .as_ref()
            .is_some_and(|segment| segment.bytes >= SEGMENT_BYTES)
        {
            self.flush()?;
            self.open = None;
        }
        let segment = match &mut self.open {
            Some(segment) => segment,
            none => {
                fs::create_dir_all(&self.folder)?;
                self.segments += 1;
                let file =
                    File::create_new(self.folder.join(format!("{:05}.jsonl", self.segments)))?;
                none.insert(Segment {
                    file: BufWriter::with_capacity(BUFFER_BYTES, file),
                    bytes: 0,
                })
            }
        };
        segment.file.write_all(&text)?;
        segment.bytes += text.len() as u64;
        Ok(())
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// The segment can't be written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.open
            .as_mut()
            .map_or(Ok(()), |segment| segment.file.flush())
    }

    /// Whether there is anything to read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.segments == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_log_makes_no_folder_and_a_line_is_json() {
        let data = tempfile::tempdir().expect("a folder");
        let mut log = LogWriter::new(data.path().join("logs"));
        let of = LineOf {
            task: "a",
            map_index: Some(3),
            attempt: 2,
        };
        log.write(
            of,
            &GuestEvent::Progress {
                fraction: 0.5,
                message: String::new(),
            },
        )
        .expect("nothing to do");
        log.flush().expect("nothing to do");
        assert!(log.is_empty() && !data.path().join("logs").exists());
        log.write(
            of,
            &GuestEvent::Log {
                time_ms: 7,
                stream: LogStream::Structured(LogLevel::Warn),
                message: "odd \"row\"".into(),
                fields: vec![("row".into(), "9".into())],
            },
        )
        .expect("room");
        log.flush().expect("room");
        let text = fs::read_to_string(data.path().join("logs/00001.jsonl")).expect("written");
        assert_eq!(
            text,
            "{\"time_ms\":7,\"task\":\"a\",\"map_index\":3,\"attempt\":2,\"stream\":\"log\",\"level\":\"warn\",\"message\":\"odd \\\"row\\\"\",\"fields\":{\"row\":\"9\"}}\n"
        );
    }
}
