//! `wasi:filesystem` 0.2 over the scratch folder, with the quota held.
//!
//! wasmtime-wasi does the work and keeps the sandbox: paths are resolved beneath
//! the folder handle that the guest names, so `..`, absolute paths and symbolic
//! links never lead out. This module stands before it wherever something grows:
//! lengths, names, handles, directory listings. All writes go through the ledger.

use super::{
    ScratchState,
    ledger::{Breach, FileKey, OpenFile},
    links,
    stream::{CountedInput, CountedOutput},
};
use std::sync::Arc;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::{
    OpenMode,
    filesystem::{Descriptor, WasiFilesystemCtxView},
    p2::{
        DynInputStream, DynOutputStream, FsError, FsResult,
        bindings::filesystem::{
            preopens,
            types::{
                self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
                DirectoryEntryStream, ErrorCode, Filesize, HostDescriptor as _,
                HostDirectoryEntryStream as _, MetadataHashValue, NewTimestamp, OpenFlags,
                PathFlags,
            },
        },
    },
    runtime::spawn_blocking,
};

/// Names the view for the linker.
pub(crate) struct ScratchFilesystem;

impl HasData for ScratchFilesystem {
    type Data<'a> = ScratchView<'a>;
}

/// What the functions of `wasi:filesystem` work on.
pub(crate) struct ScratchView<'a> {
    pub(crate) inner: WasiFilesystemCtxView<'a>,
    pub(crate) scratch: &'a mut Access,
}

pub(crate) use super::Access;

/// Offers `wasi:filesystem/types` and `preopens`.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> ScratchView<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, ScratchFilesystem>(linker, view)?;
    preopens::add_to_linker::<T, ScratchFilesystem>(linker, view)
}
