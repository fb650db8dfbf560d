//! A guest's log as its reader sees it, for any bytes that the guest writes.

use super::*;
use crate::event::EventStream;

fn book(limits: Limits) -> (LogBook, EventStream) {
    let (sink, stream) = EventSink::channel(100);
    (LogBook::new(sink, &limits), stream)
}

fn messages(stream: &mut EventStream) -> Vec<String> {
    let mut messages = Vec::new();
    while let Some(event) = stream.try_next() {
        messages.push(match event {
            GuestEvent::Log { message, .. } => message,
            GuestEvent::Progress { fraction, .. } => format!("progress {fraction}"),
            GuestEvent::LogTruncated {
                dropped_lines,
                dropped_bytes,
            } => {
                format!("dropped {dropped_lines} lines, {dropped_bytes} bytes")
            }
        });
    }
    messages
}

#[tokio::test]
async fn writes_are_cut_into_lines_and_the_last_one_needs_no_end() {
    let (log, mut stream) = book(Limits::DEFAULT);
    log.write_stream(LogStream::Stdout, b"a\r\nb");
    log.write_stream(LogStream::Stderr, b"e\n");
    log.write_stream(LogStream::Stdout, b"c\n\nd");
    assert_eq!(log.finish().await, 5);
    assert_eq!(messages(&mut stream), ["a", "e", "bc", "", "d"]);
}

#[tokio::test]
async fn invalid_utf8_is_replaced() {
    let (log, mut stream) = book(Limits::DEFAULT);
    log.write_stream(LogStream::Stdout, b"x\xff\xfey\n");
    log.finish().await;
    assert_eq!(messages(&mut stream), ["x\u{fffd}\u{fffd}y"]);
}

#[tokio::test]
async fn a_long_line_is_cut_at_a_character_and_marked() {
    let (log, mut stream) = book(Limits {
        log_line_bytes: 5,
        ..Limits::DEFAULT
    });
    log.write_stream(LogStream::Stdout, "ab\u{fc}\u{fc}cd\nshort\n".as_bytes());
    log.finish().await;
    assert_eq!(
        messages(&mut stream),
        ["ab\u{fc} [cut]", "short", "dropped 0 lines, 4 bytes"]
    );
}

#[tokio::test]
async fn lines_beyond_the_limit_are_dropped_and_counted_once() {
    let (log, mut stream) = book(Limits {
        log_bytes: 6,
        ..Limits::DEFAULT
    });
    log.write_stream(LogStream::Stdout, b"abc\nde\nfgh\nij\n");
    log.write_line(LogLevel::Info, "k", vec![("a".into(), "b".into())])
        .await;
    log.finish().await;
    assert_eq!(
        messages(&mut stream),
        ["abc", "de", "dropped 3 lines, 8 bytes"]
    );
}

#[tokio::test]
async fn a_flood_of_lines_is_cut_to_the_burst() {
    let (log, mut stream) = book(Limits {
        log_lines_per_second: 1,
        ..Limits::DEFAULT
    });
    log.write_stream(LogStream::Stdout, &b"x\n".repeat(50));
    log.finish().await;
    let messages = messages(&mut stream);
    assert_eq!(messages.len(), 11);
    assert_eq!(messages[10], "dropped 40 lines, 40 bytes");
}

#[tokio::test]
async fn a_full_sink_makes_the_writer_wait() {
    let (sink, mut stream) = EventSink::channel(1);
    let log = LogBook::new(sink, &Limits::DEFAULT);
    log.write_stream(LogStream::Stdout, b"a\nb\nc\n");
    assert!(!log.has_room());
    let read = async {
        let mut seen = 0;
        while seen < 3 {
            stream.next().await.expect("the log is alive");
            seen += 1;
        }
    };
    tokio::join!(log.drained(), read);
    assert!(log.has_room());
}

#[tokio::test]
async fn progress_is_finite_bounded_and_the_last_one_arrives() {
    let (log, mut stream) = book(Limits::DEFAULT);
    log.progress(f64::NAN, "");
    log.progress(-3.0, "");
    log.progress(0.5, "");
    log.progress(7.0, "");
    log.finish().await;
    assert_eq!(messages(&mut stream), ["progress 0", "progress 1"]);
}
