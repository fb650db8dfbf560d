//! What is committed is what the contract says: the SDK's copy of the WIT, and
//! the bindings made of it.
//!
//! `WEFT_BLESS=1 cargo test -p weft-sdk --test bindings` writes both anew.

use std::{
    fs,
    path::{Path, PathBuf},
};
use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};

const BINDINGS: &str = "src/host/bindings.rs";

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn bless() -> bool {
    std::env::var_os("WEFT_BLESS").is_some()
}

fn assert_same(path: &Path, wanted: &str) {
    if bless() {
        fs::write(path, wanted).expect("the file is written");
    }
    let found = fs::read_to_string(path).expect("the file is there");
    assert!(
        found == wanted,
        "{} is out of date; run this test with WEFT_BLESS=1",
        path.display()
    );
}

#[test]
fn the_sdks_copy_of_the_contract_is_the_contract() {
    for name in ["weft.wit", "artifacts.wit"] {
        let contract = here().join("../../../wit").join(name);
        let wanted = fs::read_to_string(&contract).expect("the contract is there");
        assert_same(&here().join("wit/deps").join(name), &wanted);
    }
}

#[test]
fn the_bindings_are_what_the_contract_makes() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(here().join("wit"))
        .expect("the WIT parses");
    let world = resolve
        .select_world(&[package], Some("guest"))
        .expect("the world is there");
    let options = wit_bindgen_rust::Opts {
        format: true,
        generate_all: true,
        pub_export_macro: false,
        export_macro_name: Some("export".into()),
        runtime_path: Some("wit_bindgen::rt".into()),
        ..Default::default()
    };
    let mut files = Files::default();
    options
        .build()
        .generate(&mut resolve, world, &mut files)
        .expect("bindings are generated");
    let (_, text) = files.iter().next().expect("one file");
    let text = String::from_utf8(text.to_vec()).expect("Rust is UTF-8");
    let header = "//! Bindings to the contract, generated from `wit/` by `tests/bindings.rs`.\n//!\n//! Never edited by hand; hundreds of lines because the generator writes one file.\n\n";
    assert_same(
        &PathBuf::from(here()).join(BINDINGS),
        &format!("{header}{text}"),
    );
}
