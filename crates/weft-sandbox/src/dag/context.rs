//! `weft:dag/context`: the attempt that is running.

use crate::state::HostState;
use std::sync::Arc;
use wasmtime::{StoreContextMut, component::Linker};

pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let mut context = linker.instance("weft:dag/context@0.1.0")?;
    context.func_wrap(
        "attempt",
        |store: StoreContextMut<'_, HostState>, (): ()| {
            Ok((Arc::clone(&store.data().dag.attempt),))
        },
    )?;
    context.func_wrap(
        "resumed",
        |store: StoreContextMut<'_, HostState>, (): ()| Ok((store.data().dag.resumed.clone(),)),
    )?;
    context.func_wrap(
        "progress",
        |store: StoreContextMut<'_, HostState>, (fraction, message): (f64, String)| {
            store.data().log.progress(fraction, &message);
            Ok(())
        },
    )?;
    context.func_wrap(
        "cancelled",
        |store: StoreContextMut<'_, HostState>, (): ()| {
            Ok((store.data().dag.cancel.is_cancelled(),))
        },
    )
}
