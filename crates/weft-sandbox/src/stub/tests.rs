//! A library without code comes back whole.

use super::*;
use wasm_encoder::Encode as _;

fn library(name: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
          (import "env" "memory" (memory 1))
          (import "env" "outside" (func $outside))
          (func $called (call $outside) (drop (i32.const 111111)))
          (func (export "__wasm_call_ctors") (call $called))
          (func (export "{name}") (param i32) (result i32)
            (drop (i32.const 222222)) (local.get 0)))"#
    );
    wat::parse_str(text).expect("the library is well-formed")
}

fn component(libraries: &[&[u8]]) -> Vec<u8> {
    let mut component = wasm_encoder::Component::new();
    for library in libraries {
        component.section(&wasm_encoder::RawSection {
            id: component_section::CORE_MODULE,
            data: library,
        });
    }
    component.finish()
}

fn has(bytes: &[u8], constant: i32) -> bool {
    let mut encoded = Vec::new();
    Instruction::I32Const(constant).encode(&mut encoded);
    bytes.windows(encoded.len()).any(|part| part == encoded)
}

#[test]
fn a_stub_has_the_code_that_starts_it_and_no_other() {
    let whole = library("one");
    let stub = stub(&whole, 7).unwrap();
    wasmparser::validate(&stub.library).unwrap();
    assert!(has(&stub.library, 111_111));
    assert!(!has(&stub.library, 222_222));
}

#[test]
fn code_comes_back_to_the_library_that_it_is_of() {
    let wholes = [library("one"), library("two")];
    let stubs: Vec<Stub> = (0..)
        .zip(&wholes)
        .map(|(number, whole)| stub(whole, number).unwrap())
        .collect();
    let linked = component(&[&stubs[1].library, &library("three"), &stubs[0].library]);
    let expected = component(&[&wholes[1], &library("three"), &wholes[0]]);
    assert_eq!(complete(&linked, &stubs), Some(expected));
    let without_one = component(&[&stubs[1].library]);
    assert_eq!(complete(&without_one, &stubs), None);
}

#[test]
fn what_is_no_library_has_no_stub() {
    assert!(stub(b"\x7fELF", 0).is_none());
    assert!(stub(b"\0asm\x01\0\0\0", 0).is_none());
    let whole = library("one");
    for end in 0..whole.len() {
        // It only must not panic.
        let _stub = stub(&whole[..end], 0);
    }
}
