//! Libraries that are linked afterwards do what they would do had they been there.

use super::*;
use crate::merge;
use wasmtime::{Engine, Store, component};

/// A program with `dlopen`'s list: `run` calls the function that the list's first library has first.
const PROGRAM: &str = r#"
(component
  (core module $env
    (memory (export "memory") 1)
    (table (export "__indirect_function_table") 3 funcref)
    (global (export "__stack_pointer") (mut i32) (i32.const 1024))
    (global (export "old:memory_base") i32 (i32.const 2048))
    (global (export "old:table_base") i32 (i32.const 1))
    (global (export "old:GOT.twice") (mut i32) (i32.const 2)))
  (core module $old
    (@dylink.0 (mem-info (memory 8 2) (table 2 0)))
    (type $number (func (result i32)))
    (import "env" "memory" (memory 1))
    (import "env" "__indirect_function_table" (table 1 funcref))
    (import "env" "__memory_base" (global $base i32))
    (import "env" "__table_base" (global $slots i32))
    (import "GOT.func" "twice" (global $twice_slot (mut i32)))
    (global (export "answer") i32 (i32.const 4))
    (global $list (mut i32) (i32.const 0))
    (elem (global.get $slots) func $own $twice)
    (data (global.get $base) "\00\00\00\00\2a\00\00\00")
    (func $own)
    (func $twice (export "twice") (param i32) (result i32)
      (i32.mul (local.get 0) (i32.const 2)))
    ;; Each byte is a nine.
    (func (export "getentropy") (param i32 i32) (result i32)
      (memory.fill (local.get 0) (i32.const 9) (local.get 1)) (i32.const 0))
    (func (export "slot_of_twice") (result i32) (global.get $twice_slot))
    (func (export "__wasm_set_libraries") (param i32) (global.set $list (local.get 0)))
    ;; The list's second word is where libraries are, each four words; the fourth of them is where its symbols are.
    (func (export "run") (result i32)
      (call_indirect (type $number)
        (i32.load offset=8 (i32.load offset=12 (i32.load offset=4 (global.get $list))))))
    (func (export "count") (result i32) (i32.load (global.get $list))))
  (core instance $env (instantiate $env))
  (alias core export $env "memory" (core memory $memory))
  (alias core export $env "__indirect_function_table" (core table $table))
  (alias core export $env "old:memory_base" (core global $memory_base))
  (alias core export $env "old:table_base" (core global $table_base))
  (alias core export $env "old:GOT.twice" (core global $twice))
  (core instance $of_env (export "memory" (memory $memory))
    (export "__indirect_function_table" (table $table))
    (export "__memory_base" (global $memory_base)) (export "__table_base" (global $table_base)))
  (core instance $got (export "twice" (global $twice)))
  (core instance $old (instantiate $old (with "env" (instance $of_env)) (with "GOT.func" (instance $got))))
  (func (export "run") (result u32) (canon lift (core func $old "run")))
  (func (export "count") (result u32) (canon lift (core func $old "count"))))
"#;

/// A library of Python, which adds up everything that it imports.
const LIBRARY: &str = r#"
(module
  (@dylink.0
    (mem-info (memory 16 3) (table 1 0))
    (needed "libold.so")
    (import-info "env" "absent" binding-weak undefined))
  (type $unary (func (param i32) (result i32)))
  (type $number (func (result i32)))
  (import "env" "memory" (memory 1))
  (import "env" "__indirect_function_table" (table 1 funcref))
  (import "env" "__stack_pointer" (global $stack (mut i32)))
  (import "env" "__memory_base" (global $base i32))
  (import "env" "__table_base" (global $slots i32))
  (import "env" "twice" (func $twice (type $unary)))
  (import "env" "of_other" (func $of_other (type $number)))
  (import "env" "slot_of_twice" (func $slot_of_twice (type $number)))
  (import "env" "absent" (func $absent (type $unary)))
  (import "GOT.mem" "answer" (global $answer (mut i32)))
  (import "GOT.mem" "of_library" (global $own (mut i32)))
  (import "GOT.func" "twice" (global $twice_slot (mut i32)))
  (import "GOT.func" "of_other" (global $other_slot (mut i32)))
  (import "GOT.func" "absent" (global $absent_slot (mut i32)))
  (global $internal (mut i32) (i32.const 0))
  (global $internal_slot (mut i32) (i32.const 0))
  (global (export "of_library") i32 (i32.const 8))
  (elem (global.get $slots) func $hundred)
  (data (global.get $base) "\00\00\00\00\00\00\00\00\07\00\00\00")
  (func $hundred (result i32) (i32.const 100))
  (func $relocate_globals
    (global.set $internal (i32.add (global.get $base) (i32.const 8)))
    (global.set $internal_slot (i32.add (global.get $slots) (i32.const 0))))
  (func $clear (memory.fill (i32.add (global.get $base) (i32.const 12)) (i32.const 0) (i32.const 4)))
  (func $start (call $relocate_globals) (call $clear))
  (start $start)
  ;; The address of its own number, where the constructor finds it.
  (func (export "__wasm_apply_data_relocs") (i32.store (global.get $base) (global.get $own)))
  (func (export "__wasm_call_ctors")
    (i32.store (i32.load (global.get $base)) (i32.add (i32.load (i32.load (global.get $base))) (i32.const 1))))
  (func (export "PyInit_library") (result i32)
    (if (i32.ne (global.get $twice_slot) (call $slot_of_twice)) (then (unreachable)))
    (if (global.get $absent_slot) (then (drop (call $absent (i32.const 1)))))
    (i32.add
      (call_indirect (type $unary) (i32.load (global.get $answer)) (global.get $twice_slot))
      (i32.add (i32.load (global.get $internal))
        (i32.add (call $of_other)
          (i32.add (call_indirect (type $number) (global.get $other_slot))
            (call_indirect (type $number) (global.get $internal_slot))))))))
"#;

/// Another one, which comes after it.
const OTHER: &str = r#"
(module
  (@dylink.0 (mem-info (memory 0 0) (table 0 0)))
  (func (export "of_other") (result i32) (i32.const 1000)))
"#;

fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("it is well-formed")
}

fn linked(libraries: &[(&str, &[u8])]) -> Result<Vec<u8>, MergeError> {
    let libraries = libraries
        .iter()
        .map(|(name, bytes)| Library { name, bytes });
    let libraries: Vec<_> = libraries.collect();
    merge::link(&parsed(PROGRAM), &libraries, "PyInit_", &[])
}

/// What functions of a component answer.
fn answers(bytes: &[u8], functions: &[&str]) -> Vec<u32> {
    let engine = Engine::default();
    let component = component::Component::new(&engine, bytes).expect("it is valid");
    let mut store = Store::new(&engine, ());
    let linker = component::Linker::new(&engine);
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let call = |name: &&str| {
        let function = instance.get_typed_func::<(), (u32,)>(&mut store, *name);
        function.unwrap().call(&mut store, ()).unwrap().0
    };
    functions.iter().map(call).collect()
}

#[test]
fn a_library_finds_what_it_imports_and_is_found() {
    let (library, other) = (parsed(LIBRARY), parsed(OTHER));
    let component = linked(&[("/lib/a.so", &library), ("/lib/b.so", &other)]).unwrap();
    // Twice the answer; 7 and what the constructor adds; the other's number, called by name and by slot; its own.
    let expected = 84 + 8 + 1000 + 1000 + 100;
    assert_eq!(answers(&component, &["run", "count"]), [expected, 2]);
}

#[test]
fn addresses_of_a_library_are_constants() {
    let (library, other) = (parsed(LIBRARY), parsed(OTHER));
    let component = linked(&[("a", &library), ("b", &other)]).unwrap();
    let module = wasmparser::Parser::new(0)
        .parse_all(&component)
        .find_map(|payload| match payload.unwrap() {
            wasmparser::Payload::ModuleSection {
                unchecked_range, ..
            } => Some(unchecked_range),
            _other => None,
        })
        .unwrap();
    let module = Module::parse(&component[module]).unwrap();
    // The address of the list, which the program keeps.
    assert_eq!(module.globals.len(), 1);
    assert_eq!(
        module.memories[0].initial, 2,
        "libraries are behind what there was"
    );
}

#[test]
fn what_a_library_needs_and_nothing_has_is_named() {
    let library = parsed(LIBRARY);
    let reason = linked(&[("/lib/a.so", &library)]).unwrap_err().to_string();
    assert_eq!(
        reason,
        "its modules can't be merged: nothing has of_other, which /lib/a.so needs"
    );
}

#[test]
fn what_is_no_library_or_starts_otherwise_is_refused() {
    let reason = |text: &str| linked(&[("a", &parsed(text))]).unwrap_err().to_string();
    assert_eq!(
        reason("(module)"),
        "its modules can't be merged: a is no library"
    );
    let starts = |body: &str| {
        reason(&format!(
            "(module (@dylink.0 (mem-info (memory 0 0) (table 0 0))) (memory 1) (global $g (mut i32) (i32.const 0)) (func $start {body}) (start $start))"
        ))
    };
    let unknown = "its modules can't be merged: a starts in an unknown way";
    for body in [
        "(call $start)",
        "(drop (memory.grow (i32.const 1)))",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 4))",
        "(global.set $g (i32.mul (i32.const 2) (i32.const 3)))",
    ] {
        assert_eq!(starts(body), unknown, "{body}");
    }
    let huge = "(module (@dylink.0 (mem-info (memory 4294967295 0) (table 0 0))))";
    assert_eq!(reason(huge), "its modules can't be merged: a is too large");
}

#[test]
fn random_numbers_of_wasi_come_from_the_c_library() {
    let library = parsed(
        r#"
        (module
          (@dylink.0 (mem-info (memory 16 3) (table 0 0)))
          (import "env" "memory" (memory 1))
          (import "env" "__memory_base" (global $base i32))
          (import "wasi:random/insecure-seed@0.2.4" "insecure-seed" (func $seed (param i32)))
          (import "wasi:random/random@0.2.4" "get-random-u64" (func $number (result i64)))
          (func (export "PyInit_random") (result i32)
            (call $seed (global.get $base))
            (i32.and
              (i32.and
                (i64.eq (call $number) (i64.load (global.get $base)))
                (i64.eq (call $number) (i64.load offset=8 (global.get $base))))
              (i64.eq (call $number) (i64.const 0x0909090909090909)))))"#,
    );
    let component = linked(&[("random", &library)]).unwrap();
    assert_eq!(answers(&component, &["run"]), [1]);
}

#[test]
fn the_libraries_that_one_needs_are_known() {
    assert_eq!(merge::needed(&parsed(LIBRARY)), ["libold.so"]);
    assert!(merge::needed(b"\0asm").is_empty());
}
