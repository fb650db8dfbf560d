//! What is uploaded of a large file: its difference to a file that was deployed before, if the server still has
//! that, or else the file, compressed.
//!
//! The files of the last deploys are kept in the cache. A changed line of a DAG in Python is a difference of some
//! kilobytes in a component of tens of megabytes, and another DAG with the same packages one of a few megabytes.

use bytes::Bytes;
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::{
    upload::{DICTIONARY_ZSTD, ZSTD, head},
    user_dirs,
};
use weft_core::digest::Digest;
use zstd_safe::{CCtx, CParameter};

/// Smaller files are sent as they are.
const MIN_BYTES: usize = 1 << 20;
/// How many files are kept, the last deployed ones.
const MAX_KEPT: usize = 8;
/// Another DAG's file has few packages in common if it has so many times the bytes, or the reverse.
const MAX_FACTOR: u64 = 2;
/// The level at which compressing takes as long as a network of 500 Mbit/s.
const LEVEL: i32 = 3;
/// How far back a repetition may be, as a power of two, in bytes: every decoder can.
const WINDOW_LOG: u32 = 27;

/// A body, and its `Content-Encoding`.
pub(super) struct Upload {
    pub(super) body: Bytes,
    pub(super) encoding: Option<&'static str>,
}

/// The bodies to try, the smallest first: a server may lack the file that was deployed before, or
/// be of a version that knows no compression.
pub(super) fn uploads(file: &Bytes, place: &Place) -> impl Iterator<Item = Upload> {
    let is_large = file.len() >= MIN_BYTES;
    let base = is_large.then(|| place.base(file.len() as u64)).flatten();
    let beside = base.and_then(|base| {
        let frame = compressed(file, &base)?;
        Some([head(Digest::of(&base)), frame].concat())
    });
    let (file, plain) = (file.clone(), file.clone());
    let of = |body: Vec<u8>, encoding| Upload {
        body: body.into(),
        encoding: Some(encoding),
    };
    let beside = beside.map(|body| of(body, DICTIONARY_ZSTD));
    let alone = std::iter::once_with(move || {
        let body = is_large.then(|| compressed(&file, &[])).flatten()?;
        Some(of(body, ZSTD))
    });
    let plain = Upload {
        body: plain,
        encoding: None,
    };
    beside.into_iter().chain(alone.flatten()).chain([plain])
}

/// The file as a frame that says its size; beside another one, if that has anything in it.
fn compressed(file: &[u8], base: &[u8]) -> Option<Vec<u8>> {
    let mut context = CCtx::create();
    for parameter in [
        CParameter::CompressionLevel(LEVEL),
        CParameter::EnableLongDistanceMatching(true),
        CParameter::WindowLog(WINDOW_LOG),
    ] {
        context.set_parameter(parameter).ok()?;
    }
    if !base.is_empty() {
        context.ref_prefix(base).ok()?;
    }
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(file.len()));
    context.compress2(&mut frame, file).ok()?;
    Some(frame)
}

/// Where the last file that was deployed from a path to a server is kept.
pub(super) struct Place {
    /// Of all files that were deployed; `None` without a cache.
    folder: Option<PathBuf>,
    /// What the names of the server's files begin with.
    server: String,
    /// The name of the path's file.
    name: String,
}

impl Place {
    pub(super) fn of(server: &str, path: &Path) -> Self {
        let folder = user_dirs::cache().map(|cache| cache.join("deployed"));
        Self::within(folder, server, path)
    }

    fn within(folder: Option<PathBuf>, server: &str, path: &Path) -> Self {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let server = Digest::of(server.as_bytes()).hex();
        let name = Digest::of(path.display().to_string().as_bytes()).hex();
        Self {
            folder,
            name: format!("{server}-{name}"),
            server,
        }
    }

    /// The file that one of this size is likely to have most in common with: the last one from the same path,
    /// or else the newest of a similar size.
    fn base(&self, bytes: u64) -> Option<Vec<u8>> {
        let folder = self.folder.as_ref()?;
        if let Ok(last) = fs::read(folder.join(&self.name)) {
            return Some(last);
        }
        let is_similar = |size: u64| size <= bytes * MAX_FACTOR && bytes <= size * MAX_FACTOR;
        let entries = fs::read_dir(folder).ok()?.flatten().filter(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().starts_with(&self.server)
        });
        let similar = entries.filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            is_similar(metadata.len()).then_some((metadata.modified().ok()?, entry.path()))
        });
        let (_, path) = similar.max()?;
        fs::read(path).ok()
    }

    /// Keeps a file that was deployed. Where it can't be kept, the next deploy sends more.
    pub(super) fn keep(&self, file: &[u8]) {
        let Some(folder) = &self.folder else {
            return;
        };
        if file.len() < MIN_BYTES {
            return;
        }
        let path = folder.join(&self.name);
        let draft = path.with_extension(format!("draft-{}", std::process::id()));
        let kept = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&draft, file))
            .and_then(|()| fs::rename(&draft, &path));
        if kept.is_ok() {
            forget_oldest(folder);
        } else {
            let _left_over = fs::remove_file(&draft);
        }
    }
}

fn forget_oldest(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut kept: Vec<_> = entries
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(MAX_KEPT);
    for (_, path) in kept.into_iter().take(surplus) {
        // Another deploy may have removed it.
        let _gone = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zstd_safe::DCtx;

    /// Bytes that repeat nothing, by a simple generator (xorshift32, Marsaglia 2003).
    fn noise(bytes: usize, mut state: u32) -> Vec<u8> {
        let next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        };
        std::iter::repeat_with(next).take(bytes).collect()
    }

    #[test]
    fn a_changed_file_is_a_small_difference() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::within(
            Some(folder.path().join("deployed")),
            "http://one",
            Path::new("a"),
        );
        let before = noise(3 * MIN_BYTES, 7);
        let mut after = before.clone();
        after.splice(MIN_BYTES..MIN_BYTES + 10, *b"something else");
        let after = Bytes::from(after);
        let encodings = |place: &Place| -> Vec<_> {
            uploads(&after, place)
                .map(|upload| upload.encoding)
                .collect()
        };
        assert_eq!(encodings(&place), [Some(ZSTD), None]);
        place.keep(&before);
        assert_eq!(encodings(&place), [Some(DICTIONARY_ZSTD), Some(ZSTD), None]);
        let upload = uploads(&after, &place).next().unwrap();
        assert!(
            upload.body.len() < after.len() / 100,
            "{} bytes",
            upload.body.len()
        );
        let (base, frame) = weft_api::upload::base_of(&upload.body).unwrap();
        assert_eq!(base, Digest::of(&before));
        let mut context = DCtx::create();
        context.ref_prefix(&before).unwrap();
        let mut whole = Vec::with_capacity(after.len());
        context.decompress(&mut whole, frame).unwrap();
        assert!(after == whole, "another file comes out");
    }

    #[test]
    fn small_files_are_sent_as_they_are_and_old_ones_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let place = |number: usize| {
            let path = PathBuf::from(number.to_string());
            Place::within(Some(folder.path().to_owned()), "http://one", &path)
        };
        let small = Bytes::from_static(b"\0asm");
        place(0).keep(&small);
        assert_eq!(
            uploads(&small, &place(0))
                .map(|upload| upload.encoding)
                .collect::<Vec<_>>(),
            [None]
        );
        for number in 0..MAX_KEPT + 3 {
            place(number).keep(&vec![0; MIN_BYTES]);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MAX_KEPT);
        let newest = place(MAX_KEPT + 2);
        assert!(folder.path().join(newest.name).exists());
    }

    #[test]
    fn another_dag_is_the_difference_to_the_newest_file_of_its_server_and_size() {
        let folder = tempfile::tempdir().unwrap();
        let place = |server, path| {
            let folder = Some(folder.path().to_owned());
            Place::within(folder, server, Path::new(path))
        };
        let (one, two) = ("http://one", "http://two");
        let bytes = 3 * MIN_BYTES;
        let base = |of: Place| of.base(bytes as u64).map(|base| base[0]);
        assert_eq!(base(place(one, "new")), None);
        place(one, "first").keep(&vec![1; bytes]);
        place(one, "large").keep(&vec![2; 3 * bytes]);
        place(two, "other").keep(&vec![3; bytes]);
        assert_eq!(base(place(one, "new")), Some(1));
        assert_eq!(
            base(place(one, "large")),
            Some(2),
            "its own is always the base"
        );
        assert_eq!(base(place("http://three", "new")), None);
    }
}
