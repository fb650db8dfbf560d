//! What nearly every DAG uses: `use weft::prelude::*;`.

pub use crate::{
    Artifact, Branch, Context, Edge, Error, Explain, Param, Result, Task, Timestamp, Woken,
    defer_for, defer_until, defer_until_event, each, skip,
};
pub use log::{debug, error, info, trace, warn};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use weft_sdk_macros::{dag, task};
