//! Items that the macros' expansions use; not part of the API.

pub use crate::{
    asset::Reported,
    dag::{
        Argument, Builder, Call, Dag, DagDef, DagSettings, Edge, Grants, Limits, Literal, Mapped,
        Mode, Param, RateLimit, Schedules, Single, Task, TaskSettings, Texts, default_of,
        map_group,
    },
    data::{Input, Output},
    registry::Entry,
    task::{Chosen, Inputs, Outcome, Returned, Run, TaskDef},
};
