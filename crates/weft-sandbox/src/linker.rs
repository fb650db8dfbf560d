//! Everything a guest can import, linked once per engine.
//!
//! What is offered is always linked: a guest that was not granted something
//! gets 'denied' when it uses it, not a failure to start. (Sockets, say, are
//! wasmtime-wasi's own, which refuses every address unless told otherwise.)

use crate::{artifacts, dag, http, program, scratch, state::HostState};
use wasmtime::{Engine, component::Linker};

/// The linker for components.
pub(crate) fn component_linker(engine: &Engine) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    // The file system is offered by `scratch`, which holds its quota, instead.
    linker.allow_shadowing(true);
    scratch::add_to_linker(&mut linker, |state: &mut HostState| scratch::ScratchView {
        state: &mut state.scratch,
        table: &mut state.table,
    })?;
    linker.allow_shadowing(false);
    http::add_to_linker(&mut linker)?;
    artifacts::add_to_linker(&mut linker)?;
    dag::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// The linker for core modules.
pub(crate) fn module_linker(engine: &Engine) -> wasmtime::Result<wasmtime::Linker<HostState>> {
    let mut linker = wasmtime::Linker::new(engine);
    program::add_module_to_linker(&mut linker)?;
    Ok(linker)
}
