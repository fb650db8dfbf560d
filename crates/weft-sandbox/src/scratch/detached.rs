//! A detached view of the scratch folder: it shares the ledger and has descriptors of its
//! own, so that `filesystem` can work on it without the store.

use super::{ScratchState, filesystem::ScratchView, ledger::OpenFile};
use std::{collections::HashMap, sync::Arc};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx};

/// Descriptors apart from the attempt's own, with the same ledger.
pub(super) struct DetachedView {
    pub(super) state: ScratchState,
    pub(super) table: ResourceTable,
}

/// A descriptor, and its open file in the ledger.
pub(super) type HeldDescriptor = (Descriptor, Option<Arc<OpenFile>>);

impl DetachedView {
    /// The view that `filesystem` works on, and these descriptors in it, in order.
    pub(super) fn of<const N: usize>(
        scratch: &ScratchView<'_>,
        descriptors: [&Resource<Descriptor>; N],
    ) -> wasmtime::Result<(Self, [Resource<Descriptor>; N])> {
        let mut detached = Self {
            state: scratch.state.detached(),
            table: ResourceTable::new(),
        };
        let mut moved = Vec::with_capacity(N);
        for descriptor in descriptors {
            let held = (
                scratch.table.get(descriptor)?.clone(),
                scratch.state.open.get(&descriptor.rep()).cloned(),
            );
            moved.push(insert_descriptor(&mut detached.view(), held)?);
        }
        let moved = moved
            .try_into()
            .map_err(|_other_number| wasmtime::Error::msg("as many as were given"))?;
        Ok((detached, moved))
    }

    pub(super) fn view(&mut self) -> ScratchView<'_> {
        ScratchView {
            state: &mut self.state,
            table: &mut self.table,
        }
    }
}

impl ScratchState {
    /// A state with the same ledger. It has no folder of its own, and removes none.
    fn detached(&self) -> Self {
        Self {
            root: None,
            folder: None,
            is_program: self.is_program,
            handles_limit: self.handles_limit,
            ledger: self.ledger.clone(),
            wasi: WasiFilesystemCtx::default(),
            names: Arc::clone(&self.names),
            working: Arc::clone(&self.working),
            open: HashMap::new(),
            listings: HashMap::new(),
        }
    }
}

pub(super) fn insert_descriptor(
    view: &mut ScratchView<'_>,
    (descriptor, open): HeldDescriptor,
) -> wasmtime::Result<Resource<Descriptor>> {
    let resource = view.table.push(descriptor)?;
    if let Some(open) = open {
        view.state.open.insert(resource.rep(), open);
    }
    Ok(resource)
}
