//! A view of the scratch folder on the side: it has the same books and descriptors of its
//! own, so that what `filesystem` does with it needs nothing of the store meanwhile.

use super::{ScratchState, filesystem::ScratchView, ledger::OpenFile};
use std::{collections::HashMap, sync::Arc};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx};

/// Descriptors of an attempt beside it, with the same books.
pub(super) struct Aside {
    pub(super) state: ScratchState,
    pub(super) table: ResourceTable,
}

/// A descriptor, and its place in the books.
pub(super) type Held = (Descriptor, Option<Arc<OpenFile>>);

impl Aside {
    /// The view that `filesystem` works on, and these descriptors in it, in order.
    pub(super) fn of<const N: usize>(
        scratch: &ScratchView<'_>,
        descriptors: [&Resource<Descriptor>; N],
    ) -> wasmtime::Result<(Self, [Resource<Descriptor>; N])> {
        let mut aside = Self {
            state: scratch.state.aside(),
            table: ResourceTable::new(),
        };
        let mut moved = Vec::with_capacity(N);
        for descriptor in descriptors {
            let held = (
                scratch.table.get(descriptor)?.clone(),
                scratch.state.open.get(&descriptor.rep()).cloned(),
            );
            moved.push(put(&mut aside.view(), held)?);
        }
        let moved = moved
            .try_into()
            .map_err(|_other_number| wasmtime::Error::msg("as many as were given"))?;
        Ok((aside, moved))
    }

    pub(super) fn view(&mut self) -> ScratchView<'_> {
        ScratchView {
            state: &mut self.state,
            table: &mut self.table,
        }
    }
}

impl ScratchState {
    /// The same books, for a view on the side. It has no folder of its own, and removes none.
    fn aside(&self) -> Self {
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

pub(super) fn put(
    view: &mut ScratchView<'_>,
    (descriptor, open): Held,
) -> wasmtime::Result<Resource<Descriptor>> {
    let resource = view.table.push(descriptor)?;
    if let Some(open) = open {
        view.state.open.insert(resource.rep(), open);
    }
    Ok(resource)
}
