//! The npm package: `npm install @weft/sdk` brings the SDK with its types, and `wfctl`.

use super::{Dist, VERSION, archive};
use crate::{program, test, tools::compilers};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// Packs it as `npm pack` would.
pub(super) fn pack(dist: &Dist<'_>) -> Result<PathBuf> {
    let stage = dist.stage("npm")?;
    // npm expects this name.
    let folder = stage.join("package");
    let sdk = dist.workspace.root().join("sdk/js");
    let mut tsc = compilers::node()?.command("node");
    tsc.arg(test::js::packages(dist.workspace)?.join("typescript/bin/tsc"))
        .arg("--project")
        .arg(sdk.join("tsconfig.json"))
        .args(["--noEmit", "false", "--declaration", "--rootDir"])
        .arg(&sdk)
        .arg("--outDir")
        .arg(stage.join("compiled"));
    program::run(&mut tsc)?;
    fs::create_dir_all(&folder)?;
    fs::rename(stage.join("compiled/src"), folder.join("dist"))?;
    dist.copy_program(&folder.join("bin/wfctl"))?;
    dist.copy_native(&folder.join("share"))?;
    for (from, to) in [
        (sdk.join("README.md"), "README.md"),
        (dist.workspace.root().join("LICENSE"), "LICENSE"),
    ] {
        if from.exists() {
            fs::copy(&from, folder.join(to))?;
        }
    }
    let text = fs::read_to_string(sdk.join("package.json"))?;
    let mut manifest: Value = serde_json::from_str(&text).context("sdk/js/package.json")?;
    manifest["version"] = json!(VERSION);
    manifest["bin"] = json!({ "wfctl": "bin/wfctl" });
    manifest["os"] = json!(["linux"]);
    manifest["cpu"] = json!([dist.platform.npm()]);
    manifest["libc"] = json!(["glibc"]);
    manifest["files"] = json!(["bin", "dist", "share"]);
    fs::write(
        folder.join("package.json"),
        serde_json::to_string_pretty(&manifest)? + "\n",
    )?;
    let name = format!("weft-sdk-{VERSION}-linux-{}", dist.platform.npm());
    let file = dist.folder.join(format!("{name}.tar.gz"));
    archive::tar_gz(&stage, "package", &file)?;
    let named = file.with_file_name(format!("{name}.tgz"));
    fs::rename(&file, &named)?;
    Ok(named)
}
