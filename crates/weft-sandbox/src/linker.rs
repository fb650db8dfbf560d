//! Everything a guest can import, linked once per engine.
//!
//! What is offered is always linked: a guest that was not granted something
//! gets 'denied' when it uses it, not a failure to start. (Sockets, for example, are
//! wasmtime-wasi's own, which refuses every address by default.)

use crate::{artifacts, dag, engine::Profile, http, program, scratch, state::HostState};
use wasmtime::{Engine, component::Linker};

/// The linker for components. What Weft offers itself is the same on every engine.
pub(crate) fn component_linker(
    engine: &Engine,
    profile: Profile,
) -> wasmtime::Result<Linker<HostState>> {
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
    if profile == Profile::Concurrent {
        add_wasi_0_3(&mut linker)?;
    }
    Ok(linker)
}

/// WASI 0.3, beside 0.2: a guest's standard library may still be of the latter. Its
/// contexts, and so its grants, are those of 0.2.
fn add_wasi_0_3(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p3::{cli, clocks, random, sockets};
    cli::add_to_linker(linker)?;
    clocks::add_to_linker(linker)?;
    random::add_to_linker(linker)?;
    sockets::add_to_linker(linker)?;
    scratch::add_concurrent_to_linker(linker)?;
    http::add_concurrent_to_linker(linker)
}

/// The linker for core modules.
pub(crate) fn module_linker(engine: &Engine) -> wasmtime::Result<wasmtime::Linker<HostState>> {
    let mut linker = wasmtime::Linker::new(engine);
    program::add_module_to_linker(&mut linker)?;
    Ok(linker)
}
