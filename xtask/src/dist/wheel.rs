//! The Python wheel: `pip install weft` brings `wfctl` and the SDK, which `import weft` finds.

use super::{Dist, VERSION, archive, linkage::OLDEST_GLIBC, platform::Platform};
use anyhow::Result;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Python's name for a platform with this C library: the first one, which programs for installing know since
/// 2020, and the alias that older ones know.
fn tags(platform: Platform) -> String {
    let glibc = OLDEST_GLIBC.to_string().replace('.', "_");
    let architecture = platform.architecture();
    format!("manylinux_{glibc}_{architecture}.manylinux2014_{architecture}")
}

/// Packs the wheel.
pub(super) fn pack(dist: &Dist<'_>) -> Result<PathBuf> {
    let folder = dist.stage("wheel")?;
    let sources = dist.workspace.root().join("sdk/python/src");
    let is_source = |path: &Path| {
        let kind = path.extension().is_some_and(|end| end == "py");
        kind || path.ends_with("py.typed")
    };
    archive::copy_tree(&sources, &folder, &is_source)?;
    dist.copy_program(&folder.join(format!("weft-{VERSION}.data/scripts/wfctl")))?;
    dist.copy_native(&folder.join(format!("weft-{VERSION}.data/data/share")))?;

    let info = folder.join(format!("weft-{VERSION}.dist-info"));
    fs::create_dir_all(info.join("licenses"))?;
    let root = dist.workspace.root();
    fs::copy(root.join("LICENSE"), info.join("licenses/LICENSE"))?;
    let readme = fs::read_to_string(root.join("sdk/python/README.md"))?;
    fs::write(
        info.join("METADATA"),
        format!(
            "Metadata-Version: 2.4\nName: weft\nVersion: {VERSION}\n\
             Summary: A task runtime for DAGs in WebAssembly: wfctl and the Python SDK\n\
             License-Expression: Apache-2.0\nLicense-File: LICENSE\nRequires-Python: >=3.10\n\
             Description-Content-Type: text/markdown\n\n{readme}"
        ),
    )?;
    let tags = tags(dist.platform);
    let mut text =
        format!("Wheel-Version: 1.0\nGenerator: weft-xtask ({VERSION})\nRoot-Is-Purelib: false\n");
    for tag in tags.split('.') {
        writeln!(text, "Tag: py3-none-{tag}")?;
    }
    fs::write(info.join("WHEEL"), text)?;
    record(&folder, &info)?;
    let file = dist
        .folder
        .join(format!("weft-{VERSION}-py3-none-{tags}.whl"));
    archive::zip(&folder, &file)?;
    Ok(file)
}

/// Lists every file with its digest and size; the list itself has neither.
fn record(folder: &Path, info: &Path) -> Result<()> {
    let mut lines = String::new();
    for file in files(folder)? {
        let name = file.strip_prefix(folder)?.display();
        let digest = base64(&archive::sha256(&file)?);
        writeln!(lines, "{name},sha256={digest},{}", file.metadata()?.len())?;
    }
    let record = info.join("RECORD");
    let name = record.strip_prefix(folder)?.display();
    writeln!(lines, "{name},,")?;
    fs::write(&record, lines)?;
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// URL-safe base64 without padding, as wheels have their digests.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for letter in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * letter)) & 63;
            text.push(char::from(LETTERS[index as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_what_it_runs_on() {
        assert_eq!(
            tags(Platform::Aarch64),
            "manylinux_2_17_aarch64.manylinux2014_aarch64"
        );
    }

    #[test]
    fn digests_are_base64_without_padding() {
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64(b"fooba"), "Zm9vYmE");
        assert_eq!(base64(&[0xfb, 0xff]), "-_8");
    }
}
