//! The functions of `wasi:filesystem` as a component calls them, without one.

use super::{filesystem::ScratchView, *};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{
    filesystem::Descriptor,
    p2::{
        FsResult, Pollable as _,
        bindings::filesystem::{
            preopens::Host as _,
            types::{DescriptorFlags, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags},
        },
    },
};

/// An attempt's file system, seen from the guest.
struct Guest {
    state: ScratchState,
    table: ResourceTable,
    /// `/`, `/in`, `/out`.
    folders: Vec<u32>,
    _root: tempfile::TempDir,
}

impl Guest {
    fn new(limits: &Limits) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut state = ScratchState::new(root.path().join("attempts"), limits);
        state.prepare_program().unwrap();
        std::fs::write(state.folder().unwrap().input().join("given"), "given").unwrap();
        let mut guest = Self {
            state,
            table: ResourceTable::new(),
            folders: Vec::new(),
            _root: root,
        };
        let found = guest.view().get_directories().unwrap();
        assert_eq!(
            found
                .iter()
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>(),
            ["/", "/in", "/out"]
        );
        guest.folders = found.iter().map(|(folder, _)| folder.rep()).collect();
        guest
    }

    fn view(&mut self) -> ScratchView<'_> {
        ScratchView {
            state: &mut self.state,
            table: &mut self.table,
        }
    }

    fn folder(&self, index: usize) -> Resource<Descriptor> {
        Resource::new_borrow(self.folders[index])
    }

    async fn open(
        &mut self,
        folder: usize,
        path: &str,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let folder = self.folder(folder);
        self.view()
            .open_at(
                folder,
                PathFlags::SYMLINK_FOLLOW,
                path.into(),
                open_flags,
                flags,
            )
            .await
    }

    async fn create(&mut self, path: &str) -> FsResult<Resource<Descriptor>> {
        self.open(0, path, OpenFlags::CREATE, DescriptorFlags::WRITE)
            .await
    }

    async fn write(&mut self, file: &Resource<Descriptor>, bytes: usize, at: u64) -> FsResult<u64> {
        self.view().write(again(file), vec![1; bytes], at).await
    }
}

fn again(file: &Resource<Descriptor>) -> Resource<Descriptor> {
    Resource::new_borrow(file.rep())
}

fn code<T>(result: FsResult<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.downcast().unwrap())
}

fn limits() -> Limits {
    Limits {
        scratch_bytes: 1000,
        scratch_files: 10,
        handles: 10,
        ..Limits::DEFAULT
    }
}

#[tokio::test]
async fn nothing_grows_beyond_the_quota() {
    let mut guest = Guest::new(&limits());
    let file = guest.create("file").await.unwrap();
    assert_eq!(guest.write(&file, 600, 0).await.unwrap(), 600);
    assert_eq!(
        code(guest.write(&file, 600, 500).await),
        Some(ErrorCode::InsufficientSpace)
    );
    // A hole costs what it spans.
    assert_eq!(
        code(guest.write(&file, 1, 1000).await),
        Some(ErrorCode::InsufficientSpace)
    );
    let larger = guest.view().set_size(again(&file), 1001).await;
    assert_eq!(code(larger), Some(ErrorCode::InsufficientSpace));
    guest.view().set_size(again(&file), 10).await.unwrap();
    assert_eq!(guest.state.ledger.bytes(), 10);
    assert_eq!(guest.write(&file, 900, 100).await.unwrap(), 900);
    let (kind, message) = guest.state.failure().unwrap();
    assert_eq!(kind, FailureKind::ScratchLimit);
    assert!(
        message.contains("1000B") && message.contains("limits.scratch"),
        "{message}"
    );
}

#[tokio::test]
async fn streams_count_too_and_report_what_did_not_fit() {
    let mut guest = Guest::new(&limits());
    let file = guest.create("file").await.unwrap();
    for (append, bytes, fits) in [(false, 400, true), (true, 400, true), (true, 400, false)] {
        let stream = if append {
            guest.view().append_via_stream(again(&file)).unwrap()
        } else {
            guest.view().write_via_stream(again(&file), 0).unwrap()
        };
        let mut stream = guest.table.delete(stream).unwrap();
        assert!(stream.check_write().unwrap() >= bytes);
        stream.write(vec![1; bytes].into()).unwrap();
        stream.ready().await;
        assert_eq!(stream.check_write().is_ok(), fits, "append {append}");
    }
    assert_eq!(guest.state.ledger.bytes(), 800);
}

#[tokio::test]
async fn an_open_file_counts_after_its_name_is_gone() {
    let mut guest = Guest::new(&limits());
    for _ in 0..20 {
        let file = guest.create("file").await.unwrap();
        guest.write(&file, 900, 0).await.unwrap();
        let folder = guest.folder(0);
        guest
            .view()
            .unlink_file_at(folder, "file".into())
            .await
            .unwrap();
        let other = guest.create("other").await.unwrap();
        assert_eq!(
            code(guest.write(&other, 200, 0).await),
            Some(ErrorCode::InsufficientSpace)
        );
        guest.view().drop(file).unwrap();
        assert_eq!(guest.write(&other, 200, 0).await.unwrap(), 200);
        guest.view().drop(other).unwrap();
        let folder = guest.folder(0);
        guest
            .view()
            .unlink_file_at(folder, "other".into())
            .await
            .unwrap();
        assert_eq!(
            (guest.state.ledger.bytes(), guest.state.ledger.entries()),
            (0, 0)
        );
    }
}

#[tokio::test]
async fn cutting_renaming_and_linking_keep_the_books() {
    let mut guest = Guest::new(&limits());
    for name in ["a", "b"] {
        let file = guest.create(name).await.unwrap();
        guest.write(&file, 400, 0).await.unwrap();
        guest.view().drop(file).unwrap();
    }
    let (old, new) = (guest.folder(0), guest.folder(0));
    guest
        .view()
        .rename_at(old, "a".into(), new, "b".into())
        .await
        .unwrap();
    assert_eq!(
        (guest.state.ledger.bytes(), guest.state.ledger.entries()),
        (400, 1)
    );
    let (old, new) = (guest.folder(0), guest.folder(0));
    guest
        .view()
        .link_at(old, PathFlags::empty(), "b".into(), new, "c".into())
        .await
        .unwrap();
    let folder = guest.folder(0);
    guest
        .view()
        .unlink_file_at(folder, "b".into())
        .await
        .unwrap();
    assert_eq!(
        (guest.state.ledger.bytes(), guest.state.ledger.entries()),
        (400, 1)
    );
    let cut = guest
        .open(
            0,
            "c",
            OpenFlags::CREATE | OpenFlags::TRUNCATE,
            DescriptorFlags::WRITE,
        )
        .await;
    assert_eq!(
        (guest.state.ledger.bytes(), guest.state.ledger.entries()),
        (0, 1)
    );
    assert_eq!(guest.write(&cut.unwrap(), 1000, 0).await.unwrap(), 1000);
}

#[tokio::test]
async fn files_and_handles_are_bounded() {
    let mut guest = Guest::new(&limits());
    for number in 0..10 {
        let folder = guest.folder(0);
        guest
            .view()
            .create_directory_at(folder, format!("d{number}"))
            .await
            .unwrap();
    }
    assert_eq!(
        code(guest.create("more").await),
        Some(ErrorCode::InsufficientSpace)
    );
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(
            guest
                .open(0, "d0", OpenFlags::DIRECTORY, DescriptorFlags::READ)
                .await
                .unwrap(),
        );
    }
    let more = guest
        .open(0, "d0", OpenFlags::DIRECTORY, DescriptorFlags::READ)
        .await;
    assert_eq!(code(more), Some(ErrorCode::InsufficientMemory));
    guest.view().drop(open.pop().unwrap()).unwrap();
    guest
        .open(0, "d0", OpenFlags::DIRECTORY, DescriptorFlags::READ)
        .await
        .unwrap();
}

#[tokio::test]
async fn no_path_leads_out() {
    let mut guest = Guest::new(&limits());
    let read = DescriptorFlags::READ;
    for path in [
        "..",
        "../in/given",
        "/etc/passwd",
        "tmp/../../in/given",
        "../../../../../etc/passwd/",
    ] {
        let refused = code(guest.open(0, path, OpenFlags::empty(), read).await);
        assert_eq!(refused, Some(ErrorCode::NotPermitted), "{path}");
    }
    for target in ["/etc/passwd", "../in/given", "tmp/../../in"] {
        let folder = guest.folder(0);
        let refused = guest
            .view()
            .symlink_at(folder, target.into(), "link".into())
            .await;
        assert_eq!(code(refused), Some(ErrorCode::NotPermitted), "{target}");
    }
    // A link that some other way came to point outside is not followed either.
    let work = guest.state.folder().unwrap().work();
    std::os::unix::fs::symlink("../in/given", work.join("link")).unwrap();
    for path in ["link", "link/"] {
        let refused = guest.open(0, path, OpenFlags::empty(), read).await;
        assert!(code(refused).is_some(), "{path}");
    }
}

#[tokio::test]
async fn what_was_given_is_read_only() {
    let mut guest = Guest::new(&limits());
    let write = DescriptorFlags::READ | DescriptorFlags::WRITE;
    assert!(
        guest
            .open(1, "given", OpenFlags::empty(), DescriptorFlags::READ)
            .await
            .is_ok()
    );
    for flags in [OpenFlags::empty(), OpenFlags::CREATE, OpenFlags::TRUNCATE] {
        assert_eq!(
            code(guest.open(1, "given", flags, write).await),
            Some(ErrorCode::NotPermitted)
        );
    }
    let (from, to) = (guest.folder(1), guest.folder(0));
    let linked = guest
        .view()
        .link_at(from, PathFlags::empty(), "given".into(), to, "mine".into())
        .await;
    assert_eq!(code(linked), Some(ErrorCode::NotPermitted));
    let (from, to) = (guest.folder(1), guest.folder(0));
    let moved = guest
        .view()
        .rename_at(from, "given".into(), to, "mine".into())
        .await;
    assert_eq!(code(moved), Some(ErrorCode::NotPermitted));
    assert_eq!(guest.state.ledger.entries(), 0);
}

#[tokio::test]
async fn listings_are_bounded_while_they_are_open() {
    let mut guest = Guest::new(&Limits {
        scratch_files: 1_000_000,
        ..Limits::DEFAULT
    });
    let many = guest.state.folder().unwrap().output();
    for number in 0..200 {
        std::fs::write(many.join(number.to_string()), "").unwrap();
    }
    let held = guest.state.ledger.list(ledger::MAX_LISTED - 200).unwrap();
    let folder = guest.folder(2);
    let listing = guest.view().read_directory(folder).await.unwrap();
    let folder = guest.folder(2);
    let refused = guest.view().read_directory(folder).await.map(|_| ());
    assert_eq!(code(refused), Some(ErrorCode::InsufficientMemory));
    wasmtime_wasi::p2::bindings::filesystem::types::HostDirectoryEntryStream::drop(
        &mut guest.view(),
        listing,
    )
    .unwrap();
    let folder = guest.folder(2);
    guest.view().read_directory(folder).await.unwrap();
    drop(held);
}

#[tokio::test]
async fn the_folder_is_gone_with_the_attempt() {
    let root = tempfile::tempdir().unwrap();
    let mut state = ScratchState::new(root.path().into(), &Limits::DEFAULT);
    assert_eq!(
        std::fs::read_dir(root.path()).unwrap().count(),
        0,
        "made before it was needed"
    );
    state.preopens().unwrap();
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    state.remove().await;
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}
