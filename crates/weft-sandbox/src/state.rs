//! The host's state of one instance: one field per concern, each owned by its own module.

use crate::{
    artifacts::ArtifactState, dag::DagState, http::HttpState, limiter::Limiter, log::LogBook,
    meter::Meter, program::ProgramState, scratch::ScratchState, wasi::Wasi,
};
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtxView, WasiView};

/// Handles beyond the limit that the host itself needs: standard streams, pollables of its own.
const SPARE_HANDLES: u64 = 16;

/// The data of a wasmtime `Store`: everything the host functions of one attempt can reach.
pub(crate) struct HostState {
    /// Handles that the guest holds; its capacity is the handle limit.
    pub(crate) table: ResourceTable,
    /// Clocks, randomness, environment, standard streams; made at first use.
    pub(crate) wasi: Wasi,
    /// Memory and tables.
    pub(crate) limiter: Limiter,
    /// Log lines, from the standard streams and from `weft:dag/log`.
    pub(crate) log: Arc<LogBook>,
    /// `weft:dag`: what the guest can read about its attempt.
    pub(crate) dag: DagState,
    /// CPU time and wall-clock time.
    pub(crate) meter: Arc<Meter>,
    /// Outgoing HTTP.
    pub(crate) http: HttpState,
    /// The scratch folder.
    pub(crate) scratch: ScratchState,
    /// Artifacts.
    pub(crate) artifacts: ArtifactState,
    /// What only programs have: `/in`, `/out`, standard output as the output.
    pub(crate) program: ProgramState,
}

/// A table of handles that holds no more than the limit allows.
pub(crate) fn handle_table(handles: u64) -> ResourceTable {
    let mut table = ResourceTable::new();
    let most = handles.saturating_add(SPARE_HANDLES);
    table.set_max_capacity(usize::try_from(most).unwrap_or(usize::MAX));
    table
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: self.wasi.context(&self.log),
            table: &mut self.table,
        }
    }
}
