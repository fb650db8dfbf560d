//! `wasi:filesystem` 0.3 over the scratch folder: the same folder, books and quota as 0.2.
//!
//! What changes names or opens files is done by `filesystem`, on the side: with a view
//! of its own that has the same books, in a task that goes on whatever the guest does
//! meanwhile. What only looks is left to wasmtime-wasi. Both wait for a permit, so that
//! a guest that starts a thousand calls uses only a few of the threads that may block.

use super::{
    detached::{DetachedView, HeldDescriptor, insert_descriptor},
    filesystem::{ScratchFilesystem, ScratchView, borrow},
    ledger::Place,
    transfer::{Ending, Entries, Listed, Reading, Writing},
    versions::{code, descriptor_flags, descriptor_type, error, open_flags, path_flags},
};
use crate::state::HostState;
use std::{iter, sync::Arc};
use tokio::sync::Semaphore;
use wasmtime::component::{Access, Accessor, FutureReader, Linker, Resource, StreamReader};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystem, WasiFilesystemCtxView},
    p2::{
        FsResult,
        bindings::filesystem::types::{
            self as v2, HostDescriptor as _, HostDirectoryEntryStream as _,
        },
    },
    p3::{
        bindings::filesystem::{
            preopens,
            types::{
                self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
                ErrorCode, Filesize, HostDescriptorWithStore, MetadataHashValue, NewTimestamp,
                OpenFlags, PathFlags,
            },
        },
        filesystem::{FilesystemError, FilesystemResult},
    },
    runtime::spawn,
};

/// The functions' access to the store.
type Store = Accessor<HostState, ScratchFilesystem>;

/// Resolves when a stream has ended.
type Completion = FutureReader<Result<(), ErrorCode>>;

/// Offers `wasi:filesystem/types` and `preopens` of WASI 0.3.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    types::add_to_linker::<HostState, ScratchFilesystem>(linker, view)?;
    preopens::add_to_linker::<HostState, ScratchFilesystem>(linker, view)
}

fn view(state: &mut HostState) -> ScratchView<'_> {
    ScratchView {
        state: &mut state.scratch,
        table: &mut state.table,
    }
}

/// As wasmtime-wasi sees it.
fn inner(state: &mut HostState) -> WasiFilesystemCtxView<'_> {
    WasiFilesystemCtxView {
        ctx: &mut state.scratch.wasi,
        table: &mut state.table,
    }
}

/// Waits for a permit, and returns the state that wasmtime-wasi's functions work on.
async fn looking(
    store: &Store,
) -> wasmtime::Result<(
    Accessor<HostState, WasiFilesystem>,
    tokio::sync::OwnedSemaphorePermit,
)> {
    let working = store.with(|mut store| Arc::clone(&store.get().state.working));
    Ok((
        store.with_getter::<WasiFilesystem>(inner),
        permits(working).await?,
    ))
}

async fn permits(working: Arc<Semaphore>) -> wasmtime::Result<tokio::sync::OwnedSemaphorePermit> {
    Ok(working.acquire_owned().await?)
}

/// Runs a job on a detached view once there is a permit. Dropping the future abandons it.
async fn detach<const N: usize, T: Send + 'static, F>(
    store: &Store,
    descriptors: [&Resource<Descriptor>; N],
    job: impl FnOnce(DetachedView, [Resource<Descriptor>; N]) -> F,
) -> FilesystemResult<T>
where
    F: Future<Output = FsResult<T>> + Send + 'static,
{
    let (working, job) = store
        .with(|mut store| {
            let scratch = store.get();
            let (detached, moved) = DetachedView::of(&scratch, descriptors)?;
            wasmtime::error::Ok((Arc::clone(&scratch.state.working), job(detached, moved)))
        })
        .map_err(FilesystemError::trap)?;
    let _permits = permits(working).await.map_err(FilesystemError::trap)?;
    spawn(job).await.map_err(error)
}

/// The entries of a folder, all of them: what a listing may cost is bounded by the books.
async fn list(
    mut detached: DetachedView,
    folder: Resource<Descriptor>,
) -> wasmtime::Result<Listed> {
    let listed: FsResult<_> = async {
        let mut view = detached.view();
        let stream = view.read_directory(folder).await?;
        let mut entries = Vec::new();
        while let Some(entry) = view.read_directory_entry(borrow(&stream)).await? {
            entries.push(DirectoryEntry {
                type_: descriptor_type(entry.type_),
                name: entry.name,
            });
        }
        let listing = view
            .state
            .listings
            .remove(&stream.rep())
            .ok_or(v2::ErrorCode::BadDescriptor)?;
        Ok((entries, listing))
    }
    .await;
    match listed {
        Ok(listed) => Ok(Ok(listed)),
        Err(error) => error.downcast().map(|refused| Err(code(refused))),
    }
}

fn write(
    mut store: Access<'_, HostState, ScratchFilesystem>,
    file: &Resource<Descriptor>,
    mut data: StreamReader<u8>,
    place: Place,
) -> wasmtime::Result<Completion> {
    let (mut ending, ended) = Ending::new();
    let mut scratch = store.get();
    match scratch.writable(file) {
        Ok((file, open)) => {
            let writing = Writing {
                ledger: scratch.state.ledger.clone(),
                file,
                open,
                permits: Arc::clone(&scratch.state.working),
                place,
                ending,
                portion: None,
            };
            data.pipe(&mut store, writing)?;
        }
        Err(error) => {
            ending.send(Err(code(error.downcast()?)));
            data.close(&mut store)?;
        }
    }
    FutureReader::new(&mut store, ended)
}

impl types::Host for ScratchView<'_> {
    fn convert_error_code(&mut self, error: FilesystemError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }
}

impl types::HostDescriptor for ScratchView<'_> {
    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        v2::HostDescriptor::drop(self, descriptor)
    }
}

impl preopens::Host for ScratchView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        wasmtime_wasi::p2::bindings::filesystem::preopens::Host::get_directories(self)
    }
}

impl HostDescriptorWithStore<HostState> for ScratchFilesystem {
    fn read_via_stream(
        mut store: Access<'_, HostState, Self>,
        file: Resource<Descriptor>,
        offset: Filesize,
    ) -> wasmtime::Result<(StreamReader<u8>, Completion)> {
        let (mut ending, ended) = Ending::new();
        let scratch = store.get();
        let stream = match scratch.table.get(&file)? {
            Descriptor::File(inner) => {
                let reading = Reading {
                    file: Arc::clone(&inner.file),
                    _open: scratch.state.open.get(&file.rep()).cloned(),
                    permits: Arc::clone(&scratch.state.working),
                    offset,
                    ending,
                    portion: None,
                };
                StreamReader::new(&mut store, reading)?
            }
            Descriptor::Dir(_) => {
                ending.send(Err(ErrorCode::IsDirectory));
                StreamReader::new(&mut store, iter::empty())?
            }
        };
        Ok((stream, FutureReader::new(&mut store, ended)?))
    }

    fn write_via_stream(
        store: Access<'_, HostState, Self>,
        file: Resource<Descriptor>,
        data: StreamReader<u8>,
        offset: Filesize,
    ) -> wasmtime::Result<Completion> {
        write(store, &file, data, Place::At(offset))
    }

    fn append_via_stream(
        store: Access<'_, HostState, Self>,
        file: Resource<Descriptor>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<Completion> {
        write(store, &file, data, Place::End)
    }

    fn read_directory(
        mut store: Access<'_, HostState, Self>,
        folder: Resource<Descriptor>,
    ) -> wasmtime::Result<(StreamReader<DirectoryEntry>, Completion)> {
        let (ending, ended) = Ending::new();
        let scratch = store.get();
        let (detached, [folder]) = DetachedView::of(&scratch, [&folder])?;
        let working = Arc::clone(&scratch.state.working);
        let looking = spawn(async move {
            let _permits = permits(working).await?;
            list(detached, folder).await
        });
        Ok((
            StreamReader::new(&mut store, Entries::new(looking, ending))?,
            FutureReader::new(&mut store, ended)?,
        ))
    }

    async fn open_at(
        store: &Store,
        folder: Resource<Descriptor>,
        follow: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FilesystemResult<Resource<Descriptor>> {
        let held: HeldDescriptor = detach(store, [&folder], |mut detached, [folder]| async move {
            let (follow, how) = (path_flags(follow), open_flags(how));
            let flags = descriptor_flags(flags);
            let opened = detached
                .view()
                .open_at(folder, follow, path, how, flags)
                .await?;
            let open = detached.state.open.remove(&opened.rep());
            Ok((detached.table.delete(opened)?, open))
        })
        .await?;
        store
            .with(|mut store| insert_descriptor(&mut store.get(), held))
            .map_err(FilesystemError::trap)
    }

    async fn set_size(
        store: &Store,
        file: Resource<Descriptor>,
        size: Filesize,
    ) -> FilesystemResult<()> {
        detach(store, [&file], |mut detached, [file]| async move {
            detached.view().set_size(file, size).await
        })
        .await
    }

    async fn create_directory_at(
        store: &Store,
        folder: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        detach(store, [&folder], |mut detached, [folder]| async move {
            detached.view().create_directory_at(folder, path).await
        })
        .await
    }

    async fn link_at(
        store: &Store,
        old_folder: Resource<Descriptor>,
        old_flags: PathFlags,
        old_path: String,
        new_folder: Resource<Descriptor>,
        new_path: String,
    ) -> FilesystemResult<()> {
        let flags = path_flags(old_flags);
        detach(
            store,
            [&old_folder, &new_folder],
            |mut detached, [old, new]| async move {
                let mut view = detached.view();
                view.link_at(old, flags, old_path, new, new_path).await
            },
        )
        .await
    }

    async fn symlink_at(
        store: &Store,
        folder: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FilesystemResult<()> {
        detach(store, [&folder], |mut detached, [folder]| async move {
            detached.view().symlink_at(folder, target, path).await
        })
        .await
    }

    async fn rename_at(
        store: &Store,
        old_folder: Resource<Descriptor>,
        old_path: String,
        new_folder: Resource<Descriptor>,
        new_path: String,
    ) -> FilesystemResult<()> {
        detach(
            store,
            [&old_folder, &new_folder],
            |mut detached, [old, new]| async move {
                detached
                    .view()
                    .rename_at(old, old_path, new, new_path)
                    .await
            },
        )
        .await
    }

    async fn unlink_file_at(
        store: &Store,
        folder: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        detach(store, [&folder], |mut detached, [folder]| async move {
            detached.view().unlink_file_at(folder, path).await
        })
        .await
    }

    async fn remove_directory_at(
        store: &Store,
        folder: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<()> {
        detach(store, [&folder], |mut detached, [folder]| async move {
            detached.view().remove_directory_at(folder, path).await
        })
        .await
    }

    async fn advise(
        store: &Store,
        file: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FilesystemResult<()> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::advise(&inner, file, offset, length, advice).await
    }

    async fn sync_data(store: &Store, file: Resource<Descriptor>) -> FilesystemResult<()> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::sync_data(&inner, file).await
    }

    async fn sync(store: &Store, file: Resource<Descriptor>) -> FilesystemResult<()> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::sync(&inner, file).await
    }

    async fn get_flags(
        store: &Store,
        file: Resource<Descriptor>,
    ) -> FilesystemResult<DescriptorFlags> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::get_flags(&inner, file).await
    }

    async fn get_type(
        store: &Store,
        file: Resource<Descriptor>,
    ) -> FilesystemResult<DescriptorType> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::get_type(&inner, file).await
    }

    async fn set_times(
        store: &Store,
        file: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FilesystemResult<()> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::set_times(&inner, file, accessed, modified).await
    }

    async fn set_times_at(
        store: &Store,
        folder: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FilesystemResult<()> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::set_times_at(&inner, folder, flags, path, accessed, modified).await
    }

    async fn stat(store: &Store, file: Resource<Descriptor>) -> FilesystemResult<DescriptorStat> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::stat(&inner, file).await
    }

    async fn stat_at(
        store: &Store,
        folder: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FilesystemResult<DescriptorStat> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::stat_at(&inner, folder, flags, path).await
    }

    async fn readlink_at(
        store: &Store,
        folder: Resource<Descriptor>,
        path: String,
    ) -> FilesystemResult<String> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::readlink_at(&inner, folder, path).await
    }

    async fn is_same_object(
        store: &Store,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        let (inner, _permits) = looking(store).await?;
        WasiFilesystem::is_same_object(&inner, one, other).await
    }

    async fn metadata_hash(
        store: &Store,
        file: Resource<Descriptor>,
    ) -> FilesystemResult<MetadataHashValue> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::metadata_hash(&inner, file).await
    }

    async fn metadata_hash_at(
        store: &Store,
        folder: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FilesystemResult<MetadataHashValue> {
        let (inner, _permits) = looking(store).await.map_err(FilesystemError::trap)?;
        WasiFilesystem::metadata_hash_at(&inner, folder, flags, path).await
    }
}
