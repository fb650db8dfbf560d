//! The contract's imports and exports of a component, over the generated bindings.

use super::{ArtifactError, VariableError, bindings};
use crate::{registry, task};
use bindings::{
    exports::weft::dag::tasks::{Failure, Guest, Outcome},
    wasi::io::streams::{InputStream, OutputStream, StreamError},
    weft::{artifacts::store, dag},
};
use std::{fmt, io};

struct Component;

impl Guest for Component {
    fn describe() -> Result<String, String> {
        registry::describe()
    }

    fn run(task: String, inputs: Vec<(String, String)>) -> Result<Outcome, Failure> {
        let Some(run) = registry::find(&task) else {
            let message = format!("this component has no task `{task}`");
            return Err(Failure {
                retryable: false,
                message,
                more: None,
            });
        };
        crate::logging::start();
        match run(&task::Inputs::new(inputs)) {
            task::Outcome::Success(output) => Ok(Outcome::Success(output)),
            task::Outcome::Control(document) => Ok(Outcome::Control(document)),
            task::Outcome::Failure {
                retryable,
                message,
                more,
            } => Err(Failure {
                retryable,
                message,
                more,
            }),
        }
    }
}

#[allow(
    unsafe_code,
    clippy::allow_attributes_without_reason,
    reason = "the generated exports"
)]
mod export {
    use super::{Component, bindings};
    bindings::export!(Component with_types_in bindings);
}

pub(crate) fn attempt() -> String {
    dag::context::attempt()
}

pub(crate) fn resumed() -> Option<String> {
    dag::context::resumed()
}

pub(crate) fn progress(fraction: f64, message: &str) {
    dag::context::progress(fraction, message);
}

pub(crate) fn cancelled() -> bool {
    dag::context::cancelled()
}

pub(crate) fn variable(name: &str) -> Result<String, VariableError> {
    dag::variables::get(name).map_err(|error| match error {
        dag::variables::Error::Denied => VariableError::Denied,
        dag::variables::Error::NotFound => VariableError::NotFound,
    })
}

pub(crate) fn log(level: log::Level, message: &str, fields: &[(String, String)]) {
    let level = match level {
        log::Level::Error => dag::log::Level::Error,
        log::Level::Warn => dag::log::Level::Warn,
        log::Level::Info => dag::log::Level::Info,
        log::Level::Debug => dag::log::Level::Debug,
        log::Level::Trace => dag::log::Level::Trace,
    };
    dag::log::write(level, message, fields);
}

impl From<store::Error> for ArtifactError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Denied => Self::Denied,
            store::Error::NotFound => Self::NotFound,
            store::Error::TooLarge => Self::TooLarge,
            store::Error::Unavailable => Self::Unavailable,
            store::Error::StillOpen => Self::StillOpen,
        }
    }
}

/// An artifact that is being written. The stream lives inside the writer and
/// must be dropped before it.
pub(crate) struct Sink {
    body: Option<OutputStream>,
    writer: store::Writer,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// What `blocking-write-and-flush` takes at most, by its contract, in bytes.
const WRITE_BYTES: usize = 4096;

pub(crate) fn create_artifact(media_type: &str) -> Result<Sink, ArtifactError> {
    let writer = store::create(media_type)?;
    let body = Some(writer.body()?);
    Ok(Sink { body, writer })
}

impl Sink {
    pub(crate) fn finish(self) -> Result<String, ArtifactError> {
        drop(self.body);
        Ok(store::Writer::finish(self.writer)?)
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let body = self
            .body
            .as_ref()
            .expect("the stream is dropped by `finish` alone");
        let ready = body.check_write().map_err(stream_error)?;
        let room = usize::try_from(ready).unwrap_or(usize::MAX);
        if room == 0 {
            let part = &bytes[..bytes.len().min(WRITE_BYTES)];
            body.blocking_write_and_flush(part).map_err(stream_error)?;
            return Ok(part.len());
        }
        let part = &bytes[..bytes.len().min(room)];
        body.write(part).map_err(stream_error)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let body = self
            .body
            .as_ref()
            .expect("the stream is dropped by `finish` alone");
        body.blocking_flush().map_err(stream_error)
    }
}

/// An artifact that is being read.
pub(crate) struct Source(InputStream);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

pub(crate) fn open_artifact(reference: &str) -> Result<Source, ArtifactError> {
    Ok(Source(store::open(reference)?))
}

impl io::Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        match self.0.blocking_read(into.len() as u64) {
            Ok(bytes) => {
                into[..bytes.len()].copy_from_slice(&bytes);
                Ok(bytes.len())
            }
            Err(StreamError::Closed) => Ok(0),
            Err(error) => Err(stream_error(error)),
        }
    }
}

fn stream_error(error: StreamError) -> io::Error {
    match error {
        StreamError::Closed => io::ErrorKind::BrokenPipe.into(),
        StreamError::LastOperationFailed(error) => io::Error::other(error.to_debug_string()),
    }
}
