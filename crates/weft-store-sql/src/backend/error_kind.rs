//! Kinds of failures that a database reports.

use sqlx::{Error, error::DatabaseError};
use weft_store::StoreError;

/// What the caller can do about a failure; each database has its own codes.
pub(super) enum ErrorKind {
    Unavailable,
    Full,
    Corrupt,
    Defect,
}

/// Classifies an error, with `kind_of_code` for errors that the database itself returned.
pub(super) fn classify(
    error: &Error,
    kind_of_code: impl Fn(&dyn DatabaseError) -> ErrorKind,
) -> StoreError {
    let kind = match error {
        Error::Database(of_database) => kind_of_code(&**of_database),
        Error::Io(_)
        | Error::Tls(_)
        | Error::Configuration(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed => ErrorKind::Unavailable,
        // The enum is open-ended; any other error lies in the call itself.
        _ => ErrorKind::Defect,
    };
    let text = match error {
        Error::Database(of_database) => of_database.message().to_owned(),
        other => other.to_string(),
    };
    match kind {
        ErrorKind::Unavailable => StoreError::Unavailable(text),
        ErrorKind::Full => StoreError::Full(text),
        ErrorKind::Corrupt => StoreError::Corrupt(text),
        ErrorKind::Defect => StoreError::Defect(text),
    }
}
