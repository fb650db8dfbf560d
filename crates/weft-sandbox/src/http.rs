//! `wasi:http`, outgoing: only to granted hosts, only to public addresses.

use crate::state::HostState;
use wasmtime::component::Linker;

/// One attempt's outgoing HTTP: grants and counters.
#[derive(Default)]
pub(crate) struct HttpState {}

/// Offers `wasi:http` (types and the outgoing handler).
pub(crate) fn add_to_linker(_linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    Ok(())
}
