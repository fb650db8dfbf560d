//! `wasi:filesystem` 0.2 over the scratch folder, with the quota held.
//!
//! wasmtime-wasi does the work and confines paths: they are resolved beneath
//! the folder handle that the guest names, so `..`, absolute paths and symbolic
//! links never lead out. This module wraps it wherever something grows:
//! lengths, names, handles, directory listings. All writes go through the ledger.
//! An operation that looks at a name and then changes one locks the names, since a
//! guest of WASI 0.3 may have several calls in progress (`concurrent`).
//!
//! One file of more than 500 lines: it implements one interface, `wasi:filesystem/types`.

use super::{
    ScratchState,
    ledger::{Breach, FileKey, MAX_LISTED, OpenFile},
    links,
    stream::{CountedInput, CountedOutput},
};
use std::{io, sync::Arc};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemCtxView},
    p2::{
        DynInputStream, DynOutputStream, FsError, FsResult,
        bindings::filesystem::{
            preopens,
            types::{
                self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
                DirectoryEntryStream, ErrorCode, Filesize, HostDescriptor as _, MetadataHashValue,
                NewTimestamp, OpenFlags, PathFlags,
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
    pub(crate) state: &'a mut ScratchState,
    pub(crate) table: &'a mut ResourceTable,
}

/// Offers `wasi:filesystem/types` and `preopens`.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> ScratchView<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, ScratchFilesystem>(linker, view)?;
    preopens::add_to_linker::<T, ScratchFilesystem>(linker, view)
}

/// What is at a path.
struct Found {
    key: FileKey,
    stat: DescriptorStat,
}

impl Found {
    /// The length of a file that would be gone with this name.
    fn last_name_of(&self) -> Option<u64> {
        let is_last =
            matches!(self.stat.type_, DescriptorType::RegularFile) && self.stat.link_count <= 1;
        is_last.then_some(self.stat.size)
    }
}

pub(super) fn borrow<T: 'static>(resource: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(resource.rep())
}

fn refused(breach: Breach) -> FsError {
    match breach {
        Breach::Bytes { .. } | Breach::Entries { .. } => ErrorCode::InsufficientSpace.into(),
        // WASI 0.2 has no code for too many open files.
        Breach::Handles { .. } | Breach::Listings { .. } => ErrorCode::InsufficientMemory.into(),
    }
}

impl ScratchView<'_> {
    fn inner(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView {
            ctx: &mut self.state.wasi,
            table: self.table,
        }
    }

    /// What is at a path, without following a link; `None` if nothing can be seen.
    async fn find(&mut self, folder: &Resource<Descriptor>, path: &str) -> Option<Found> {
        let none = PathFlags::empty();
        let stat = self
            .inner()
            .stat_at(borrow(folder), none, path.into())
            .await
            .ok()?;
        let hash = self
            .inner()
            .metadata_hash_at(borrow(folder), none, path.into())
            .await
            .ok()?;
        Some(Found {
            key: hash.lower,
            stat,
        })
    }

    /// Settles the books after a name is gone.
    fn forget(&self, found: &Found) {
        self.state.ledger.remove_entry();
        if let Some(length) = found.last_name_of() {
            self.state.ledger.unlinked(found.key, length);
        }
    }

    /// An open file of the scratch folder for writing, with its place in the books.
    pub(super) fn writable(
        &mut self,
        file: &Resource<Descriptor>,
    ) -> FsResult<(Arc<std::fs::File>, Arc<OpenFile>)> {
        let Descriptor::File(inner) = self.table.get(file)? else {
            return Err(ErrorCode::BadDescriptor.into());
        };
        if inner.perms.write_not_permitted() {
            return Err(ErrorCode::NotPermitted.into());
        }
        let open = self
            .state
            .open
            .get(&file.rep())
            .ok_or(ErrorCode::BadDescriptor)?;
        Ok((Arc::clone(&inner.file), Arc::clone(open)))
    }

    /// Adds a stream to the table that counts its file as open.
    fn push_counted(
        &mut self,
        file: &Resource<Descriptor>,
        stream: Resource<DynInputStream>,
    ) -> FsResult<Resource<DynInputStream>> {
        let Some(open) = self.state.open.get(&file.rep()).map(Arc::clone) else {
            return Ok(stream);
        };
        let inner = self.table.delete(stream)?;
        let counted: DynInputStream = Box::new(CountedInput::new(inner, open));
        Ok(self.table.push(counted)?)
    }
}

impl types::Host for ScratchView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.inner().convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.inner().filesystem_error_code(error)
    }
}

impl preopens::Host for ScratchView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let mut folders = Vec::new();
        for (folder, name) in self.state.preopens()? {
            folders.push((self.table.push(Descriptor::Dir(folder))?, name));
        }
        Ok(folders)
    }
}

impl types::HostDescriptor for ScratchView<'_> {
    async fn write(
        &mut self,
        file: Resource<Descriptor>,
        buffer: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        let (file, open) = self.writable(&file)?;
        let ledger = self.state.ledger.clone();
        let written = spawn_blocking(move || {
            ledger.write(open.key(), &file, super::ledger::Place::At(offset), &buffer)
        })
        .await?;
        Ok(written as Filesize)
    }

    async fn set_size(&mut self, file: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        let (file, open) = self.writable(&file)?;
        let ledger = self.state.ledger.clone();
        spawn_blocking(move || ledger.set_len(open.key(), &file, size)).await?;
        Ok(())
    }

    fn write_via_stream(
        &mut self,
        file: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let (file, open) = self.writable(&file)?;
        let ledger = self.state.ledger.clone();
        let stream: DynOutputStream = Box::new(CountedOutput::at(ledger, file, open, offset));
        Ok(self.table.push(stream)?)
    }

    fn append_via_stream(
        &mut self,
        file: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let (file, open) = self.writable(&file)?;
        let ledger = self.state.ledger.clone();
        let stream: DynOutputStream = Box::new(CountedOutput::append(ledger, file, open));
        Ok(self.table.push(stream)?)
    }

    fn read_via_stream(
        &mut self,
        file: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        let stream = self.inner().read_via_stream(borrow(&file), offset)?;
        self.push_counted(&file, stream)
    }

    async fn open_at(
        &mut self,
        folder: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        mut flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let _names = Arc::clone(&self.state.names).lock_owned().await;
        self.state.ledger.room_for_handle().map_err(refused)?;
        let may_create = open_flags.contains(OpenFlags::CREATE);
        // An existing file is cut below, where its length is counted.
        let cuts =
            open_flags.contains(OpenFlags::TRUNCATE) && !open_flags.contains(OpenFlags::DIRECTORY);
        let mut inner_flags = open_flags;
        if cuts {
            inner_flags &= !OpenFlags::TRUNCATE;
            if !flags.contains(DescriptorFlags::WRITE) {
                flags |= DescriptorFlags::READ | DescriptorFlags::WRITE;
            }
        }
        let creates = may_create
            && self
                .inner()
                .stat_at(borrow(&folder), path_flags, path.clone())
                .await
                .is_err();
        if creates {
            self.state.ledger.add_entry().map_err(refused)?;
        }
        let opened = self
            .inner()
            .open_at(folder, path_flags, path, inner_flags, flags)
            .await;
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                if creates {
                    self.state.ledger.remove_entry();
                }
                return Err(error);
            }
        };
        let hash = self.inner().metadata_hash(borrow(&opened)).await?;
        let open = Arc::new(self.state.ledger.opened(hash.lower));
        self.state.open.insert(opened.rep(), open);
        if cuts && matches!(self.table.get(&opened)?, Descriptor::File(_)) {
            self.set_size(borrow(&opened), 0).await?;
        }
        Ok(opened)
    }

    fn drop(&mut self, file: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.state.open.remove(&file.rep());
        types::HostDescriptor::drop(&mut self.inner(), file)
    }

    async fn create_directory_at(
        &mut self,
        folder: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        self.state.ledger.add_entry().map_err(refused)?;
        let made = self.inner().create_directory_at(folder, path).await;
        if made.is_err() {
            self.state.ledger.remove_entry();
        }
        made
    }

    async fn link_at(
        &mut self,
        old_folder: Resource<Descriptor>,
        old_path_flags: PathFlags,
        old_path: String,
        new_folder: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let _names = Arc::clone(&self.state.names).lock_owned().await;
        self.state.ledger.add_entry().map_err(refused)?;
        let mut inner = self.inner();
        let made = inner
            .link_at(old_folder, old_path_flags, old_path, new_folder, new_path)
            .await;
        if made.is_err() {
            self.state.ledger.remove_entry();
        }
        made
    }

    async fn symlink_at(
        &mut self,
        folder: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> FsResult<()> {
        if !links::stays_inside(&target, &path) {
            return Err(ErrorCode::NotPermitted.into());
        }
        self.state.ledger.add_entry().map_err(refused)?;
        let made = self.inner().symlink_at(folder, target, path).await;
        if made.is_err() {
            self.state.ledger.remove_entry();
        }
        made
    }

    async fn rename_at(
        &mut self,
        old_folder: Resource<Descriptor>,
        old_path: String,
        new_folder: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let _names = Arc::clone(&self.state.names).lock_owned().await;
        let moved = self.find(&old_folder, &old_path).await;
        let replaced = self.find(&new_folder, &new_path).await;
        self.inner()
            .rename_at(old_folder, old_path, new_folder, new_path)
            .await?;
        if let (Some(moved), Some(replaced)) = (moved, replaced)
            // Two names of one file: nothing is moved and nothing is lost.
            && moved.key != replaced.key
        {
            self.forget(&replaced);
        }
        Ok(())
    }

    async fn unlink_file_at(&mut self, folder: Resource<Descriptor>, path: String) -> FsResult<()> {
        let _names = Arc::clone(&self.state.names).lock_owned().await;
        let found = self.find(&folder, &path).await;
        self.inner().unlink_file_at(folder, path).await?;
        if let Some(found) = found {
            self.forget(&found);
        }
        Ok(())
    }

    async fn remove_directory_at(
        &mut self,
        folder: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        self.inner().remove_directory_at(folder, path).await?;
        self.state.ledger.remove_entry();
        Ok(())
    }

    async fn read_directory(
        &mut self,
        folder: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        let Descriptor::Dir(inner) = self.table.get(&folder)? else {
            return Err(ErrorCode::NotDirectory.into());
        };
        let handle = Arc::clone(&inner.dir);
        let entries = spawn_blocking(move || count_entries(&handle)).await?;
        let listing = self.state.ledger.list(entries).map_err(refused)?;
        let stream = self.inner().read_directory(folder).await?;
        self.state.listings.insert(stream.rep(), listing);
        Ok(stream)
    }

    async fn read(
        &mut self,
        file: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.inner().read(file, length, offset).await
    }

    async fn advise(
        &mut self,
        file: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.inner().advise(file, offset, length, advice).await
    }

    async fn sync_data(&mut self, file: Resource<Descriptor>) -> FsResult<()> {
        self.inner().sync_data(file).await
    }

    async fn sync(&mut self, file: Resource<Descriptor>) -> FsResult<()> {
        self.inner().sync(file).await
    }

    async fn get_flags(&mut self, file: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.inner().get_flags(file).await
    }

    async fn get_type(&mut self, file: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.inner().get_type(file).await
    }

    async fn set_times(
        &mut self,
        file: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.inner().set_times(file, accessed, modified).await
    }

    async fn set_times_at(
        &mut self,
        folder: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.inner()
            .set_times_at(folder, path_flags, path, accessed, modified)
            .await
    }

    async fn stat(&mut self, file: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.inner().stat(file).await
    }

    async fn stat_at(
        &mut self,
        folder: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        self.inner().stat_at(folder, path_flags, path).await
    }

    async fn readlink_at(
        &mut self,
        folder: Resource<Descriptor>,
        path: String,
    ) -> FsResult<String> {
        self.inner().readlink_at(folder, path).await
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.inner().is_same_object(one, other).await
    }

    async fn metadata_hash(&mut self, file: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.inner().metadata_hash(file).await
    }

    async fn metadata_hash_at(
        &mut self,
        folder: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.inner()
            .metadata_hash_at(folder, path_flags, path)
            .await
    }
}

impl types::HostDirectoryEntryStream for ScratchView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.inner().read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.state.listings.remove(&stream.rep());
        types::HostDirectoryEntryStream::drop(&mut self.inner(), stream)
    }
}

/// How many entries a folder has; stops counting where no listing may go. Blocks.
fn count_entries(folder: &std::fs::File) -> io::Result<u64> {
    let mut entries = 0;
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            entries += 1;
        }
        if entries > MAX_LISTED {
            break;
        }
    }
    Ok(entries)
}
