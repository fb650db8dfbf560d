//! A store behind another one gives what was put, under the same names.

use super::*;
use std::collections::BTreeMap;

/// The other side, over a folder.
#[derive(Debug)]
struct Other {
    blobs: Blobs,
    segments: Mutex<BTreeMap<SegmentId, usize>>,
    /// What it answers instead, where it is set.
    fails: Mutex<Option<RemoteError>>,
}

impl Other {
    fn checked(&self) -> Result<(), RemoteError> {
        let fails = self.fails.lock().expect("whole").take();
        fails.map_or(Ok(()), Err)
    }
}

#[async_trait]
impl RemoteStore for Other {
    async fn get(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Incoming, RemoteError> {
        self.checked()?;
        let bytes = self.blobs.get(kind, tenant, digest).await;
        let bytes = bytes.map_err(|_missing| RemoteError::Missing)?;
        Ok(Incoming {
            size: bytes.len() as u64,
            bytes: stream::iter([Ok(bytes)]).boxed(),
        })
    }

    async fn size(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<u64, RemoteError> {
        let size = self.blobs.size(kind, tenant, digest).await;
        size.expect("a disk").ok_or(RemoteError::Missing)
    }

    async fn put(
        &self,
        kind: Kind,
        tenant: &TenantId,
        mut bytes: Outgoing,
    ) -> Result<Digest, RemoteError> {
        self.checked()?;
        let mut writer = self.blobs.writer(kind, tenant).await.expect("a disk");
        while let Some(part) = bytes.next().await {
            let part = part.map_err(|error| RemoteError::Unavailable(error.to_string()))?;
            writer.write(&part).await.expect("there is space");
        }
        Ok(writer.finish().await.expect("there is space").0)
    }

    async fn put_segment(&self, segment: SegmentId, bytes: Outgoing) -> Result<(), RemoteError> {
        let parts: Vec<Bytes> = bytes.try_collect().await.expect("whole");
        let length = parts.iter().map(Bytes::len).sum();
        self.segments.lock().expect("whole").insert(segment, length);
        Ok(())
    }
}

fn both() -> (tempfile::TempDir, Arc<Other>, Blobs) {
    let folder = tempfile::tempdir().expect("a disk");
    let other = Arc::new(Other {
        blobs: Blobs::local(folder.path()).expect("a folder"),
        segments: Mutex::default(),
        fails: Mutex::default(),
    });
    let here = Blobs::remote(other.clone());
    (folder, other, here)
}

#[tokio::test]
async fn a_blob_put_remotely_is_readable_on_both_sides() {
    let (_folder, other, here) = both();
    let tenant = TenantId::default();
    let digest = here.put(Kind::Output, &tenant, "[1]").await.expect("put");
    assert_eq!(digest, Digest::of(b"[1]"));
    for blobs in [&here, &other.blobs] {
        let got = blobs.get(Kind::Output, &tenant, &digest).await;
        assert_eq!(got.expect("there"), "[1]");
    }
    assert_eq!(here.size(Kind::Output, &tenant, &digest).await, Ok(Some(3)));
    let none = Digest::of(b"none");
    assert_eq!(here.size(Kind::Output, &tenant, &none).await, Ok(None));
    let missing = here.get(Kind::Output, &tenant, &none).await;
    assert!(
        matches!(missing, Err(BlobError::Missing { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_long_upload_is_streamed_and_named_at_its_end() {
    let (_folder, other, here) = both();
    let tenant = TenantId::default();
    let part = vec![7; 1 << 20];
    let mut writer = here
        .writer(Kind::Artifact, &tenant)
        .await
        .expect("the transport works");
    for _part in 0..12 {
        writer.write(&part).await.expect("sent");
    }
    let (digest, bytes) = writer.finish().await.expect("stored");
    assert_eq!(bytes, 12 << 20);
    assert_eq!(digest, Digest::of(&part.repeat(12)));
    let size = other.blobs.size(Kind::Artifact, &tenant, &digest).await;
    assert_eq!(size, Ok(Some(bytes)));
    let mut reader = here
        .reader(Kind::Artifact, &tenant, &digest)
        .await
        .expect("there");
    let mut read = 0;
    while let Some(part) = reader.next().await.expect("whole") {
        read += part.len() as u64;
    }
    assert_eq!(read, bytes);
}

#[tokio::test]
async fn a_dropped_upload_leaves_nothing() {
    let (folder, _other, here) = both();
    let mut writer = here
        .writer(Kind::Artifact, &TenantId::default())
        .await
        .expect("the transport works");
    writer.write(&vec![1; 6 << 20]).await.expect("sent");
    drop(writer);
    // The other side's task ends with the channel; what it staged goes with it.
    tokio::task::yield_now().await;
    drop(here);
    let blobs = Blobs::local(folder.path()).expect("a folder");
    let digest = Digest::of(&vec![1; 6 << 20]);
    let tenant = TenantId::default();
    let there = blobs.exists(Kind::Artifact, &tenant, &digest).await;
    assert_eq!(there, Ok(false));
}

#[tokio::test]
async fn remote_errors_keep_their_kind() {
    let (_folder, other, here) = both();
    let tenant = TenantId::default();
    let put = async |error| {
        *other.fails.lock().expect("whole") = Some(error);
        here.put(Kind::Output, &tenant, "1").await
    };
    let refused = put(RemoteError::Refused("no claim".into())).await;
    assert!(
        matches!(refused, Err(BlobError::Forbidden { ref reason, .. }) if reason.contains("no claim")),
        "{refused:?}"
    );
    let full = put(RemoteError::Full).await;
    assert!(matches!(full, Err(BlobError::Full { .. })), "{full:?}");
    let away = put(RemoteError::Unavailable("away".into())).await;
    assert!(
        matches!(away, Err(BlobError::Unavailable { .. })),
        "{away:?}"
    );
}
