//! Which components have a template, in files that are none, and that its code is completed to a component's.

use super::*;
use crate::{
    SandboxOptions,
    code::{self, CodeName, Form, Origin},
    compile::CodeCompiler,
    engine::{self, Profile, Target},
};
use std::fmt::Write;

const PAGES: usize = 32;
const BYTES: usize = PAGES * WASM_PAGE_BYTES;

/// A component of a module with this memory and body, whose first segment of data has so many bytes.
fn component(memory: &str, letter: char, bytes: usize, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          (core module $main
            {memory}
            (data (i32.const 8) "{}")
            (data (i32.const 16) "overlaps")
            {body}
            (func (export "read") (param i32) (result i32) local.get 0 i32.load8_u))
          (core instance $main (instantiate $main))
          (func (export "read") (param "at" u32) (result u32) (canon lift (core func $main "read"))))"#,
        letter.to_string().repeat(bytes)
    );
    wat::parse_str(text).expect("the component is well-formed")
}

fn snapshot(letter: char) -> Vec<u8> {
    component(&format!("(memory {PAGES})"), letter, BYTES - 8, "")
}

fn origin(wasm: &[u8], profile: Profile, target: Target) -> Origin {
    let engine = engine::compiling_engine(profile, target).unwrap();
    Origin {
        digest: split(wasm).unwrap().template.digest(),
        name: CodeName {
            form: Form::Template,
            profile,
            target,
            compatibility: engine::compatibility(&engine),
        },
    }
}

/// The code of one snapshot's template, completed with the contents of another one.
async fn completed(profile: Profile, target: Target) -> Bytes {
    let compiler = CodeCompiler::new(&SandboxOptions::default());
    let wasm = snapshot('a');
    let origin = origin(&wasm, profile, target);
    let framed = compiler.compile(&origin, wasm.into()).await.unwrap();
    let entry = code::unframe(&origin, &framed).unwrap().to_vec();
    complete(entry.into(), &split(&snapshot('b')).unwrap().contents).unwrap()
}

#[test]
fn components_that_differ_in_memory_have_one_template() {
    let (a, b) = (snapshot('a'), snapshot('b'));
    let (split_a, split_b) = (split(&a).unwrap(), split(&b).unwrap());
    assert_eq!(split_a.template.digest(), split_b.template.digest());
    assert_eq!(split_a.contents.len(), BYTES);
    assert_eq!(&split_a.contents[..10], b"\0\0\0\0\0\0\0\0aa");
    assert_eq!(&split_a.contents[15..25], b"aoverlapsa");
    assert_eq!(split_b.contents[BYTES - 1], b'b');
    let whole = split_a.template.component(&split_a.contents);
    wasmparser::validate(&whole).unwrap();
    let again = split(&whole).unwrap();
    assert_eq!(again.template.digest(), split_a.template.digest());
    assert_eq!(again.contents, split_a.contents);
    let other = component(&format!("(memory {PAGES})"), 'a', BYTES - 8, "(func)");
    let other = split(&other).unwrap();
    assert_ne!(other.template.digest(), split_a.template.digest());
}

#[test]
fn components_that_depend_on_their_segments_are_compiled_as_a_whole() {
    let memory = format!("(memory {PAGES})");
    let of = |memory: &str, bytes, body| split(&component(memory, 'a', bytes, body)).is_some();
    assert!(of(&memory, BYTES - 8, ""));
    assert!(!of(&memory, MIN_CONTENT_BYTES / 2, ""), "little data");
    assert!(!of(&memory, BYTES, ""), "beyond the memory");
    assert!(!of("(memory 65536)", BYTES - 8, ""), "mostly empty");
    assert!(!of(&memory, BYTES - 8, "(data \"passive\")"));
    assert!(!of(&memory, BYTES - 8, "(func data.drop 0)"));
    let body = "(func (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 8)))";
    assert!(!of(&memory, BYTES - 8, body));
    assert!(!of("(memory i64 32) (memory 32)", BYTES - 8, ""));
    let two = format!("{memory} (memory 1) (data (memory 1) (i32.const 0) \"other\")");
    assert!(!of(&two, BYTES - 8, ""));
    let mut text = String::from("(component");
    for letter in ["a", "b"] {
        let data = letter.repeat(MIN_CONTENT_BYTES);
        write!(
            text,
            "(core module (memory {PAGES}) (data (i32.const 0) \"{data}\"))"
        )
        .unwrap();
    }
    let two = wat::parse_str(text + ")").unwrap();
    assert!(split(&two).is_none(), "two snapshots");
}

#[test]
fn damaged_files_have_no_template() {
    let whole = snapshot('a');
    let data_end = whole.len() - 8;
    for end in (0..200).chain(data_end - 200..whole.len()) {
        // Whether something is found in what is left does not matter; reading it must not fail.
        let _template = split(&whole[..end]);
    }
    for at in 0..200 {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        if let Some(split) = split(&changed) {
            assert!(split.contents.len() <= MIN_CONTENT_SHARE * changed.len());
        }
    }
}

#[test]
fn only_one_whole_piece_is_found() {
    let marked = marked(3 * PAGE_BYTES).unwrap();
    assert_ne!(marked, super::marked(3 * PAGE_BYTES).unwrap());
    let code = |pieces: &[&[u8]]| pieces.concat();
    let page = [1; PAGE_BYTES];
    let found = find(&code(&[&page, &marked, &page]), &marked);
    assert_eq!(found, Some(PAGE_BYTES..4 * PAGE_BYTES));
    assert_eq!(find(&code(&[&page, &page]), &marked), None);
    assert_eq!(find(&code(&[&marked, &marked]), &marked), None);
    assert_eq!(
        find(&code(&[&marked[..2 * PAGE_BYTES], &page]), &marked),
        None
    );
    assert_eq!(find(&code(&[&marked[..2 * PAGE_BYTES]]), &marked), None);
    assert_eq!(find(&code(&[&[0], &marked]), &marked), None);
}

#[tokio::test]
async fn contents_are_found_in_the_code_of_every_engine_and_target() {
    for profile in Profile::ALL {
        completed(profile, Target::of_this_machine()).await;
    }
    for target in Target::known() {
        completed(Profile::Fast, target).await;
    }
}

#[tokio::test]
async fn completed_code_runs_with_its_own_memory() {
    let code = completed(Profile::Fast, Target::of_this_machine()).await;
    let runtime = engine::Runtime::new(Profile::Fast, &SandboxOptions::default()).unwrap();
    let component = code::load_component(&runtime.engine, &code).unwrap();
    let mut store = wasmtime::Store::new(&runtime.engine, ());
    store.set_epoch_deadline(1);
    let linker = wasmtime::component::Linker::new(&runtime.engine);
    let instance = linker
        .instantiate_async(&mut store, &component)
        .await
        .unwrap();
    let read = instance
        .get_typed_func::<(u32,), (u32,)>(&mut store, "read")
        .unwrap();
    let last = u32::try_from(BYTES - 1).unwrap();
    for (at, letter) in [(0, 0), (8, b'b'), (16, b'o'), (24, b'b'), (last, b'b')] {
        let (found,) = read.call_async(&mut store, (at,)).await.unwrap();
        assert_eq!(found, u32::from(letter), "at {at}");
    }
}
