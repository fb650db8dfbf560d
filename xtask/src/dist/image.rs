//! The container image as an OCI archive, which `podman load` and `docker load` read. Its one layer
//! has no distribution: the program, the C library that it links to, the roots of TLS, a folder
//! for temporary files, and a user without rights. Time zones are compiled into the program.

use super::{Dist, VERSION, archive, base::Base};
use crate::program;
use anyhow::Result;
use serde_json::{Value, json};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The user that the program runs as; Helm's chart and the Compose file expect it.
const USER: &str = "10001";
/// What it owns, where `WEFT_DATA_DIR` is.
const HOME: &str = "var/lib/weft";
/// By which `podman load` and `docker load` know the image.
const NAME: &str = "docker.io/library/weft";
/// The label that names the packages of Debian's which the image has files of.
const LABEL: &str = "dev.weft.packages";

/// Packs the image.
pub(super) fn pack(dist: &Dist<'_>, base: &Base) -> Result<PathBuf> {
    let stage = dist.stage("image")?;
    let layout = stage.join("layout");
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let layer = layer(dist, base, &stage)?;
    let diff = format!("sha256:{}", archive::hex(archive::sha256(&layer)?));
    let layer = put(
        &blobs,
        &fs::read(&layer)?,
        "application/vnd.oci.image.layer.v1.tar",
    )?;
    let base: Vec<String> = base
        .packages(dist.wfctl.path())?
        .iter()
        .map(|package| format!("{}={}", package.name, package.version))
        .collect();
    let config = json!({
        "architecture": dist.platform.debian(),
        "os": "linux",
        "config": {
            "User": USER,
            "Env": ["PATH=/usr/local/bin", "WEFT_DATA_DIR=/var/lib/weft", "HOME=/var/lib/weft"],
            "Entrypoint": ["/usr/local/bin/wfctl"],
            "WorkingDir": "/var/lib/weft",
            "Labels": {
                "org.opencontainers.image.version": VERSION,
                "org.opencontainers.image.licenses": "Apache-2.0",
                LABEL: base.join(" "),
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [diff] },
    });
    let config = put(
        &blobs,
        config.to_string().as_bytes(),
        "application/vnd.oci.image.config.v1+json",
    )?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": [layer],
    });
    let mut manifest = put(
        &blobs,
        manifest.to_string().as_bytes(),
        "application/vnd.oci.image.manifest.v1+json",
    )?;
    manifest["annotations"] = json!({
        "org.opencontainers.image.ref.name": VERSION,
        "io.containerd.image.name": format!("{NAME}:{VERSION}"),
    });
    fs::write(
        layout.join("oci-layout"),
        json!({ "imageLayoutVersion": "1.0.0" }).to_string(),
    )?;
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(layout.join("index.json"), index.to_string())?;
    let file = dist.folder.join(format!(
        "weft-{VERSION}-image-{}.tar",
        dist.platform.debian()
    ));
    program::run(archive::tar_command(&file, &layout, "0").args([
        "blobs",
        "index.json",
        "oci-layout",
    ]))?;
    Ok(file)
}

/// Writes a blob, and returns its descriptor.
fn put(blobs: &Path, bytes: &[u8], media_type: &str) -> Result<Value> {
    let partial = blobs.join("partial");
    fs::write(&partial, bytes)?;
    let digest = archive::hex(archive::sha256(&partial)?);
    fs::rename(&partial, blobs.join(&digest))?;
    Ok(
        json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() }),
    )
}

/// The files of the image.
fn layer(dist: &Dist<'_>, base: &Base, stage: &Path) -> Result<PathBuf> {
    let root = stage.join("root");
    dist.copy_program(&root.join("usr/local/bin/wfctl"))?;
    base.copy(dist.wfctl.path(), &root)?;
    fs::create_dir_all(root.join("etc"))?;
    fs::write(
        root.join("etc/passwd"),
        format!("root:x:0:0::/:/\nweft:x:{USER}:{USER}::/{HOME}:/\n"),
    )?;
    fs::write(
        root.join("etc/group"),
        format!("root:x:0:\nweft:x:{USER}:\n"),
    )?;
    fs::write(root.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
    let owned = stage.join("owned");
    fs::create_dir_all(owned.join(HOME))?;
    fs::create_dir_all(owned.join("tmp"))?;
    let tar = stage.join("layer.tar");
    let mut names: Vec<_> = fs::read_dir(&root)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<_>>()?;
    names.sort();
    program::run(archive::tar_command(&tar, &root, "0").args(names))?;
    program::run(archive::tar_command(&tar, &owned, USER).args(["tmp", HOME]))?;
    Ok(tar)
}
