//! Items that the macros' expansions use; not part of the API.

pub use crate::{
    dag::{
        Argument, Builder, Call, Dag, DagDef, DagSettings, Edge, Grants, Limits, Literal, Mapped,
        Mode, Param, Single, Task, TaskSettings, default_of,
    },
    data::{Input, Output},
    registry::Entry,
    task::{Chosen, Inputs, Outcome, Returned, Run, TaskDef},
};
