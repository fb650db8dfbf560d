//! Logs after crashes, on full disks, during uploads, and past their retention.

use crate::{
    files::{age, files, recently},
    log_sample::{key, lines},
    small_disk,
};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use weft_blob::{
    BlobError, Blobs,
    logs::{LogError, LogLine, LogOptions, LogReader, LogSource, LogWriter, Recovered},
};
use weft_core::id::TenantId;

/// A worker that dies: attempt `ended` has ended, `running` has written two chunks.
async fn dead_worker(folder: &Path) {
    let blobs = Blobs::local(folder).expect("a store");
    let options = LogOptions {
        chunk_bytes: 1,
        ..LogOptions::local()
    };
    let (writer, _none) = LogWriter::start(&blobs, options).await.expect("started");
    writer
        .append(&key("running"), lines(0..5, "x"))
        .await
        .expect("taken");
    writer
        .append(&key("ended"), lines(0..2, "x"))
        .await
        .expect("taken");
    writer
        .append(&key("running"), lines(5..8, "x"))
        .await
        .expect("taken");
    let follow = writer.follow(&key("running")).await.expect("followed");
    assert_eq!(follow.first(), 8, "all is written");
    // Nothing is closed: the file is as a killed process leaves it.
    std::mem::forget(writer);
}

async fn recovered(folder: &Path) -> Vec<Recovered> {
    let blobs = Blobs::local(folder).expect("a store");
    let (writer, recovered) = LogWriter::start(&blobs, LogOptions::local())
        .await
        .expect("started");
    writer
        .append(&key("new"), lines(0..1, "x"))
        .await
        .expect("taken");
    let pointer = writer
        .finish(&key("new"))
        .await
        .expect("written")
        .expect("it printed");
    let reader = LogReader::new(blobs, None);
    let page = reader
        .read(&TenantId::default(), &pointer, 0, 9)
        .await
        .expect("readable");
    assert_eq!(page.lines, lines(0..1, "x"), "writing goes on");
    writer.close().await.expect("closed");
    recovered
}

/// Whatever part of the last chunk reached the disk, what stood before is found again.
#[tokio::test]
async fn a_torn_last_chunk_is_truncated() {
    let whole = TempDir::new().expect("a folder");
    dead_worker(whole.path()).await;
    let file = files(&whole.path().join("logs")).remove(0);
    let bytes = fs::read(&file).expect("readable");
    let begin = bytes
        .windows(4)
        .rposition(|window| window == b"WLC1")
        .expect("there are three chunks");
    let tears = [
        begin + 1,
        begin + 50,
        begin + 96,
        begin + 120,
        bytes.len() - 1,
        bytes.len(),
    ];
    for tear in tears {
        let folder = TempDir::new().expect("a folder");
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).expect("made");
        let name = file.file_name().expect("a name");
        fs::write(logs.join(name), &bytes[..tear]).expect("written");
        let recovered = recovered(folder.path()).await;
        let reader = LogReader::new(Blobs::local(folder.path()).expect("a store"), None);
        let is_whole = tear == bytes.len();
        for (name, count) in [("running", if is_whole { 8 } else { 5 }), ("ended", 2)] {
            let found = recovered
                .iter()
                .find(|found| found.key == key(name))
                .expect(name);
            let page = reader
                .read(&TenantId::default(), &found.pointer, 0, 99)
                .await;
            assert_eq!(
                page.expect("readable").lines,
                lines(0..count, "x"),
                "{name}, torn at {tear}"
            );
        }
        assert_eq!(recovered.len(), 2);
    }
}

/// Bytes that no write left there, too.
#[tokio::test]
async fn garbage_at_the_end_is_truncated() {
    for garbage in [
        vec![0; 5000],
        b"WLC1\xff\xff\xff\xffrest".to_vec(),
        b"WLC1".repeat(100),
    ] {
        let folder = TempDir::new().expect("a folder");
        dead_worker(folder.path()).await;
        let file = files(&folder.path().join("logs")).remove(0);
        let whole = fs::metadata(&file).expect("there").len();
        fs::File::options()
            .append(true)
            .open(&file)
            .and_then(|mut file| file.write_all(&garbage))
            .expect("written");
        assert_eq!(recovered(folder.path()).await.len(), 2);
        let end = fs::metadata(&file).expect("there").len();
        assert_eq!(end, whole + 96, "the tail is gone and the end is marked");
        assert_eq!(
            recovered(folder.path()).await,
            [],
            "the second start finds it in order"
        );
    }
}

#[tokio::test]
async fn segments_without_a_whole_chunk_are_no_error() {
    for bytes in [
        &b""[..],
        b"WEFT",
        b"something else entirely, but longer than a header",
    ] {
        let folder = TempDir::new().expect("a folder");
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).expect("made");
        fs::write(logs.join("0".repeat(32)), bytes).expect("written");
        fs::write(logs.join("no segment"), bytes).expect("written");
        assert_eq!(recovered(folder.path()).await, []);
    }
}

/// Finished attempts are marked where their last lines are.
#[tokio::test]
async fn finished_attempts_are_not_recovered() {
    let folder = TempDir::new().expect("a folder");
    let blobs = Blobs::local(folder.path()).expect("a store");
    let (writer, _none) = LogWriter::start(&blobs, LogOptions::local())
        .await
        .expect("started");
    writer
        .append(&key("ended"), lines(0..5, "x"))
        .await
        .expect("taken");
    writer.finish(&key("ended")).await.expect("written");
    std::mem::forget(writer);
    assert_eq!(recovered(folder.path()).await, []);
}

#[tokio::test]
async fn spooled_segments_are_uploaded_and_read_all_the_time() {
    let (folder, spool) = (
        TempDir::new().expect("a folder"),
        TempDir::new().expect("a folder"),
    );
    let blobs = Blobs::local(folder.path()).expect("a store");
    let options = LogOptions {
        segment_bytes: 1000,
        chunk_bytes: 1,
        ..LogOptions::spooled(spool.path().to_owned())
    };
    let (writer, _none) = LogWriter::start(&blobs, options.clone())
        .await
        .expect("started");
    let reader = LogReader::new(blobs.clone(), Some(spool.path().to_owned()));
    for number in 0..40 {
        writer
            .append(&key("a"), lines(number..number + 1, "x"))
            .await
            .expect("taken");
        let follow = writer.follow(&key("a")).await.expect("followed");
        let pointer = follow.written.expect("it is written");
        let page = reader
            .read(&TenantId::default(), &pointer, 0, 99)
            .await
            .expect("readable");
        assert_eq!(page.lines, lines(0..number + 1, "x"));
    }
    let pointer = writer
        .finish(&key("a"))
        .await
        .expect("written")
        .expect("it printed");
    writer.close().await.expect("closed");
    // Another machine has no spool: what it can't see yet is reported as missing.
    let elsewhere = LogReader::new(blobs.clone(), None);
    loop {
        match elsewhere.read(&TenantId::default(), &pointer, 0, 99).await {
            Ok(page) if !page.is_incomplete => {
                assert_eq!(page.lines, lines(0..40, "x"));
                break;
            }
            Ok(_) | Err(LogError::Missing(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(
        files(spool.path()),
        Vec::<PathBuf>::new(),
        "nothing is left behind"
    );
}

#[tokio::test]
async fn segments_of_a_dead_worker_are_uploaded_at_the_next_start() {
    let (folder, spool) = (
        TempDir::new().expect("a folder"),
        TempDir::new().expect("a folder"),
    );
    let dead = TempDir::new().expect("a folder");
    dead_worker(dead.path()).await;
    for file in files(&dead.path().join("logs")) {
        fs::rename(&file, spool.path().join(file.file_name().expect("a name"))).expect("moved");
    }
    let blobs = Blobs::local(folder.path()).expect("a store");
    let options = LogOptions::spooled(spool.path().to_owned());
    let (_writer, recovered) = LogWriter::start(&blobs, options).await.expect("started");
    let found = recovered
        .iter()
        .find(|found| found.key == key("running"))
        .expect("it ran");
    let elsewhere = LogReader::new(blobs, None);
    while !files(spool.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    let page = elsewhere
        .read(&TenantId::default(), &found.pointer, 0, 99)
        .await;
    assert_eq!(page.expect("uploaded").lines, lines(0..8, "x"));
}

#[tokio::test]
async fn retention_removes_old_segments_that_are_not_kept() {
    let folder = TempDir::new().expect("a folder");
    let blobs = Blobs::local(folder.path()).expect("a store");
    let options = LogOptions {
        segment_bytes: 1,
        ..LogOptions::local()
    };
    let (writer, _none) = LogWriter::start(&blobs, options).await.expect("started");
    let mut pointers = Vec::new();
    for name in ["dead", "kept", "young"] {
        writer
            .append(&key(name), lines(0..3, "x"))
            .await
            .expect("taken");
        pointers.push(
            writer
                .finish(&key(name))
                .await
                .expect("written")
                .expect("it printed"),
        );
    }
    for pointer in &pointers[..2] {
        let file = folder
            .path()
            .join("logs")
            .join(pointer.segment().to_string());
        age(&file);
    }
    let reader = LogReader::new(blobs, None);
    let kept = pointers[1].segment();
    let removed = reader
        .remove(recently(), |id| id == kept)
        .await
        .expect("removed");
    assert_eq!(removed.segments, 1);
    for (pointer, is_there) in pointers.iter().zip([false, true, true]) {
        let page = reader.read(&TenantId::default(), pointer, 0, 9).await;
        assert_eq!(page.is_ok(), is_there, "{page:?}");
    }
}

#[tokio::test]
async fn a_full_disk_loses_lines_and_reports_them() {
    match small_disk::folder() {
        Some(folder) => on_small_disk(&folder).await,
        None => small_disk::run(
            "log_faults::a_full_disk_loses_lines_and_reports_them",
            "256k",
        ),
    }
}

async fn on_small_disk(folder: &Path) {
    let blobs = Blobs::local(folder).expect("a store");
    let (writer, _none) = LogWriter::start(&blobs, LogOptions::local())
        .await
        .expect("started");
    let reader = LogReader::new(blobs, None);
    writer
        .append(&key("before"), lines(0..3, "x"))
        .await
        .expect("taken");
    writer
        .append(&key("running"), lines(0..3, "x"))
        .await
        .expect("taken");
    writer
        .finish(&key("before"))
        .await
        .expect("written")
        .expect("it printed");
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![0; 1 << 20]).expect_err("the disk is small");
    let wide = |name: &str| LogLine {
        message: name.repeat(2000),
        ..lines(0..1, "x").remove(0)
    };
    // Larger than a chunk may be: it is written at once, or not.
    writer
        .append(&key("running"), vec![wide("x"); 40])
        .await
        .expect("taken");
    writer
        .append(&key("ending"), vec![wide("y"); 40])
        .await
        .expect("taken");
    let ended = writer.finish(&key("ending")).await;
    let Err(LogError::Lost { kept: None, why }) = ended else {
        panic!("{ended:?}");
    };
    assert!(matches!(why, BlobError::Full { .. }), "{why:?}");
    fs::remove_file(&ballast).expect("removed");
    writer
        .append(&key("running"), lines(3..4, "x"))
        .await
        .expect("taken");
    let pointer = writer
        .finish(&key("running"))
        .await
        .expect("there is space")
        .expect("it printed");
    let page = reader
        .read(&TenantId::default(), &pointer, 0, 99)
        .await
        .expect("readable");
    let lost = &page.lines[page.lines.len() - 2];
    assert_eq!(lost.source, LogSource::Weft);
    assert!(lost.message.contains("lines were lost"), "{}", lost.message);
    assert_eq!(page.lines.last(), lines(3..4, "x").last());
    small_disk::report_success();
}
