//! Makes `internal/bindings` of the Go SDK: `cargo run --manifest-path sdk/go/bindgen/Cargo.toml`.
//!
//! What wit-bindgen-go generates is kept as it is, but for three things: it is for WebAssembly alone, the
//! small runtime under it lies in the SDK (`internal/wit`), and a header says what it was made of. Needs
//! `gofmt` on the path.

use anyhow::{Context as _, Result, ensure};
use std::{fs, path::Path, process::Command};
use wit_bindgen_core::{Files, wit_parser::Resolve};
use wit_bindgen_go::Opts;

const WORLD: &str = "guest";
/// Where the bindings lie in the SDK's module.
const PACKAGE: &str = "weft.dev/weft/internal/bindings";
/// What the generator takes its runtime to be, and where it lies.
const RUNTIME: (&str, &str) = (
    "go.bytecodealliance.org/pkg/wit/",
    "weft.dev/weft/internal/wit/",
);
const HEADER: &str = "//go:build wasip1\n\n// Made by sdk/go/bindgen of the world in sdk/rust/weft-sdk/wit, with wit-bindgen-go 0.63.0.\n";

fn main() -> Result<()> {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let into = sdk.join("internal/bindings");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(sdk.join("../rust/weft-sdk/wit"))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    let options = Opts {
        pkg_name: Some(PACKAGE.to_owned()),
        ..Opts::default()
    };
    options.build().generate(&mut resolve, world, &mut files)?;
    if into.exists() {
        // Beside what is generated stands one package that is written by hand.
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
        fs::create_dir_all(path.parent().context("a file stands in a folder")?)?;
        fs::write(path, format!("{HEADER}{text}"))?;
        count += 1;
    }
    ensure!(count > 0, "nothing was generated");
    let sorted = Command::new("gofmt").arg("-w").arg(&into).status();
    ensure!(sorted.context("gofmt is needed")?.success(), "gofmt failed");
    println!("{count} files in {}", into.display());
    Ok(())
}
