//! What the server needs of others, as small traits that the binary wires:
//! so nothing here knows an engine, a scheduler's loop or a worker.

mod compiler;
mod fleet;
mod live_logs;
mod scheduler;

pub use {
    compiler::{BadFile, CodeError, CompileError, Compiler, InspectedFile, Inspection},
    fleet::{Drain, Fleet, FleetError, QueueInfo, WorkerInfo},
    live_logs::{LiveLogs, LogKey},
    scheduler::{
        Change, Changes, Listen, News, Reason, SchedulerGone, SchedulerHandle, SchedulerHealth,
        Wake,
    },
};
