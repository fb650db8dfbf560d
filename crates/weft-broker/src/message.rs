//! The wire format of dispatches and reports: JSON with a version beside it.
//!
//! The types here belong to the wire. They are converted to and from the traits' types field by
//! field, so that a change of a domain type that would change the wire does not compile. The
//! version rises when readers of the previous one would misread a message, and not for a field
//! that they may ignore. A reader refuses messages of newer versions and leaves them to newer
//! programs.

mod dispatch;
mod key;
mod limits;
mod report;
mod text;

pub use key::{read_key, write_key};

use crate::{Dispatch, Report};

/// The newest version of dispatches that this program reads, and the one that it writes.
pub const DISPATCH_VERSION: u32 = 1;

/// The newest version of reports that this program reads, and the one that it writes.
pub const REPORT_VERSION: u32 = 1;

/// Why a message can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A newer program wrote it; the reader leaves it to newer programs.
    #[error("a message of version {found} can't be read by this program, which knows {known}")]
    Newer {
        /// Version of the message.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// It is not a valid message of its version.
    #[error("a message can't be read: {0}")]
    Broken(String),
}

impl MessageError {
    fn broken(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

/// Writes a dispatch as JSON of version [`DISPATCH_VERSION`].
pub fn write_dispatch(dispatch: &Dispatch) -> String {
    serde_json::to_string(&dispatch::Message::of(dispatch))
        .expect("the keys are texts and the values have JSON forms")
}

/// Reads a dispatch from JSON of this version.
///
/// # Errors
/// [`MessageError::Newer`] without reading the text, or [`MessageError::Broken`].
pub fn read_dispatch(version: u32, text: &[u8]) -> Result<Dispatch, MessageError> {
    check(version, DISPATCH_VERSION)?;
    let message: dispatch::Message<'_> =
        serde_json::from_slice(text).map_err(MessageError::broken)?;
    message.into_dispatch()
}

/// Writes a report as JSON of version [`REPORT_VERSION`].
pub fn write_report(report: &Report) -> String {
    serde_json::to_string(&report::Message::of(report))
        .expect("the keys are texts and the values have JSON forms")
}

/// Reads a report from JSON of this version.
///
/// # Errors
/// [`MessageError::Newer`] without reading the text, or [`MessageError::Broken`].
pub fn read_report(version: u32, text: &[u8]) -> Result<Report, MessageError> {
    check(version, REPORT_VERSION)?;
    let message: report::Message<'_> =
        serde_json::from_slice(text).map_err(MessageError::broken)?;
    message.into_report()
}

fn check(found: u32, known: u32) -> Result<(), MessageError> {
    if found > known {
        return Err(MessageError::Newer { found, known });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
