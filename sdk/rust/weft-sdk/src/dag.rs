//! Describing a DAG: while a `#[dag]` function runs, calls of tasks record
//! nodes and edges in a [`Builder`] and run nothing.

mod argument;
mod builder;
mod call;
mod document;
mod edge;
mod group;

pub use argument::{Argument, Each, Elements, List, Literal, Mapped, Mode, Single, each};
pub use builder::{Builder, Dag, DagDef, default_of};
pub use call::{Call, Task};
pub use document::{DagSettings, Grants, Limits, RateLimit, Schedules, TaskSettings, Texts};
pub use edge::{Edge, Param, Upstream};
pub use group::{Element, GroupList, GroupLists, GroupOutput, map_group};

pub(crate) use builder::describe;
