//! What the host keeps for one instance: one field per concern, each owned by its own module.

use crate::{artifacts::ArtifactState, http::HttpState, scratch::ScratchState};
use wasmtime::component::ResourceTable;

/// The data of a wasmtime `Store`: everything the host functions of one attempt can reach.
#[expect(dead_code, reason = "host functions that read it follow")]
pub(crate) struct HostState {
    /// Handles that the guest holds; its capacity is the handle limit.
    pub(crate) table: ResourceTable,
    /// Outgoing HTTP.
    pub(crate) http: HttpState,
    /// The scratch folder.
    pub(crate) scratch: ScratchState,
    /// Artifacts.
    pub(crate) artifacts: ArtifactState,
}
