//! What nearly every DAG uses: `use weft::prelude::*;`.

pub use crate::{
    Approval, Artifact, AssetUpdate, Branch, Call, Context, Edge, Error, Explain, Param,
    RecordedUpdate, Result, Task, Timestamp, Update, Woken, ask, call, defer_for, defer_until,
    defer_until_dag, defer_until_event, defer_until_run, each, skip, update,
};
pub use log::{debug, error, info, trace, warn};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use weft_sdk_macros::{dag, task};
