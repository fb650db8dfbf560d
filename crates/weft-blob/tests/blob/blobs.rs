//! Blobs as a caller sees them: whole or not at all, named when damaged, kept when live.

use crate::{
    files::{age, files, recently},
    small_disk,
};
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use weft_blob::{BlobError, Blobs, Kind};
use weft_core::{digest::Digest, id::TenantId, time::Timestamp};

fn store() -> (TempDir, Blobs) {
    let folder = TempDir::new().expect("a folder");
    let blobs = Blobs::local(folder.path()).expect("a store");
    (folder, blobs)
}

fn tenant(name: &str) -> TenantId {
    name.parse().expect("an id")
}

#[tokio::test]
async fn a_blob_is_read_back() {
    let (folder, blobs) = store();
    let own = TenantId::default();
    for bytes in [Vec::new(), b"hello".to_vec(), vec![7; 3 << 20]] {
        let digest = blobs
            .put(Kind::Output, &own, bytes.clone())
            .await
            .expect("stored");
        assert_eq!(digest, Digest::of(&bytes));
        let again = blobs.put(Kind::Output, &own, bytes.clone()).await;
        assert_eq!(again, Ok(digest), "the same again is no error");
        assert_eq!(
            blobs.get(Kind::Output, &own, &digest).await.as_deref(),
            Ok(&*bytes)
        );
        let size = blobs.size(Kind::Output, &own, &digest).await;
        assert_eq!(size, Ok(Some(bytes.len() as u64)));
    }
    assert_eq!(files(folder.path()).len(), 3, "nothing temporary is left");
    let reopened = Blobs::from_url(&format!("file://{}", folder.path().display()), [])
        .expect("the same place by its URL");
    let digest = Digest::of(b"hello");
    assert_eq!(
        reopened.get(Kind::Output, &own, &digest).await.as_deref(),
        Ok(&b"hello"[..])
    );
    assert_eq!(reopened.delete(Kind::Output, &own, &digest).await, Ok(true));
    assert_eq!(
        reopened.delete(Kind::Output, &own, &digest).await,
        Ok(false)
    );
    let missing = BlobError::Missing {
        kind: Kind::Output,
        digest,
    };
    assert_eq!(blobs.get(Kind::Output, &own, &digest).await, Err(missing));
}

#[tokio::test]
async fn kinds_and_tenants_are_isolated() {
    let (_folder, blobs) = store();
    let (one, two) = (tenant("one"), tenant("two"));
    let digest = blobs
        .put(Kind::Component, &one, "code")
        .await
        .expect("stored");
    assert_eq!(blobs.exists(Kind::Component, &one, &digest).await, Ok(true));
    assert_eq!(
        blobs.exists(Kind::Component, &two, &digest).await,
        Ok(false)
    );
    assert_eq!(blobs.exists(Kind::Compiled, &one, &digest).await, Ok(false));
    assert!(matches!(
        blobs.reader(Kind::Component, &two, &digest).await,
        Err(BlobError::Missing { .. })
    ));
    blobs.put(Kind::Output, &two, "code").await.expect("stored");
    assert_eq!(blobs.tenants().await, Ok(vec![one, two]));
}

#[tokio::test]
async fn a_damaged_blob_is_reported_and_healed() {
    let (folder, blobs) = store();
    let own = TenantId::default();
    let bytes = vec![42; 100_000];
    let digest = blobs
        .put(Kind::Component, &own, bytes.clone())
        .await
        .expect("stored");
    let file = files(folder.path()).remove(0);
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(4096),
        Vec::clear,
        |bytes| bytes[777] ^= 1,
        |bytes| bytes.push(0),
    ];
    for damage in damages {
        let mut torn = bytes.clone();
        damage(&mut torn);
        fs::write(&file, torn).expect("writable");
        let found = blobs.get(Kind::Component, &own, &digest).await;
        let Err(BlobError::Damaged {
            digest: named,
            path,
        }) = found
        else {
            panic!("{found:?}");
        };
        assert_eq!(named, digest);
        assert_eq!(Path::new(&path), file.canonicalize().expect("it is there"));
        let mut reader = blobs
            .reader(Kind::Component, &own, &digest)
            .await
            .expect("it is there");
        let end = loop {
            match reader.next().await {
                Ok(Some(_part)) => {}
                end => break end,
            }
        };
        assert!(matches!(end, Err(BlobError::Damaged { .. })), "{end:?}");
        blobs
            .put(Kind::Component, &own, bytes.clone())
            .await
            .expect("put again");
        assert!(
            blobs.get(Kind::Component, &own, &digest).await.is_ok(),
            "healed"
        );
    }
}

#[tokio::test]
async fn a_streamed_blob_is_read_back() {
    let (folder, blobs) = store();
    let own = TenantId::default();
    for size in [0, 1, 5 << 20, (11 << 20) + 3] {
        let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        let mut writer = blobs.writer(Kind::Artifact, &own).await.expect("begun");
        for part in bytes.chunks(700_001) {
            writer.write(part).await.expect("written");
        }
        assert_eq!(writer.bytes(), size as u64);
        let digest = Digest::of(&bytes);
        assert_eq!(blobs.exists(Kind::Artifact, &own, &digest).await, Ok(false));
        assert_eq!(writer.finish().await, Ok((digest, size as u64)));
        let mut reader = blobs
            .reader(Kind::Artifact, &own, &digest)
            .await
            .expect("there");
        assert_eq!(reader.size(), size as u64);
        let mut read = Vec::new();
        while let Some(part) = reader.next().await.expect("whole") {
            read.extend_from_slice(&part);
        }
        assert!(read == bytes, "{size} bytes come back as they were");
    }
    assert_eq!(
        files(folder.path()).len(),
        4,
        "uploads leave nothing behind"
    );
}

#[tokio::test]
async fn aborted_uploads_leave_nothing() {
    let (folder, blobs) = store();
    let own = TenantId::default();
    let mut writer = blobs.writer(Kind::Artifact, &own).await.expect("begun");
    writer.write(&vec![1; 6 << 20]).await.expect("written");
    writer.abort().await.expect("aborted");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn pages_list_every_blob_once_in_order() {
    let (_folder, blobs) = store();
    let own = TenantId::default();
    let mut expected = Vec::new();
    for number in 0..100 {
        expected.push(
            blobs
                .put(Kind::Output, &own, format!("{number}"))
                .await
                .expect("stored"),
        );
    }
    expected.sort();
    for limit in [1, 7, 50, 1000] {
        let mut found = Vec::new();
        loop {
            let after = found.last().copied();
            let page = blobs
                .list(Kind::Output, &own, after.as_ref(), limit)
                .await
                .expect("listed");
            found.extend(page.iter().map(|blob| blob.digest));
            if page.len() < limit {
                break;
            }
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
    let none = blobs.list(Kind::Output, &tenant("unknown"), None, 10).await;
    assert_eq!(none, Ok(Vec::new()));
}

#[tokio::test]
async fn garbage_collection_removes_only_old_unreferenced_blobs() {
    let (folder, blobs) = store();
    let own = TenantId::default();
    let mut all = Vec::new();
    for number in 0..40_u32 {
        let digest = blobs
            .put(Kind::Output, &own, format!("{number}"))
            .await
            .expect("stored");
        all.push(digest);
    }
    let old: HashSet<Digest> = all.iter().skip(10).copied().collect();
    for file in files(folder.path()) {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        if old.contains(&Digest::from_hex(name).expect("a digest")) {
            age(&file);
        }
    }
    // What a crash left: an upload, and a file that was never renamed.
    let mut writer = blobs.writer(Kind::Output, &own).await.expect("begun");
    writer.write(&vec![1; 6 << 20]).await.expect("written");
    std::mem::forget(writer);
    let left: Vec<PathBuf> = files(folder.path())
        .into_iter()
        .filter(|file| file.to_string_lossy().contains("incoming"))
        .collect();
    assert_eq!(left.len(), 1);
    age(&left[0]);
    let live: HashSet<Digest> = all.iter().skip(20).copied().collect();
    let again = all[15];
    blobs
        .put(Kind::Output, &own, "15")
        .await
        .expect("put again");
    let collected = blobs
        .collect(
            Kind::Output,
            &own,
            |digest| live.contains(digest),
            recently(),
        )
        .await
        .expect("collected");
    assert_eq!(
        (collected.removed, collected.kept, collected.uploads),
        (9, 31, 1)
    );
    for (number, digest) in all.iter().enumerate() {
        let is_kept = !(10..20).contains(&number) || *digest == again;
        assert_eq!(
            blobs.exists(Kind::Output, &own, digest).await,
            Ok(is_kept),
            "{number}"
        );
    }
    let rest = blobs
        .collect(Kind::Output, &own, |_digest| false, recently())
        .await;
    assert_eq!(
        rest.expect("collected").removed,
        20,
        "what is dead and old now"
    );
}

/// What is put while collecting is never taken for the old blob of the same bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_put_again_during_garbage_collection_is_kept() {
    let (folder, blobs) = store();
    let own = TenantId::default();
    for _ in 0..30 {
        let digest = blobs
            .put(Kind::Output, &own, "again")
            .await
            .expect("stored");
        age(&files(folder.path())[0]);
        let (collecting, putting) = (blobs.clone(), blobs.clone());
        let (collector, putter) = (own.clone(), own.clone());
        let collect = tokio::spawn(async move {
            collecting
                .collect(Kind::Output, &collector, |_digest| false, recently())
                .await
        });
        putting
            .put(Kind::Output, &putter, "again")
            .await
            .expect("stored");
        collect.await.expect("no panic").expect("collected");
        assert_eq!(blobs.exists(Kind::Output, &own, &digest).await, Ok(true));
    }
}

/// A store that is no folder, such as S3, keeps the same promises.
#[tokio::test]
async fn a_store_without_a_folder_behaves_the_same() {
    let blobs = Blobs::from_url("memory:///", []).expect("a store");
    assert_eq!(blobs.folder(), None);
    let own = TenantId::default();
    let small = blobs
        .put(Kind::Output, &own, "small")
        .await
        .expect("stored");
    let mut writer = blobs.writer(Kind::Artifact, &own).await.expect("begun");
    let bytes = vec![5; 12 << 20];
    writer.write(&bytes).await.expect("written");
    let (large, _size) = writer.finish().await.expect("stored");
    assert_eq!(large, Digest::of(&bytes));
    assert_eq!(
        blobs.get(Kind::Artifact, &own, &large).await.as_deref(),
        Ok(&*bytes)
    );
    assert_eq!(blobs.tenants().await, Ok(vec![own.clone()]));
    let page = blobs
        .list(Kind::Output, &own, None, 10)
        .await
        .expect("listed");
    assert_eq!((page.len(), page[0].digest, page[0].bytes), (1, small, 5));
    let young = blobs
        .collect(Kind::Output, &own, |_digest| false, recently())
        .await;
    assert_eq!(young.expect("collected").kept, 1);
    let tomorrow = Timestamp(recently().0 + 86_400_000);
    let old = blobs
        .collect(Kind::Output, &own, |_digest| false, tomorrow)
        .await;
    assert_eq!(old.expect("collected").removed, 1);
    assert!(matches!(
        blobs.get(Kind::Output, &own, &small).await,
        Err(BlobError::Missing { .. })
    ));
}

#[tokio::test]
async fn unusable_urls_and_folders_are_refused() {
    for (url, word) in [
        ("nowhere", "relative URL"),
        ("ftp://host/x", ""),
        ("s3://key:secret@bucket/x", ""),
    ] {
        let Err(BlobError::InvalidUrl { url: shown, reason }) = Blobs::from_url(url, []) else {
            panic!("{url} was taken");
        };
        assert!(reason.contains(word), "{reason}");
        assert!(
            !shown.contains("secret") && !reason.contains("secret"),
            "{shown}: {reason}"
        );
    }
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "no folder").expect("writable");
    let refused = Blobs::local(&file.join("below")).expect_err("a file blocks the folder");
    assert!(refused.to_string().contains("below"), "{refused}");
}

#[tokio::test]
async fn a_full_disk_is_reported_and_recovers() {
    match small_disk::folder() {
        Some(folder) => on_small_disk(&folder).await,
        None => small_disk::run("blobs::a_full_disk_is_reported_and_recovers", "1m"),
    }
}

async fn on_small_disk(folder: &Path) {
    let blobs = Blobs::local(folder).expect("a store");
    let own = TenantId::default();
    let kept = blobs
        .put(Kind::Output, &own, vec![1; 300_000])
        .await
        .expect("it fits");
    let full = blobs.put(Kind::Output, &own, vec![2; 2_000_000]).await;
    assert!(matches!(full, Err(BlobError::Full { .. })), "{full:?}");
    let mut writer = blobs.writer(Kind::Artifact, &own).await.expect("begun");
    let mut result = Ok(());
    for _ in 0..3 {
        result = writer.write(&vec![3; 5 << 20]).await;
        if result.is_err() {
            break;
        }
    }
    assert!(matches!(result, Err(BlobError::Full { .. })), "{result:?}");
    writer.abort().await.expect("aborted");
    assert_eq!(
        blobs
            .get(Kind::Output, &own, &kept)
            .await
            .map(|bytes| bytes.len()),
        Ok(300_000)
    );
    blobs
        .delete(Kind::Output, &own, &kept)
        .await
        .expect("removed");
    blobs
        .put(Kind::Output, &own, vec![4; 700_000])
        .await
        .expect("there is space again");
    small_disk::report_success();
}
