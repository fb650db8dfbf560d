//! Everything a guest can import, linked once per engine.
//!
//! What is offered is always linked: a guest that was not granted something
//! gets 'denied' when it uses it, not a failure to start.

use crate::{artifacts, http, state::HostState};
use wasmtime::{Engine, component::Linker};

/// The linker for components.
#[expect(dead_code, reason = "the engine that calls it follows")]
pub(crate) fn component_linker(engine: &Engine) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    http::add_to_linker(&mut linker)?;
    artifacts::add_to_linker(&mut linker)?;
    Ok(linker)
}
