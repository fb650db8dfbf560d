//! Logs as a reader sees them: each attempt's lines, in order, whatever stood between them in the file.

use crate::{
    files::files,
    log_sample::{key, line, lines},
};
use std::{fs, time::Duration};
use tempfile::TempDir;
use weft_blob::{
    Blobs,
    logs::{
        LogError, LogKey, LogLine, LogOptions, LogPage, LogPointer, LogReader, LogSource,
        LogUpdate, LogWriter, MAX_LINE_BYTES,
    },
};
use weft_core::id::TenantId;

struct Log {
    folder: TempDir,
    writer: LogWriter,
    reader: LogReader,
}

impl Log {
    async fn new(change: impl FnOnce(&mut LogOptions)) -> Self {
        let folder = TempDir::new().expect("a folder");
        let blobs = Blobs::local(folder.path()).expect("a store");
        let mut options = LogOptions::local();
        change(&mut options);
        let (writer, recovered) = LogWriter::start(&blobs, options).await.expect("started");
        assert_eq!(recovered, []);
        Self {
            folder,
            writer,
            reader: LogReader::new(blobs, None),
        }
    }

    async fn read(&self, pointer: &LogPointer, from: u64, limit: usize) -> LogPage {
        let page = self
            .reader
            .read(&TenantId::default(), pointer, from, limit)
            .await;
        page.expect("readable")
    }

    fn segments(&self) -> Vec<std::path::PathBuf> {
        files(&self.folder.path().join("logs"))
    }
}

#[tokio::test]
async fn attempt_that_prints_nothing_costs_nothing() {
    let log = Log::new(|_options| {}).await;
    for number in 0..100 {
        let attempt = log.writer.attempt(key(&number.to_string()));
        assert_eq!(attempt.finish().await, Ok(None));
    }
    assert_eq!(log.writer.finish(&key("unknown")).await, Ok(None));
    log.writer
        .append(&key("empty"), Vec::new())
        .await
        .expect("nothing to do");
    assert_eq!(log.writer.finish(&key("empty")).await, Ok(None));
    assert_eq!(log.segments().len(), 0, "not even a file");
}

#[tokio::test]
async fn interleaved_attempts_are_read_apart() {
    let log = Log::new(|options| options.chunk_bytes = 500).await;
    for step in 0..200_u64 {
        let name = format!("attempt {}", step % 7);
        let text = format!("of {name}");
        log.writer
            .append(&key(&name), vec![line(step / 7, &text)])
            .await
            .expect("taken");
    }
    for attempt in 0..7 {
        let name = format!("attempt {attempt}");
        let pointer = log
            .writer
            .finish(&key(&name))
            .await
            .expect("written")
            .expect("it printed");
        assert_eq!(pointer.to_string().len(), 53);
        assert_eq!(pointer.to_string().parse(), Ok(pointer));
        let count = 28 + u64::from(attempt < 4);
        let page = log.read(&pointer, 0, 1000).await;
        assert_eq!(page.lines, lines(0..count, &format!("of {name}")));
        assert_eq!(
            (page.first, page.total, page.is_incomplete),
            (0, count, false)
        );
    }
    assert_eq!(log.segments().len(), 1, "one file for all");
}

#[tokio::test]
async fn pages_go_through_chunks_and_segments() {
    let log = Log::new(|options| {
        options.chunk_bytes = 1;
        options.segment_bytes = 4000;
    })
    .await;
    for number in 0..300 {
        log.writer
            .append(&key("long"), vec![line(number, "x")])
            .await
            .expect("taken");
    }
    let pointer = log
        .writer
        .finish(&key("long"))
        .await
        .expect("written")
        .expect("it printed");
    assert!(log.segments().len() > 3, "{:?}", log.segments());
    for from in (0..310_u64).step_by(13) {
        for limit in [1, 10, 77] {
            let page = log.read(&pointer, from, limit).await;
            let end = (from + limit as u64).min(300);
            assert_eq!(
                page.lines,
                lines(from.min(300)..end, "x"),
                "{limit} from {from}"
            );
            assert_eq!((page.first, page.total), (from.min(300), 300));
        }
    }
}

#[tokio::test]
async fn lines_are_kept_as_they_were() {
    let log = Log::new(|_options| {}).await;
    let sources = [
        LogSource::Stdout,
        LogSource::Stderr,
        LogSource::Trace,
        LogSource::Debug,
        LogSource::Info,
        LogSource::Warn,
        LogSource::Error,
        LogSource::Weft,
    ];
    let mut written: Vec<LogLine> = sources
        .iter()
        .map(|source| LogLine {
            source: *source,
            message: "ünï \"quoted\"\n\u{0}\\".to_owned(),
            fields: vec![
                ("k".to_owned(), "v".to_owned()),
                ("k".to_owned(), String::new()),
            ],
            ..line(0, "")
        })
        .collect();
    written.push(LogLine {
        message: String::new(),
        ..line(0, "")
    });
    log.writer
        .append(&key("all"), written.clone())
        .await
        .expect("taken");
    let long = LogLine {
        message: "ä".repeat(MAX_LINE_BYTES),
        ..line(0, "")
    };
    log.writer
        .append(&key("all"), vec![long])
        .await
        .expect("taken");
    let pointer = log
        .writer
        .finish(&key("all"))
        .await
        .expect("written")
        .expect("it printed");
    let mut page = log.read(&pointer, 0, 100).await;
    let cut = page.lines.pop().expect("ten lines");
    assert!(cut.message.len() <= MAX_LINE_BYTES && cut.message.ends_with("ä [cut]"));
    assert_eq!(page.lines, written);
}

#[tokio::test]
async fn another_tenant_is_refused() {
    let log = Log::new(|_options| {}).await;
    let other: TenantId = "other".parse().expect("an id");
    log.writer
        .append(&key("mine"), lines(0..3, "x"))
        .await
        .expect("taken");
    let pointer = log
        .writer
        .finish(&key("mine"))
        .await
        .expect("written")
        .expect("it printed");
    let page = log.reader.read(&other, &pointer, 0, 10).await;
    assert_eq!(page, Err(LogError::Forbidden));
}

#[tokio::test]
async fn forged_pointers_are_errors() {
    let log = Log::new(|_options| {}).await;
    log.writer
        .append(&key("a"), lines(0..3, "x"))
        .await
        .expect("taken");
    let pointer = log
        .writer
        .finish(&key("a"))
        .await
        .expect("written")
        .expect("it printed");
    let text = pointer.to_string();
    for forged in [
        format!("{}ffffffff", &text[..45]),
        format!("{}00000000", &text[..45]),
        format!("{}.00000009{}", &text[..35], &text[44..]),
        format!("{}.ffffffff.ffffffff", &text[..35]),
    ] {
        let forged: LogPointer = forged.parse().expect("it looks like one");
        let page = log.reader.read(&TenantId::default(), &forged, 0, 10).await;
        assert!(
            matches!(page, Err(LogError::Damaged { .. })),
            "{forged}: {page:?}"
        );
    }
    let gone: LogPointer = format!("l1.{}.00000008.00000100", "0".repeat(32))
        .parse()
        .expect("it looks like one");
    let page = log.reader.read(&TenantId::default(), &gone, 0, 10).await;
    assert_eq!(page, Err(LogError::Missing(gone.segment())));
    for text in [
        "",
        "l1",
        "l1..",
        "l2.0.0.0",
        &text[1..],
        &format!("{text}0"),
        &format!("{text}."),
    ] {
        assert!(text.parse::<LogPointer>().is_err(), "{text}");
    }
    let long = key(&"x".repeat(LogKey::MAX_ATTEMPT_BYTES + 1));
    let refused = log.writer.append(&long, lines(0..1, "x")).await;
    assert_eq!(refused, Err(LogError::Name(LogKey::MAX_ATTEMPT_BYTES + 1)));
}

#[tokio::test]
async fn lost_chunks_leave_the_rest_readable() {
    let log = Log::new(|options| {
        options.chunk_bytes = 1;
        options.segment_bytes = 2000;
    })
    .await;
    for number in 0..60 {
        log.writer
            .append(&key("long"), vec![line(number, "x")])
            .await
            .expect("taken");
    }
    let pointer = log
        .writer
        .finish(&key("long"))
        .await
        .expect("written")
        .expect("it printed");
    fs::remove_file(&log.segments()[0]).expect("its retention is over");
    let page = log.read(&pointer, 0, 1000).await;
    assert!(page.is_incomplete);
    // How many lines a chunk holds is the clock's to say.
    assert!(page.first > 2 && page.first < 60, "{}", page.first);
    assert_eq!(page.lines, lines(page.first..60, "x"));
    let early = log.read(&pointer, 0, 2).await;
    assert!(early.is_incomplete && early.lines.is_empty(), "{early:?}");
    let late = page.first + 1;
    let page = log.read(&pointer, late, 1000).await;
    assert_eq!(
        (page.lines, page.is_incomplete),
        (lines(late..60, "x"), false)
    );
}

#[tokio::test(start_paused = true)]
async fn lines_reach_the_disk_without_the_end_of_the_attempt() {
    let log = Log::new(|_options| {}).await;
    log.writer
        .append(&key("slow"), lines(0..2, "x"))
        .await
        .expect("taken");
    let before = tokio::time::Instant::now();
    loop {
        let follow = log.writer.follow(&key("slow")).await.expect("followed");
        if let Some(pointer) = follow.written {
            assert_eq!(log.read(&pointer, 0, 9).await.lines, lines(0..2, "x"));
            break;
        }
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert!(before.elapsed() >= LogOptions::local().flush_after);
    assert!(before.elapsed() < 2 * LogOptions::local().flush_after);
}

#[tokio::test]
async fn a_follower_receives_every_line_once_and_the_end() {
    let log = Log::new(|options| options.chunk_bytes = 200).await;
    let attempt = key("live");
    log.writer
        .append(&attempt, lines(0..20, "x"))
        .await
        .expect("taken");
    log.writer
        .append(&attempt, lines(20..21, "x"))
        .await
        .expect("taken");
    let mut follow = log.writer.follow(&attempt).await.expect("followed");
    let mut heard = match follow.written {
        Some(pointer) => log.read(&pointer, 0, 1000).await.lines,
        None => Vec::new(),
    };
    assert_eq!(follow.first(), heard.len() as u64);
    log.writer
        .append(&attempt, lines(21..30, "x"))
        .await
        .expect("taken");
    let pointer = log.writer.finish(&attempt).await.expect("written");
    let end = loop {
        match follow.next().await {
            Some(LogUpdate::Lines { first, lines }) => {
                assert_eq!(first, heard.len() as u64);
                heard.extend(lines);
            }
            other => break other,
        }
    };
    assert_eq!(end, Some(LogUpdate::Ended(pointer)));
    assert_eq!(follow.next().await, None);
    assert_eq!(heard, lines(0..30, "x"));
}

#[tokio::test]
async fn a_slow_follower_learns_how_many_lines_it_missed() {
    let log = Log::new(|options| options.follow_batches = 4).await;
    let attempt = key("live");
    let mut follow = log.writer.follow(&attempt).await.expect("followed");
    for number in 0..50 {
        log.writer
            .append(&attempt, vec![line(number, "x")])
            .await
            .expect("taken");
    }
    log.writer.finish(&attempt).await.expect("written");
    assert_eq!(follow.next().await, Some(LogUpdate::Missed(47)));
    let mut heard = Vec::new();
    while let Some(LogUpdate::Lines { lines, .. }) = follow.next().await {
        heard.extend(lines);
    }
    assert_eq!(heard, lines(47..50, "x"));
}

#[tokio::test]
async fn a_followed_attempt_without_lines_ends() {
    let log = Log::new(|options| options.followed = 2).await;
    let attempt = log.writer.attempt(key("silent"));
    let mut follow = log.writer.follow(&key("silent")).await.expect("followed");
    let _other = log.writer.follow(&key("other")).await.expect("followed");
    let refused = log.writer.follow(&key("third")).await.map(drop);
    assert_eq!(refused, Err(LogError::TooMany { bound: 2 }));
    assert_eq!(attempt.finish().await, Ok(None));
    assert_eq!(follow.next().await, Some(LogUpdate::Ended(None)));
    drop(
        log.writer
            .follow(&key("third"))
            .await
            .expect("one has ended"),
    );
    log.writer
        .follow(&key("fourth"))
        .await
        .expect("the third has no followers");
}

#[tokio::test(start_paused = true)]
async fn live_lines_come_by_number() {
    let log = Log::new(|options| options.chunk_bytes = 200).await;
    let attempt = key("live");
    let patience = Duration::from_secs(5);
    let live = |from, max| log.writer.lines(&log.reader, &attempt, from, max, patience);
    assert_eq!(live(0, 10).await, Ok(None), "nothing is known of it");
    log.writer
        .append(&attempt, lines(0..20, "x"))
        .await
        .expect("taken");
    log.writer
        .append(&attempt, lines(20..22, "x"))
        .await
        .expect("taken");
    let mut heard = Vec::new();
    while heard.len() < 22 {
        let some = live(heard.len() as u64, 7)
            .await
            .expect("readable")
            .expect("known");
        assert_eq!(some.first, heard.len() as u64);
        assert!(!some.lines.is_empty() && some.lines.len() <= 7 && !some.has_ended);
        heard.extend(some.lines);
    }
    assert_eq!(heard, lines(0..22, "x"));
    let idle = live(22, 7).await.expect("readable").expect("it runs");
    assert_eq!(
        (idle.first, idle.lines.len(), idle.has_ended),
        (22, 0, false)
    );
    let (ended, finished) = tokio::join!(live(22, 7), log.writer.finish(&attempt));
    finished.expect("written");
    assert!(ended.expect("readable").expect("known").has_ended);
}

#[tokio::test]
async fn closing_writes_buffered_lines() {
    let log = Log::new(|_options| {}).await;
    log.writer
        .append(&key("a"), lines(0..3, "x"))
        .await
        .expect("taken");
    let mut follow = log.writer.follow(&key("a")).await.expect("followed");
    log.writer.close().await.expect("closed");
    assert_eq!(
        log.writer.append(&key("a"), lines(3..4, "x")).await,
        Err(LogError::Closed)
    );
    assert_eq!(log.writer.finish(&key("a")).await, Err(LogError::Closed));
    assert!(matches!(follow.next().await, Some(LogUpdate::Lines { .. })));
    assert_eq!(follow.next().await, None);
    let blobs = Blobs::local(log.folder.path()).expect("a store");
    let (_writer, recovered) = LogWriter::start(&blobs, LogOptions::local())
        .await
        .expect("started");
    assert_eq!(recovered, [], "a closed segment needs no recovery");
}
