//! The scratch folder through WASI 0.3.

use futures_util::future::join_all;
use wasip3::{
    filesystem::{
        preopens,
        types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags},
    },
    wit_stream,
};

/// Writes two files at the same time, reads one back, and leaves nothing.
pub(crate) async fn round_trip() -> Result<String, String> {
    work().await.map_err(|error| format!("{error:?}"))
}

async fn work() -> Result<String, ErrorCode> {
    let (folder, _) = preopens::get_directories()
        .into_iter()
        .find(|(_, name)| name == "/")
        .ok_or(ErrorCode::NoEntry)?;
    let texts = [("one", "first"), ("two", "second, and longer")];
    let written = join_all(texts.map(|(name, text)| write(&folder, name, text))).await;
    written.into_iter().collect::<Result<Vec<()>, _>>()?;
    folder.create_directory_at("sub".into()).await?;
    folder
        .rename_at("two".into(), &folder, "sub/two".into())
        .await?;
    let none = PathFlags::empty();
    let moved = folder
        .open_at(
            none,
            "sub/two".into(),
            OpenFlags::empty(),
            DescriptorFlags::READ,
        )
        .await?;
    let size = moved.stat().await?.size;
    let (bytes, ended) = moved.read_via_stream(8);
    let bytes = bytes.collect().await;
    ended.await?;
    let (entries, ended) = folder.read_directory();
    let mut names: Vec<String> = entries
        .collect()
        .await
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    ended.await?;
    names.sort_unstable();
    names.retain(|name| name != "tmp");
    folder.unlink_file_at("sub/two".into()).await?;
    folder.remove_directory_at("sub".into()).await?;
    folder.unlink_file_at("one".into()).await?;
    let gone = folder.stat_at(none, "one".into()).await.is_err();
    Ok(format!(
        r#"{{"size":{size},"rest":{:?},"names":{names:?},"gone":{gone}}}"#,
        String::from_utf8_lossy(&bytes)
    ))
}

async fn write(folder: &Descriptor, name: &str, text: &str) -> Result<(), ErrorCode> {
    let file = folder
        .open_at(
            PathFlags::empty(),
            name.to_owned(),
            OpenFlags::CREATE | OpenFlags::EXCLUSIVE,
            DescriptorFlags::WRITE,
        )
        .await?;
    let (mut writer, reader) = wit_stream::new::<u8>();
    let ended = file.write_via_stream(reader, 0);
    for byte in text.bytes() {
        if !writer.write_all(vec![byte]).await.is_empty() {
            break;
        }
    }
    drop(writer);
    ended.await
}
