//! Write Weft DAGs in Rust.
//!
//! A task is a function, and a DAG is a function whose calls of tasks are edges:
//!
//! ```
//! use weft::prelude::*;
//!
//! #[derive(Serialize, Deserialize, JsonSchema, Clone)]
//! struct Quake { place: String, magnitude: f64 }
//!
//! #[task(retries = 3, retry_delay = "30s", timeout = "5m", grant(http = "earthquake.example.org"))]
//! fn extract(url: String) -> Result<Vec<Quake>> {
//!     // ...
//! #   Ok(vec![Quake { place: url, magnitude: 5.0 }])
//! }
//!
//! #[task]
//! fn strongest(quakes: Vec<Quake>) -> Result<Quake> {
//!     let strongest = quakes.into_iter().max_by(|a, b| a.magnitude.total_cmp(&b.magnitude));
//!     strongest.ok_or_else(|| Error::permanent("no earthquake at all"))
//! }
//!
//! #[task]
//! fn report(top: Quake, all: Vec<Quake>) -> Result<String> {
//!     Ok(format!("{} earthquakes, the strongest in {}", all.len(), top.place))
//! }
//!
//! /// Earthquakes of the last day.
//! #[dag(schedule = "0 6 * * *", timezone = "Europe/Berlin")]
//! fn quakes(url: Param<String>) {
//!     let rows = extract(url);
//!     report(strongest(&rows), &rows);
//! }
//!
//! // Outside a DAG a task is the plain function that it was: test it as one.
//! let top = strongest(vec![Quake { place: "Tonga".into(), magnitude: 6.1 }]).unwrap();
//! assert_eq!(top.place, "Tonga");
//! assert_eq!(quakes().task_ids(), ["extract", "strongest", "report"]);
//! ```
//!
//! Inside `#[dag]` the compiler checks that what an edge carries is what the
//! task takes. Besides edges a task takes [parameters of the run](Param) and
//! constants; [`each`] makes one task per element of a list, and `map_group` ([`Element`]) several; a method before
//! the arguments changes [settings](Task) of one call; [`Edge::after`] orders
//! tasks that share no data.
//!
//! A task takes [`Context`] as an optional first parameter, returns [`Result`]
//! (any error fails the attempt and is retried, [`Error::permanent`] is not),
//! [skips](skip) or [puts off](defer_for) itself, waits for an [event](defer_until_event),
//! a [run](defer_until_run), a [task](defer_until_run_task) of one or an [asset](defer_until_asset),
//! [calls](call()) another DAG, [chooses](Branch) what goes on, hands large data on as an [`Artifact`], and says what it [updated](update()).
//!
//! Inside a `#[dag]` function every call of a plain lower-case path is a task.
//! To call a helper there, put it in parentheses: `(helper)(3)`.
//!
//! `wfctl build` makes one `dag.wasm` of all DAGs in a crate, with no list of
//! them anywhere.

// The macros name this crate as its users do, in its own tests too.
extern crate self as weft;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod approval;
mod artifact;
mod asset;
mod branch;
mod context;
mod dag;
mod data;
mod error;
mod host;
pub mod http;
mod logging;
pub mod prelude;
mod registry;
pub mod sensors;
mod task;
mod wait;
mod woken;

pub use crate::{
    approval::{Approval, Decision, ask},
    artifact::{Artifact, ArtifactReader, ArtifactWriter},
    asset::{AssetUpdate, Condition, RecordedUpdate, Update, update},
    branch::Branch,
    context::{Context, DataInterval},
    dag::{
        Argument, Dag, Each, Edge, Element, Elements, Grants, GroupList, GroupLists, GroupOutput,
        Limits, List, Literal, Mapped, Mode, Param, Single, Task, TaskSettings, Upstream, each,
    },
    data::{Input, Output},
    error::{Error, Explain, Result, Wake, defer_for, defer_until, skip},
    wait::{
        AssetWait, Call, call, defer_until_asset, defer_until_dag, defer_until_dag_task,
        defer_until_event, defer_until_run, defer_until_run_task,
    },
    woken::Woken,
};
pub use jiff::Timestamp;
pub use log;
pub use schemars;
pub use serde;
pub use serde_json;
pub use weft_sdk_macros::{dag, task};
