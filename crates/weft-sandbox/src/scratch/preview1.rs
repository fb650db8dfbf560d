//! WASI 0.1 (`wasi_snapshot_preview1`) over the scratch folder, with the quota held.
//!
//! wasmtime-wasi's own implementation does the work; this one wraps it
//! wherever something grows. Its calls end before the guest goes on, so the
//! length of every open file is known here, and a write needs no look at the
//! disk. What it does not do: sockets (there are none) and threads.
//!
//! One file of more than 500 lines: it implements one interface, `wasi_snapshot_preview1`.

use super::{
    ledger::{Breach, FileKey, Ledger, OpenFile},
    links,
};
use std::collections::HashMap;
use wasmtime::Linker;
use wasmtime_wasi::{
    I32Exit, WasiView as _,
    p1::{
        WasiP1Ctx, types,
        types::{Errno, Error},
        wasi_snapshot_preview1::{self, WasiSnapshotPreview1},
    },
};
use wiggle::{GuestMemory, GuestPtr};

/// The most buffers one write may gather from (the usual `IOV_MAX` of POSIX).
const MAX_BUFFERS: u32 = 1024;

/// Resources that wasmtime-wasi needs beside the guest's open files: the standard
/// streams, and those that live as long as one call.
const SPARE_RESOURCES: usize = 64;

/// What the functions of `wasi_snapshot_preview1` work on.
pub(crate) struct Preview1 {
    inner: WasiP1Ctx,
    ledger: Ledger,
    files: HashMap<u32, OpenDescriptor>,
    /// Lengths of open files, one figure for all handles of a file.
    lengths: HashMap<FileKey, u64>,
}

/// A file or folder that the guest opened itself.
struct OpenDescriptor {
    open: OpenFile,
    appends: bool,
    is_file: bool,
}

/// What is at a path.
struct Found {
    key: FileKey,
    stat: types::Filestat,
}

impl Preview1 {
    /// `handles` is the most files that may be open at once.
    pub(crate) fn new(mut inner: WasiP1Ctx, ledger: Ledger, handles: u64) -> Self {
        inner.ctx().table.set_max_capacity(
            usize::try_from(handles)
                .unwrap_or(usize::MAX)
                .saturating_add(SPARE_RESOURCES),
        );
        Self {
            inner,
            ledger,
            files: HashMap::new(),
            lengths: HashMap::new(),
        }
    }

    async fn find(
        &mut self,
        memory: &mut GuestMemory<'_>,
        folder: types::Fd,
        path: GuestPtr<str>,
        flags: types::Lookupflags,
    ) -> Option<Found> {
        let stat = self
            .inner
            .path_filestat_get(memory, folder, flags, path)
            .await
            .ok()?;
        Some(Found {
            key: stat.ino,
            stat,
        })
    }

    /// Settles the books after a name is gone.
    fn forget(&self, found: &Found) {
        self.ledger.remove_entry();
        if matches!(found.stat.filetype, types::Filetype::RegularFile) && found.stat.nlink <= 1 {
            self.ledger.unlinked(found.key, found.stat.size);
        }
    }

    /// Counts what a write will grow a file by, and answers with the file, its length
    /// and where the write starts; `None` where nothing of the scratch folder is written.
    fn reserve(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        buffers: types::CiovecArray,
        offset: Option<u64>,
    ) -> Result<Option<Reserved>, Error> {
        let Some(file) = self.files.get(&u32::from(fd)).filter(|file| file.is_file) else {
            return Ok(None);
        };
        let (key, appends) = (file.open.key(), file.appends);
        let bytes = first_buffer(memory, buffers)?;
        if bytes == 0 {
            return Ok(None);
        }
        let old = self.lengths.get(&key).copied().unwrap_or(0);
        let start = match offset {
            _ if appends => old,
            Some(offset) => offset,
            None => self.inner.fd_tell(memory, fd)?,
        };
        let wanted = start
            .checked_add(u64::from(bytes))
            .ok_or(Errno::Fbig)?
            .max(old);
        self.ledger.resize(key, old, wanted).map_err(refused)?;
        Ok(Some(Reserved {
            key,
            old,
            start,
            wanted,
        }))
    }

    /// Replaces what was reserved by what was written.
    fn settle(&mut self, reserved: Option<&Reserved>, written: u64) {
        let Some(&Reserved {
            key,
            old,
            start,
            wanted,
        }) = reserved
        else {
            return;
        };
        let actual = start.saturating_add(written).max(old);
        let actual = if written == 0 { old } else { actual };
        self.ledger
            .resize(key, wanted, actual)
            .expect("no more was written than was reserved");
        self.lengths.insert(key, actual);
    }

    fn closed(&mut self, fd: u32) {
        let Some(descriptor) = self.files.remove(&fd) else {
            return;
        };
        let key = descriptor.open.key();
        drop(descriptor);
        if !self.files.values().any(|other| other.open.key() == key) {
            self.lengths.remove(&key);
        }
    }
}

struct Reserved {
    key: FileKey,
    old: u64,
    start: u64,
    wanted: u64,
}

fn refused(breach: Breach) -> Error {
    match breach {
        Breach::Bytes { .. } | Breach::Entries { .. } => Errno::Nospc.into(),
        Breach::Handles { .. } => Errno::Mfile.into(),
        Breach::Listings { .. } => Errno::Nomem.into(),
    }
}

/// The length of the buffer that wasmtime-wasi will write: the first that isn't empty.
fn first_buffer(memory: &GuestMemory<'_>, buffers: types::CiovecArray) -> Result<u32, Error> {
    if buffers.len() > MAX_BUFFERS {
        return Err(Errno::Inval.into());
    }
    for buffer in buffers.iter() {
        let buffer = memory.read(buffer?)?;
        if buffer.buf_len != 0 {
            return Ok(buffer.buf_len);
        }
    }
    Ok(0)
}

/// Offers `wasi_snapshot_preview1`.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    state: impl Fn(&mut T) -> &mut Preview1 + Copy + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    wasi_snapshot_preview1::add_to_linker(linker, state)
}

/// Functions that change nothing that is counted: `later` for those that may wait.
macro_rules! pass_on {
    ($($kind:ident $name:ident($($arg:ident: $ty:ty),*) -> $ok:ty;)*) => {
        $(pass_on!(@$kind $name($($arg: $ty),*) -> $ok);)*
    };
    (@now $name:ident($($arg:ident: $ty:ty),*) -> $ok:ty) => {
        fn $name(&mut self, memory: &mut GuestMemory<'_>, $($arg: $ty),*) -> Result<$ok, Error> {
            self.inner.$name(memory, $($arg),*)
        }
    };
    (@later $name:ident($($arg:ident: $ty:ty),*) -> $ok:ty) => {
        async fn $name(
            &mut self,
            memory: &mut GuestMemory<'_>,
            $($arg: $ty),*
        ) -> Result<$ok, Error> {
            self.inner.$name(memory, $($arg),*).await
        }
    };
}

impl WasiSnapshotPreview1 for Preview1 {
    fn set_hostcall_fuel(&mut self, fuel: usize) {
        self.inner.set_hostcall_fuel(fuel);
    }

    fn args_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        argv: GuestPtr<GuestPtr<u8>>,
        argv_buf: GuestPtr<u8>,
    ) -> Result<(), Error> {
        self.inner.args_get(memory, argv, argv_buf)
    }

    async fn fd_close(&mut self, memory: &mut GuestMemory<'_>, fd: types::Fd) -> Result<(), Error> {
        self.closed(fd.into());
        self.inner.fd_close(memory, fd).await
    }

    fn fd_fdstat_set_flags(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        flags: types::Fdflags,
    ) -> Result<(), Error> {
        self.inner.fd_fdstat_set_flags(memory, fd, flags)?;
        if let Some(descriptor) = self.files.get_mut(&u32::from(fd)) {
            descriptor.appends = flags.contains(types::Fdflags::APPEND);
        }
        Ok(())
    }

    async fn fd_filestat_set_size(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        size: types::Filesize,
    ) -> Result<(), Error> {
        let Some(key) = self.files.get(&u32::from(fd)).map(|file| file.open.key()) else {
            return self.inner.fd_filestat_set_size(memory, fd, size).await;
        };
        let old = self.lengths.get(&key).copied().unwrap_or(0);
        self.ledger.resize(key, old, size).map_err(refused)?;
        let done = self.inner.fd_filestat_set_size(memory, fd, size).await;
        if done.is_ok() {
            self.lengths.insert(key, size);
        } else {
            self.ledger.resize(key, size, old).map_err(refused)?;
        }
        done
    }

    async fn fd_write(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        ciovs: types::CiovecArray,
    ) -> Result<types::Size, Error> {
        let reserved = self.reserve(memory, fd, ciovs, None)?;
        let written = self.inner.fd_write(memory, fd, ciovs).await;
        self.settle(
            reserved.as_ref(),
            u64::from(*written.as_ref().unwrap_or(&0)),
        );
        written
    }

    async fn fd_pwrite(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        ciovs: types::CiovecArray,
        offset: types::Filesize,
    ) -> Result<types::Size, Error> {
        let reserved = self.reserve(memory, fd, ciovs, Some(offset))?;
        let written = self.inner.fd_pwrite(memory, fd, ciovs, offset).await;
        self.settle(
            reserved.as_ref(),
            u64::from(*written.as_ref().unwrap_or(&0)),
        );
        written
    }

    async fn fd_renumber(
        &mut self,
        memory: &mut GuestMemory<'_>,
        from_fd: types::Fd,
        to_fd: types::Fd,
    ) -> Result<(), Error> {
        self.inner.fd_renumber(memory, from_fd, to_fd).await?;
        let (from, to) = (u32::from(from_fd), u32::from(to_fd));
        if from != to {
            self.closed(to);
            if let Some(descriptor) = self.files.remove(&from) {
                self.files.insert(to, descriptor);
            }
        }
        Ok(())
    }

    async fn fd_readdir(
        &mut self,
        memory: &mut GuestMemory<'_>,
        fd: types::Fd,
        buf: GuestPtr<u8>,
        buf_len: types::Size,
        cookie: types::Dircookie,
    ) -> Result<types::Size, Error> {
        // A folder holds at most what the whole scratch folder does, and is read in one go.
        let _listing = self.ledger.list(self.ledger.entries()).map_err(refused)?;
        self.inner
            .fd_readdir(memory, fd, buf, buf_len, cookie)
            .await
    }

    async fn path_create_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        path: GuestPtr<str>,
    ) -> Result<(), Error> {
        self.ledger.add_entry().map_err(refused)?;
        let made = self.inner.path_create_directory(memory, dirfd, path).await;
        if made.is_err() {
            self.ledger.remove_entry();
        }
        made
    }

    async fn path_link(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_fd: types::Fd,
        src_flags: types::Lookupflags,
        src_path: GuestPtr<str>,
        target_fd: types::Fd,
        target_path: GuestPtr<str>,
    ) -> Result<(), Error> {
        self.ledger.add_entry().map_err(refused)?;
        let made = self
            .inner
            .path_link(memory, src_fd, src_flags, src_path, target_fd, target_path)
            .await;
        if made.is_err() {
            self.ledger.remove_entry();
        }
        made
    }

    async fn path_open(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        dirflags: types::Lookupflags,
        path: GuestPtr<str>,
        oflags: types::Oflags,
        fs_rights_base: types::Rights,
        fs_rights_inheriting: types::Rights,
        fdflags: types::Fdflags,
    ) -> Result<types::Fd, Error> {
        self.ledger.room_for_handle().map_err(refused)?;
        let before = self.find(memory, dirfd, path, dirflags).await;
        let creates = oflags.contains(types::Oflags::CREAT) && before.is_none();
        if creates {
            self.ledger.add_entry().map_err(refused)?;
        }
        let opened = self
            .inner
            .path_open(
                memory,
                dirfd,
                dirflags,
                path,
                oflags,
                fs_rights_base,
                fs_rights_inheriting,
                fdflags,
            )
            .await;
        let fd = match opened {
            Ok(fd) => fd,
            Err(error) => {
                if creates {
                    self.ledger.remove_entry();
                }
                return Err(error);
            }
        };
        let stat = self.inner.fd_filestat_get(memory, fd).await?;
        let is_file = matches!(stat.filetype, types::Filetype::RegularFile);
        let open = self.ledger.opened(stat.ino);
        if is_file {
            if let Some(before) = before
                && oflags.contains(types::Oflags::TRUNC)
            {
                let old = self
                    .lengths
                    .get(&stat.ino)
                    .copied()
                    .unwrap_or(before.stat.size);
                self.ledger
                    .resize(stat.ino, old, stat.size)
                    .map_err(refused)?;
            }
            self.lengths.insert(stat.ino, stat.size);
        }
        let appends = fdflags.contains(types::Fdflags::APPEND);
        self.files.insert(
            fd.into(),
            OpenDescriptor {
                open,
                appends,
                is_file,
            },
        );
        Ok(fd)
    }

    async fn path_remove_directory(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        path: GuestPtr<str>,
    ) -> Result<(), Error> {
        self.inner
            .path_remove_directory(memory, dirfd, path)
            .await?;
        self.ledger.remove_entry();
        Ok(())
    }

    async fn path_rename(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_fd: types::Fd,
        src_path: GuestPtr<str>,
        dest_fd: types::Fd,
        dest_path: GuestPtr<str>,
    ) -> Result<(), Error> {
        let none = types::Lookupflags::empty();
        let moved = self.find(memory, src_fd, src_path, none).await;
        let replaced = self.find(memory, dest_fd, dest_path, none).await;
        self.inner
            .path_rename(memory, src_fd, src_path, dest_fd, dest_path)
            .await?;
        if let (Some(moved), Some(replaced)) = (moved, replaced)
            // Two names of one file: nothing is moved and nothing is lost.
            && moved.key != replaced.key
        {
            self.forget(&replaced);
        }
        Ok(())
    }

    async fn path_symlink(
        &mut self,
        memory: &mut GuestMemory<'_>,
        src_path: GuestPtr<str>,
        dirfd: types::Fd,
        dest_path: GuestPtr<str>,
    ) -> Result<(), Error> {
        let (target, path) = (memory.as_cow_str(src_path)?, memory.as_cow_str(dest_path)?);
        if !links::stays_inside(&target, &path) {
            return Err(Errno::Perm.into());
        }
        drop((target, path));
        self.ledger.add_entry().map_err(refused)?;
        let made = self
            .inner
            .path_symlink(memory, src_path, dirfd, dest_path)
            .await;
        if made.is_err() {
            self.ledger.remove_entry();
        }
        made
    }

    async fn path_unlink_file(
        &mut self,
        memory: &mut GuestMemory<'_>,
        dirfd: types::Fd,
        path: GuestPtr<str>,
    ) -> Result<(), Error> {
        let found = self
            .find(memory, dirfd, path, types::Lookupflags::empty())
            .await;
        self.inner.path_unlink_file(memory, dirfd, path).await?;
        if let Some(found) = found {
            self.forget(&found);
        }
        Ok(())
    }

    fn proc_exit(
        &mut self,
        _memory: &mut GuestMemory<'_>,
        status: types::Exitcode,
    ) -> wasmtime::Error {
        // wasmtime-wasi refuses the codes from 126 on; here they count like any other.
        I32Exit(i32::try_from(status).unwrap_or(i32::MAX)).into()
    }

    pass_on! {
        now args_sizes_get() -> (types::Size, types::Size);
        now environ_get(environ: GuestPtr<GuestPtr<u8>>, environ_buf: GuestPtr<u8>) -> ();
        now environ_sizes_get() -> (types::Size, types::Size);
        now clock_res_get(id: types::Clockid) -> types::Timestamp;
        now clock_time_get(id: types::Clockid, precision: types::Timestamp) -> types::Timestamp;
        later fd_advise(fd: types::Fd, offset: types::Filesize, len: types::Filesize, advice: types::Advice) -> ();
        now fd_allocate(fd: types::Fd, offset: types::Filesize, len: types::Filesize) -> ();
        later fd_datasync(fd: types::Fd) -> ();
        later fd_fdstat_get(fd: types::Fd) -> types::Fdstat;
        now fd_fdstat_set_rights(fd: types::Fd, fs_rights_base: types::Rights, fs_rights_inheriting: types::Rights) -> ();
        later fd_filestat_get(fd: types::Fd) -> types::Filestat;
        later fd_filestat_set_times(fd: types::Fd, atim: types::Timestamp, mtim: types::Timestamp, fst_flags: types::Fstflags) -> ();
        later fd_read(fd: types::Fd, iovs: types::IovecArray) -> types::Size;
        later fd_pread(fd: types::Fd, iovs: types::IovecArray, offset: types::Filesize) -> types::Size;
        now fd_prestat_get(fd: types::Fd) -> types::Prestat;
        now fd_prestat_dir_name(fd: types::Fd, path: GuestPtr<u8>, path_max_len: types::Size) -> ();
        later fd_seek(fd: types::Fd, offset: types::Filedelta, whence: types::Whence) -> types::Filesize;
        later fd_sync(fd: types::Fd) -> ();
        now fd_tell(fd: types::Fd) -> types::Filesize;
        later path_filestat_get(dirfd: types::Fd, flags: types::Lookupflags, path: GuestPtr<str>) -> types::Filestat;
        later path_filestat_set_times(dirfd: types::Fd, flags: types::Lookupflags, path: GuestPtr<str>, atim: types::Timestamp, mtim: types::Timestamp, fst_flags: types::Fstflags) -> ();
        later path_readlink(dirfd: types::Fd, path: GuestPtr<str>, buf: GuestPtr<u8>, buf_len: types::Size) -> types::Size;
        later poll_oneoff(subs: GuestPtr<types::Subscription>, events: GuestPtr<types::Event>, nsubscriptions: types::Size) -> types::Size;
        now proc_raise(sig: types::Signal) -> ();
        now sched_yield() -> ();
        now random_get(buf: GuestPtr<u8>, buf_len: types::Size) -> ();
        now sock_accept(fd: types::Fd, flags: types::Fdflags) -> types::Fd;
        now sock_recv(fd: types::Fd, ri_data: types::IovecArray, ri_flags: types::Riflags) -> (types::Size, types::Roflags);
        now sock_send(fd: types::Fd, si_data: types::CiovecArray, si_flags: types::Siflags) -> types::Size;
        now sock_shutdown(fd: types::Fd, how: types::Sdflags) -> ();
    }
}
