//! Notes on runs and task instances.

use crate::Time;
use serde::{Deserialize, Serialize};

/// What a person wrote about a run or a task instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Note {
    /// What it says.
    pub text: String,
    /// The name and number of the token of its author.
    pub by: String,
    /// When it was written.
    pub at: Time,
}

/// A note to write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// At most 4,096 bytes; an empty one removes the note.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub text: String,
}
