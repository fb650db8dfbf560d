//! The cache of compiled code after truncation, foreign files, other keys and other processes.

use super::*;
use crate::{
    Digest,
    code::{CodeName, Form},
    engine::{Profile, Target},
};
use std::{os::unix::fs::PermissionsExt, sync::Arc, time::Duration};
use tempfile::TempDir;

fn origin(number: u8) -> Origin {
    Origin {
        digest: Digest([number; 32]),
        name: CodeName {
            form: Form::Component,
            profile: Profile::Fast,
            target: Target::Native,
            compatibility: "test".into(),
        },
    }
}

fn framed(number: u8) -> Vec<u8> {
    code::frame(&origin(number), &[number; 100])
}

fn open(folder: &TempDir) -> Cache {
    Cache::new(folder.path().join("cache"), 1 << 20, None)
}

fn code_files(folder: &TempDir) -> Vec<PathBuf> {
    fs::read_dir(folder.path().join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == CODE_SUFFIX))
        .collect()
}

#[test]
fn what_was_put_is_found_by_every_process() {
    let folder = TempDir::new().unwrap();
    let cache = open(&folder);
    assert_eq!(cache.get(&origin(1)), None);
    cache.insert(&origin(1), &framed(1));
    assert_eq!(cache.get(&origin(1)), Some(framed(1)));
    assert_eq!(open(&folder).get(&origin(1)), Some(framed(1)));
    assert_eq!(open(&folder).get(&origin(2)), None);
}

#[test]
fn truncated_changed_and_foreign_files_are_misses_and_go_away() {
    let folder = TempDir::new().unwrap();
    let cache = open(&folder);
    cache.insert(&origin(1), &framed(1));
    let path = code_files(&folder).remove(0);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [
        &whole[..whole.len() - 1],
        &whole[..10],
        &[],
        &flipped,
        b"garbage of some length that is no code",
    ] {
        fs::write(&path, bad).unwrap();
        assert_eq!(cache.get(&origin(1)), None);
        assert!(!path.exists());
    }
    cache.insert(&origin(2), &framed(2));
    let other = code_files(&folder).remove(0);
    fs::rename(other, &path).unwrap();
    assert_eq!(cache.get(&origin(1)), None, "sealed, but of another origin");
}

#[test]
fn code_sealed_with_another_key_is_not_loaded() {
    let folder = TempDir::new().unwrap();
    open(&folder).insert(&origin(1), &framed(1));
    let key = folder.path().join("cache/seal.key");
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::remove_file(&key).unwrap();
    assert_eq!(open(&folder).get(&origin(1)), None);
}

#[test]
fn a_key_that_others_could_read_is_replaced() {
    let folder = TempDir::new().unwrap();
    open(&folder).insert(&origin(1), &framed(1));
    let key = folder.path().join("cache/seal.key");
    let before = fs::read(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(open(&folder).get(&origin(1)), None);
    open(&folder).insert(&origin(1), &framed(1));
    assert_ne!(fs::read(&key).unwrap(), before);
}

#[test]
fn the_least_recently_used_code_goes_first() {
    let folder = TempDir::new().unwrap();
    let size = framed(1).len() as u64 + SEAL_BYTES as u64;
    let cache = Cache::new(folder.path().join("cache"), size * 2, None);
    let long_ago = SystemTime::now() - Duration::from_secs(100);
    for number in [1, 2] {
        cache.insert(&origin(number), &framed(number));
        let file = File::options()
            .write(true)
            .open(cache.path(&origin(number)))
            .unwrap();
        file.set_modified(long_ago + Duration::from_secs(u64::from(number)))
            .unwrap();
    }
    assert!(cache.get(&origin(1)).is_some());
    cache.insert(&origin(3), &framed(3));
    assert!(cache.get(&origin(1)).is_some());
    assert!(cache.get(&origin(2)).is_none());
    assert!(cache.get(&origin(3)).is_some());
}

#[test]
fn a_folder_that_cannot_be_made_is_said_once_and_does_no_harm() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("cache"), "a file is in the way").unwrap();
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&warnings);
    let warn: WarningSink = Arc::new(move |warning: &SandboxWarning| {
        sink.lock().unwrap().push(warning.to_string());
    });
    let cache = Cache::new(folder.path().join("cache"), 1 << 20, Some(warn));
    cache.insert(&origin(1), &framed(1));
    cache.insert(&origin(2), &framed(2));
    assert_eq!(cache.get(&origin(1)), None);
    let warnings = warnings.lock().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("WEFT_CACHE_DIR"), "{warnings:?}");
    assert!(warnings[0].contains(&folder.path().join("cache").display().to_string()));
}
