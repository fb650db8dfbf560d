//! Large data between tasks: written and read as streams, passed by reference.

use crate::{
    error::{Error, Result},
    host::{self, ArtifactError},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    io::{self, Read, Write},
};

/// A reference to data that a task wrote; returned and taken like any other value.
///
/// ```
/// use std::io::{Read, Write};
/// use weft::prelude::*;
///
/// #[task]
/// fn draw() -> Result<Artifact> {
///     let mut chart = Artifact::create("image/svg+xml")?;
///     write!(chart, "<svg/>")?;
///     chart.finish()
/// }
///
/// #[task]
/// fn size(chart: Artifact) -> Result<usize> {
///     let mut text = String::new();
///     chart.open()?.read_to_string(&mut text)?;
///     Ok(text.len())
/// }
///
/// assert_eq!(size(draw().unwrap()).unwrap(), 6);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    #[serde(rename = "$artifact")]
    reference: String,
}

impl JsonSchema for Artifact {
    fn schema_name() -> Cow<'static, str> {
        "Artifact".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": { "$artifact": { "type": "string" } },
            "required": ["$artifact"],
            "additionalProperties": false
        })
    }
}

impl Artifact {
    /// Begins an artifact of a media type such as `text/csv`.
    ///
    /// # Errors
    /// The host refuses or has no room.
    pub fn create(media_type: &str) -> Result<ArtifactWriter> {
        let sink = host::create_artifact(media_type)
            .map_err(|error| failure("creating an artifact", error))?;
        Ok(ArtifactWriter {
            sink: io::BufWriter::with_capacity(BUFFER_BYTES, sink),
        })
    }

    /// Writes a whole artifact at once.
    ///
    /// # Errors
    /// As those of [`Artifact::create`], and it may be too large.
    pub fn write(media_type: &str, bytes: impl AsRef<[u8]>) -> Result<Self> {
        let mut writer = Self::create(media_type)?;
        writer.write_all(bytes.as_ref())?;
        writer.finish()
    }

    /// Opens it from the start. Only what came in through this task's inputs,
    /// or was created by it, can be opened.
    ///
    /// # Errors
    /// The host doesn't know it, or doesn't let this task have it.
    pub fn open(&self) -> Result<ArtifactReader> {
        let source = host::open_artifact(&self.reference)
            .map_err(|error| failure(&format!("opening artifact {}", self.reference), error))?;
        Ok(ArtifactReader {
            source: io::BufReader::with_capacity(BUFFER_BYTES, source),
        })
    }

    /// Reads it whole.
    ///
    /// # Errors
    /// As those of [`Artifact::open`], and reading may fail.
    pub fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The text of the reference, opaque to its holder.
    pub fn reference(&self) -> &str {
        &self.reference
    }
}

/// What goes to the host or comes from it at a time, in bytes: each call costs
/// about a microsecond, and memory is the guest's own.
const BUFFER_BYTES: usize = 64 << 10;

/// An artifact that is being written; kept only once it is [finished](Self::finish).
#[derive(Debug)]
pub struct ArtifactWriter {
    sink: io::BufWriter<host::Sink>,
}

impl ArtifactWriter {
    /// Ends the artifact and makes its reference.
    ///
    /// # Errors
    /// It is too large, or the host has no room.
    pub fn finish(self) -> Result<Artifact> {
        let sink = self
            .sink
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        let reference = sink
            .finish()
            .map_err(|error| failure("finishing an artifact", error))?;
        Ok(Artifact { reference })
    }
}

impl Write for ArtifactWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// An artifact that is being read.
#[derive(Debug)]
pub struct ArtifactReader {
    source: io::BufReader<host::Source>,
}

impl Read for ArtifactReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.source.read(into)
    }
}

impl io::BufRead for ArtifactReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.source.consume(bytes);
    }
}

fn failure(what: &str, error: ArtifactError) -> Error {
    match error {
        ArtifactError::Denied => {
            Error::permanent(format_args!("{what}: this task wasn't given it"))
        }
        ArtifactError::NotFound => Error::permanent(format_args!("{what}: there is none")),
        ArtifactError::TooLarge => Error::permanent(format_args!(
            "{what}: it is larger than the task's limit; raise it with #[task(limits(artifact = \"..\"))]"
        )),
        ArtifactError::Unavailable => {
            Error::retryable(format_args!("{what}: the store is unavailable"))
        }
        ArtifactError::StillOpen => {
            Error::permanent(format_args!("{what}: its stream is still open"))
        }
    }
}
