//! `weft:dag/log`: structured log lines.

use crate::{event::LogLevel, state::HostState};
use std::sync::Arc;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker},
};

/// The level as it crosses the boundary.
#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(
    dead_code,
    reason = "values are lifted from the guest's numbers, never constructed here"
)]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

type Line = (Level, String, Vec<(String, String)>);

pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.instance("weft:dag/log@0.1.0")?.func_wrap_async(
        "write",
        |store: StoreContextMut<'_, HostState>, (level, message, fields): Line| {
            let log = Arc::clone(&store.data().log);
            Box::new(async move {
                log.write_line(level.into(), &message, fields).await;
                Ok(())
            })
        },
    )
}
