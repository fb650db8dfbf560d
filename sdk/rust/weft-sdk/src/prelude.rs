//! What nearly every DAG uses: `use weft::prelude::*;`.

pub use crate::{
    Approval, Artifact, AssetUpdate, AssetWait, Branch, Call, Context, Edge, Error, Explain, Param,
    RecordedUpdate, Result, Task, Timestamp, Update, Woken, ask, call, defer_for, defer_until,
    defer_until_asset, defer_until_dag, defer_until_dag_task, defer_until_event, defer_until_run,
    defer_until_run_task, each, skip, update,
};
pub use log::{debug, error, info, trace, warn};
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use weft_sdk_macros::{dag, task};
