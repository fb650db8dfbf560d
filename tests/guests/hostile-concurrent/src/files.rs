//! Attacks on the scratch folder's quota by calls that are in progress at once.

use crate::{End, saw};
use futures_util::future::{join, join_all};
use wasip3::{
    filesystem::{
        preopens,
        types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags},
    },
    wit_stream,
};

const MIB: usize = 1 << 20;

fn folder() -> Descriptor {
    preopens::get_directories().swap_remove(0).0
}

async fn create(folder: &Descriptor, name: &str) -> Result<Descriptor, ErrorCode> {
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let how = OpenFlags::CREATE;
    folder
        .open_at(PathFlags::empty(), name.to_owned(), how, flags)
        .await
}

/// Appends so much, or as much as it is let.
async fn append(file: &Descriptor, bytes: usize) -> Result<(), ErrorCode> {
    let (mut writer, reader) = wit_stream::new::<u8>();
    let ended = file.append_via_stream(reader);
    let writes = async {
        for _ in 0..bytes.div_ceil(MIB / 4) {
            if !writer.write_all(vec![7; MIB / 4]).await.is_empty() {
                break;
            }
        }
        drop(writer);
    };
    let ((), ended) = join(writes, async { ended.await }).await;
    ended
}

/// Eight files at once, each as large as the whole quota. What the files hold in the end
/// is the output.
pub(crate) async fn fill_scratch_by_stream() -> End {
    let folder = folder();
    let sizes = join_all((0..8).map(|turn| {
        let folder = &folder;
        async move {
            let Ok(file) = create(folder, &format!("file-{turn}")).await else {
                return 0;
            };
            match append(&file, 16 * MIB).await {
                Ok(()) => usize::MAX / 16,
                Err(_full) => file.stat().await.map_or(0, |stat| stat.size as usize),
            }
        }
    }))
    .await;
    saw(sizes.iter().sum::<usize>())
}

/// Many files renamed to one name at once: whose bytes are given back twice, the quota
/// has forgotten. What can be written afterwards is the output.
pub(crate) async fn rename_races() -> End {
    let folder = folder();
    for round in 0..20 {
        let names: Vec<String> = (0..8).map(|turn| format!("{round}-{turn}")).collect();
        for name in &names {
            let Ok(file) = create(&folder, name).await else {
                return saw("a file could not be made");
            };
            if append(&file, MIB / 4).await.is_err() {
                return saw("a file could not be filled");
            }
        }
        let renames = names
            .iter()
            .map(|name| folder.rename_at(name.clone(), &folder, "target".into()));
        join_all(renames).await;
    }
    let Ok(file) = create(&folder, "rest").await else {
        return saw("the last file could not be made");
    };
    drop(append(&file, 64 * MIB).await);
    let rest = file.stat().await.map_or(0, |stat| stat.size);
    let target = folder
        .stat_at(PathFlags::empty(), "target".into())
        .await
        .map_or(0, |stat| stat.size);
    saw(rest + target)
}

/// Files that have neither a name nor a handle any more, but a stream each that reads them.
/// How many bytes such files were given is the output.
pub(crate) async fn unlinked_files_kept_by_streams() -> End {
    let folder = folder();
    let mut kept = Vec::new();
    let mut bytes = 0;
    for _ in 0..64 {
        let Ok(file) = create(&folder, "unlinked").await else {
            break;
        };
        if append(&file, MIB).await.is_err() {
            break;
        }
        bytes += MIB;
        kept.push(file.read_via_stream(0));
        drop(folder.unlink_file_at("unlinked".into()).await);
    }
    saw(bytes)
}
