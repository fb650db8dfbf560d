//! The memory that open blobs take, measured in a process of its own.

use tempfile::TempDir;
use weft_blob::{Blobs, Kind};
use weft_core::{digest::Digest, id::TenantId};

/// As many as one attempt may have open.
const OPEN: usize = 128;
/// Below the size of a part of an object store, which was once kept in memory for each.
const BYTES_EACH: usize = 1 << 20;
/// What the test's own memory may grow by meanwhile.
const GROWTH_BYTES: usize = 32 << 20;

#[tokio::test]
async fn open_blobs_are_on_disk_and_not_in_memory() {
    let folder = TempDir::new().expect("a folder");
    let blobs = Blobs::local(folder.path()).expect("a store");
    let tenant = TenantId::default();
    let bytes: Vec<u8> = (0..=250).cycle().take(BYTES_EACH).collect();
    let before = resident_bytes();
    let mut open = Vec::new();
    for _ in 0..OPEN {
        let mut writer = blobs.writer(Kind::Artifact, &tenant).await.expect("begun");
        writer.write(&bytes).await.expect("written");
        open.push(writer);
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(
        grown < GROWTH_BYTES,
        "{OPEN} open blobs of {BYTES_EACH} bytes cost {grown} bytes of memory"
    );
    println!("{OPEN} open blobs of {BYTES_EACH} bytes cost {grown} bytes of memory");
    for writer in open {
        let finished = writer.finish().await;
        assert_eq!(finished, Ok((Digest::of(&bytes), BYTES_EACH as u64)));
    }
}

/// What the kernel says this process holds.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("Linux tells it");
    let kibibytes = line.trim().trim_end_matches(" kB");
    kibibytes.parse::<usize>().expect("a number") * 1024
}
