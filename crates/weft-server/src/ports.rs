//! The traits that other layers implement for the server: the binary wires them, so
//! the server knows no engine, no scheduler's loop and no worker.

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
