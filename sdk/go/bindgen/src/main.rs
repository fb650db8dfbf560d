//! Makes `internal/bindings` of the Go SDK: `cargo run --manifest-path sdk/go/bindgen/Cargo.toml`.
//!
//! What wit-bindgen-go generates is kept as it is, but for three things: it is for WebAssembly alone, the
//! small runtime under it lies in the SDK (`internal/wit`), and a header says what it was made of. Needs
//! `gofmt` on the path.

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, fs, path::Path, process::Command};
use wit_bindgen_core::{Files, wit_parser::Resolve};
use wit_bindgen_go::Opts;

/// The interfaces, from the SDK's folder.
const WIT: &str = "../rust/weft-sdk/wit";
/// What the bindings were made of, as `sha256sum` writes it: a test compares.
const MADE_OF: &str = "made_of.sha256";
const WORLD: &str = "guest";
/// Where the bindings lie in the SDK's module.
const PACKAGE: &str = "weft.dev/weft/internal/bindings";
/// The import path that the generator gives its runtime, and the runtime's real one.
const RUNTIME: (&str, &str) = (
    "go.bytecodealliance.org/pkg/wit/",
    "weft.dev/weft/internal/wit/",
);
const HEADER: &str = "//go:build wasip1\n\n// Made by sdk/go/bindgen of the world in sdk/rust/weft-sdk/wit, with wit-bindgen-go 0.63.0.\n";

fn main() -> Result<()> {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let into = sdk.join("internal/bindings");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(sdk.join(WIT))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    let options = Opts {
        pkg_name: Some(PACKAGE.to_owned()),
        ..Opts::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
    if into.exists() {
        // One package beside the generated ones is written by hand.
        fs::remove_dir_all(into.join("imports"))?;
    }
    let mut count = 0;
    for (name, contents) in files.iter() {
        let text = std::str::from_utf8(contents)?.replace(RUNTIME.0, RUNTIME.1);
        // An assembler's file only matters where Go compiles for something else.
        if !name.ends_with(".go") {
            continue;
        }
        let path = into.join(name);
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        fs::write(path, format!("{HEADER}{text}"))?;
        count += 1;
    }
    ensure!(count > 0, "nothing was generated");
    let sorted = Command::new("gofmt").arg("-w").arg(&into).status();
    ensure!(sorted.context("gofmt is needed")?.success(), "gofmt failed");
    fs::write(into.join(MADE_OF), digests(&sdk.join(WIT))?)?;
    println!("{count} files in {}", into.display());
    Ok(())
}

/// A line for each interface, in order.
fn digests(wit: &Path) -> Result<String> {
    let mut names = Vec::new();
    for folder in ["", "deps"] {
        for entry in fs::read_dir(wit.join(folder))? {
            let path = entry?.path();
            if path.is_file() {
                names.push(path.strip_prefix(wit)?.to_owned());
            }
        }
    }
    names.sort();
    let mut lines = String::new();
    for name in names {
        let digest = Sha256::digest(fs::read(wit.join(&name))?);
        writeln!(lines, "{digest:x}  {}", name.display())?;
    }
    Ok(lines)
}
