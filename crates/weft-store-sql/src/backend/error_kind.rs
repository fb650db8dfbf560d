//! Kinds of failures that a database reports.

use weft_store::StoreError;

/// What the caller can do about a failure; each database has its own codes.
pub(super) enum ErrorKind {
    Unavailable,
    Full,
    Corrupt,
    Defect,
}

impl ErrorKind {
    /// The failure, with what the database says of it.
    pub(super) fn error(self, text: String) -> StoreError {
        match self {
            Self::Unavailable => StoreError::Unavailable(text),
            Self::Full => StoreError::Full(text),
            Self::Corrupt => StoreError::Corrupt(text),
            Self::Defect => StoreError::Defect(text),
        }
    }
}
