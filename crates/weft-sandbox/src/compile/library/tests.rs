//! Which libraries are found in components, in files that are none, and how they are compiled.

use super::*;
use crate::{
    code::{CodeName, Form},
    compile::{KnownFunctions, translate::translate},
    engine::{self, Profile, Target},
};
use std::{fmt::Write, sync::Arc};

/// A module with so many functions, which call each other, imports and a table.
fn module(functions: usize, section: &str) -> String {
    let mut text = format!(
        r#"(core module $library {section}
          (type $unary (func (param i32) (result i32)))
          (import "env" "memory" (memory 1))
          (import "env" "table" (table 1 funcref))
          (import "env" "base" (global $base i32))
          (import "GOT" "pointer" (global $pointer (mut i32)))
          (import "env" "helper" (func $helper (type $unary)))"#
    );
    for number in 0..functions {
        write!(
            text,
            "(func $f{number} (export \"f{number}\") (param i32) (result i32) local.get 0 global.get $base i32.add i32.load"
        )
        .unwrap();
        for step in 0..40 {
            write!(
                text,
                " i32.const {} i32.mul local.get 0 i32.xor",
                number + step
            )
            .unwrap();
        }
        let calls = match number % 4 {
            0 => "call $helper",
            1 => "global.get $pointer call_indirect (type $unary)",
            2 => "call $f0",
            _ => "i32.const 1 i32.rotl",
        };
        write!(text, " {calls})").unwrap();
    }
    text.push(')');
    text
}

const LARGE: usize = 500;
const SECTION: &str = r#"(@custom "dylink.0" (before first) "")"#;

/// A component of a library and of a main module with this body.
fn component(main: &str, library: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          (core module $main
            {main}
            (memory (export "memory") 1)
            (table (export "table") 1 funcref)
            (global (export "base") i32 i32.const 8)
            (global (export "pointer") (mut i32) i32.const 0)
            (func (export "helper") (param i32) (result i32) local.get 0 i32.const 3 i32.add))
          {library}
          (core instance $main (instantiate $main))
          (core instance (instantiate $library (with "env" (instance $main)) (with "GOT" (instance $main)))))"#
    );
    wat::parse_str(text).expect("the component is well-formed")
}

fn name(form: Form) -> CodeName {
    let (profile, target) = (Profile::Fast, Target::of_this_machine());
    let engine = engine::compiling_engine(profile, target).unwrap();
    CodeName {
        form,
        profile,
        target,
        compatibility: engine::compatibility(&engine),
    }
}

fn compile(form: Form, wasm: &[u8], known: &Arc<KnownFunctions>) -> Vec<u8> {
    translate(&name(form), wasm, known).unwrap()
}

#[test]
fn another_component_takes_the_functions_and_gets_the_same_code() {
    let library = module(LARGE, SECTION);
    let first = component("(data \"first\")", &library);
    let second = component("(func (result i32) i32.const 2) (data \"2nd\")", &library);
    let [of_first, of_second] = [&first, &second].map(|wasm| {
        let mut found = libraries(wasm);
        assert_eq!(found.len(), 1);
        found.remove(0)
    });
    assert_ne!(of_first, of_second, "a type was added");
    let none = Arc::new(KnownFunctions::default());
    let second = component("(data \"second\")", &library);
    assert_eq!(libraries(&second), std::slice::from_ref(&of_first));

    let functions = compile(Form::Library, &of_first, &none);
    let known = Arc::new(KnownFunctions::read(functions));
    let with = compile(Form::Component, &second, &known);
    assert!(known.hits() >= LARGE as u64, "{} hits", known.hits());
    assert!(with == compile(Form::Component, &second, &none));
}

#[test]
fn functions_are_not_taken_behind_other_types() {
    let library = module(LARGE, SECTION);
    let first = component("", &library);
    let other = component("(type (func (param f64 f64 f64)))", &library);
    let [first, other_library] = [&first, &other].map(|wasm| libraries(wasm).remove(0));
    assert_ne!(first, other_library);
    let none = Arc::new(KnownFunctions::default());
    let known = Arc::new(KnownFunctions::read(compile(Form::Library, &first, &none)));
    let with = compile(Form::Component, &other, &known);
    // Even if they were passed by mistake, the code would be right.
    assert!(with == compile(Form::Component, &other, &none));
}

#[test]
fn small_and_ordinary_modules_are_no_libraries() {
    for library in [
        module(3, SECTION),
        module(LARGE, ""),
        module(LARGE, r#"(@custom "name-of-another" (before first) "")"#),
    ] {
        assert_eq!(libraries(&component("", &library)).len(), 0);
    }
    assert_eq!(libraries(b"\0asm\x01\0\0\0").len(), 0);
    assert_eq!(libraries(b"").len(), 0);
}

#[test]
fn a_library_with_unusual_imports_is_left_out() {
    let library = module(LARGE, SECTION);
    for (import, unusual) in [
        (
            r#""GOT" "pointer" (global $pointer (mut i32))"#,
            r#""GOT" "pointer" (global $pointer (mut i32))) (import "x" "y" (global f32)"#,
        ),
        (
            r#""env" "memory" (memory 1)"#,
            r#""env" "memory" (memory i64 1)"#,
        ),
        (r#""env" "helper""#, r#""env" "base""#),
    ] {
        assert!(library.contains(import));
        let text = format!("(component {})", library.replace(import, unusual));
        assert_eq!(
            libraries(&wat::parse_str(text).unwrap()).len(),
            0,
            "{unusual}"
        );
    }
}

#[test]
fn nesting_and_numbers_of_modules_and_imports_are_bounded() {
    let library = module(LARGE, SECTION);
    let importing = |imports: usize| {
        let mut more = String::from(r#"(import "env" "memory" (memory 1))"#);
        // Five of them are there.
        for number in 5..imports {
            write!(more, "(import \"more\" \"{number}\" (func))").unwrap();
        }
        let library = library.replace(r#"(import "env" "memory" (memory 1))"#, &more);
        libraries(&wat::parse_str(format!("(component {library})")).unwrap()).len()
    };
    assert_eq!(importing(MAX_IMPORTS), 1);
    assert_eq!(importing(MAX_IMPORTS + 1), 0);
    let nested = |depth: usize| {
        let text = format!(
            "{}{library}{}",
            "(component ".repeat(depth),
            ")".repeat(depth)
        );
        libraries(&wat::parse_str(text).unwrap()).len()
    };
    assert_eq!(nested(3), 1);
    assert_eq!(nested(MAX_NESTING + 2), 0);
    let beside = |modules: usize| {
        let text = format!("(component {} {library})", "(core module)".repeat(modules));
        libraries(&wat::parse_str(text).unwrap()).len()
    };
    assert_eq!(beside(10), 1);
    assert_eq!(beside(MAX_MODULES), 0);
    // The same bytes may not be copied for each of many libraries.
    let types = "(type (func (param i64)))".repeat(20_000);
    let repeated = module(LARGE, SECTION).repeat(6).replace("$library", "");
    let text = format!("(component (core module {types}) {repeated})");
    let wasm = wat::parse_str(text).unwrap();
    let total: usize = libraries(&wasm).iter().map(Vec::len).sum();
    assert!(total < wasm.len() * 3, "{total} of {}", wasm.len());
}

#[test]
fn truncated_and_mutated_files_do_no_harm() {
    let whole = component("(data \"some data\")", &module(LARGE, SECTION));
    for end in (0..whole.len()).step_by(97) {
        assert!(libraries(&whole[..end]).len() <= 1);
    }
    // Numbers in the order of xorshift, so that a failure repeats.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).expect("it is below a usize")
    };
    for _ in 0..2000 {
        let mut mutated = whole.clone();
        for _ in 0..=next(4) {
            // Most of the structure is at the beginning and at the end.
            let at = match next(3) {
                0 => next(600),
                1 => whole.len() - 1 - next(600),
                _ => next(whole.len()),
            };
            mutated[at] = u8::try_from(next(256)).expect("it is below 256");
        }
        let total: usize = libraries(&mutated).iter().map(Vec::len).sum();
        assert!(total < mutated.len() * 3);
    }
}
