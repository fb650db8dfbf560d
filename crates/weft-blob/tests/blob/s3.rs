//! Blobs and logs in S3, as a real server of it has them.

use crate::{
    log_sample::{key, lines},
    s3_server::Server,
    silent_relay::{SilentRelay, Target},
};
use std::time::{Duration, Instant};
use weft_blob::{
    BlobError, Blobs, Kind,
    logs::{LogOptions, LogReader, LogWriter},
};
use weft_core::{digest::Digest, id::TenantId, time::Timestamp};

fn blobs(server: &Server) -> Blobs {
    let settings = server
        .settings()
        .map(|(name, value)| (name.to_ascii_lowercase(), value));
    Blobs::from_url(&server.bucket(), settings).unwrap()
}

#[tokio::test]
async fn blobs_are_kept_found_listed_and_removed() {
    let server = Server::start();
    let blobs = blobs(&server);
    let own = TenantId::default();
    let small = blobs.put(Kind::Output, &own, "small").await.unwrap();
    assert_eq!(blobs.put(Kind::Output, &own, "small").await, Ok(small));
    assert_eq!(
        blobs.get(Kind::Output, &own, &small).await.as_deref(),
        Ok(&b"small"[..])
    );
    let bytes: Vec<u8> = (0..12_u32 << 20).map(|at| (at % 251) as u8).collect();
    let mut writer = blobs.writer(Kind::Artifact, &own).await.unwrap();
    for part in bytes.chunks(1 << 20) {
        writer.write(part).await.unwrap();
    }
    let (large, size) = writer.finish().await.unwrap();
    assert_eq!((large, size), (Digest::of(&bytes), 12 << 20));
    assert_eq!(
        blobs.get(Kind::Artifact, &own, &large).await.as_deref(),
        Ok(&*bytes)
    );
    let page = blobs.list(Kind::Output, &own, None, 10).await.unwrap();
    assert_eq!((page.len(), page[0].digest, page[0].bytes), (1, small, 5));
    let far = Timestamp(i64::MAX / 2);
    let removed = blobs
        .collect(Kind::Output, &own, |_digest| false, far)
        .await
        .unwrap();
    assert_eq!(removed.removed, 1);
    assert!(matches!(
        blobs.get(Kind::Output, &own, &small).await,
        Err(BlobError::Missing { .. })
    ));
}

#[tokio::test]
async fn a_signed_url_opens_one_blob_for_a_while() {
    let server = Server::start();
    let blobs = blobs(&server);
    let own = TenantId::default();
    let digest = blobs.put(Kind::Output, &own, "mine").await.unwrap();
    let url = async |lasts| {
        let url = blobs.signed_url(Kind::Output, &own, &digest, lasts).await;
        url.unwrap().expect("S3 has such URLs")
    };
    let minute = url(Duration::from_mins(1)).await;
    let error_text = minute.to_string();
    let settings = server.settings();
    let secret = settings.iter().find(|(name, _)| name.contains("SECRET"));
    assert!(!error_text.contains(&secret.unwrap().1), "{error_text}");
    let read = async |url| {
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(read(minute).await, (200, "mine".to_owned()));
    let folder = tempfile::tempdir().unwrap();
    let local = Blobs::local(folder.path()).unwrap();
    let none = local.signed_url(Kind::Output, &own, &digest, Duration::from_mins(1));
    assert_eq!(none.await, Ok(None));
}

#[tokio::test]
async fn a_log_is_written_and_read_again() {
    let server = Server::start();
    let blobs = blobs(&server);
    let spool = tempfile::tempdir().unwrap();
    let options = LogOptions::spooled(spool.path().join("spool"));
    let (writer, _earlier) = LogWriter::start(&blobs, options).await.unwrap();
    let said = lines(0..1_000, "in the cloud");
    writer.append(&key("one"), said.clone()).await.unwrap();
    let pointer = writer.finish(&key("one")).await.unwrap().unwrap();
    writer.close().await.unwrap();
    let reader = LogReader::new(blobs, None);
    let page = reader.read(&TenantId::default(), &pointer, 10, 2_000).await;
    assert_eq!(page.unwrap().lines, said[10..]);
}

#[tokio::test]
async fn a_stalled_s3_is_waited_for() {
    let server = Server::start();
    let blobs = blobs(&server);
    server.freeze();
    let own = TenantId::default();
    let mut put = std::pin::pin!(blobs.put(Kind::Output, &own, "late"));
    assert!(futures_util::poll!(&mut put).is_pending());
    server.thaw();
    let digest = put.await.unwrap();
    assert_eq!(
        blobs.get(Kind::Output, &own, &digest).await.as_deref(),
        Ok(&b"late"[..])
    );
}

#[tokio::test]
async fn calls_to_a_vanished_s3_end_and_are_repeated_over_a_new_connection() {
    let server = Server::start();
    let relay = SilentRelay::to(Target::Port(server.port()));
    let settings = server.settings().map(|(name, value)| match &*name {
        "AWS_ENDPOINT_URL" => (
            name.to_ascii_lowercase(),
            format!("http://127.0.0.1:{}", relay.port),
        ),
        _ => (name.to_ascii_lowercase(), value),
    });
    let blobs = Blobs::from_url(&server.bucket(), settings).unwrap();
    let own = TenantId::default();
    let before = blobs.put(Kind::Output, &own, "before").await.unwrap();
    relay.fall_silent();
    let began = Instant::now();
    let heal = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        relay.accept_again();
    };
    let (read, written, ()) = tokio::join!(
        blobs.get(Kind::Output, &own, &before),
        blobs.put(Kind::Output, &own, "after"),
        heal,
    );
    assert_eq!(read.as_deref(), Ok(&b"before"[..]));
    assert!(written.is_ok(), "{written:?}");
    assert!(
        began.elapsed() < Duration::from_secs(29),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_refusing_or_unreachable_s3_is_reported_without_its_key() {
    let server = Server::start();
    let settings = || {
        server
            .settings()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
    };
    let missing = Blobs::from_url("s3://no-such-bucket/weft", settings()).unwrap();
    let own = TenantId::default();
    let error = missing.put(Kind::Output, &own, "small").await.unwrap_err();
    assert!(!error.to_string().contains("hush"), "{error}");
    let nowhere = settings().map(|(name, value)| match &*name {
        "aws_endpoint_url" => (name, "http://127.0.0.1:9".to_owned()),
        _ => (name, value),
    });
    let blobs = Blobs::from_url("s3://bucket/weft", nowhere).unwrap();
    let error = blobs.put(Kind::Output, &own, "small").await.unwrap_err();
    assert!(matches!(error, BlobError::Unavailable { .. }), "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");
}
