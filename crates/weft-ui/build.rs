//! Lists the files of `dist`, so that the program contains them.
//!
//! The folder is committed, so building needs no Node. A file `NAME.br` is the file `NAME`, compressed with brotli.

use std::{env, fmt::Write as _, fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=dist");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
    let mut files = Vec::new();
    if let Err(error) = list(&folder, "", &mut files) {
        println!("cargo::error={}: {error}", folder.display());
        return ExitCode::FAILURE;
    }
    files.sort();
    let mut text = format!("static ASSETS: [Asset; {}] = [\n", files.len());
    for file in &files {
        let (name, encoding) = match file.strip_suffix(".br") {
            Some(name) => (name, "Brotli"),
            None => (file.as_str(), "Identity"),
        };
        let path = folder.join(file).display().to_string();
        writeln!(
            text,
            "    Asset::new({name:?}, Encoding::{encoding}, include_bytes!({path:?})),"
        )
        .expect("a String takes every text");
    }
    text.push_str("];\n");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    if let Err(error) = fs::write(Path::new(&out).join("assets.rs"), text) {
        println!("cargo::error=the list of assets can't be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The files below a folder, as paths with slashes relative to `dist`.
fn list(folder: &Path, prefix: &str, files: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
