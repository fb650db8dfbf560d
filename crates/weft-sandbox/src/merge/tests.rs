//! A merged component does what the one that it is made of does.

use super::*;
use wasmparser::{Parser, Payload};
use wasmtime::{
    Engine, Store,
    component::{Component, Linker},
};

/// Two libraries around one memory and one table, as `wit-component` links them: functions of the host that
/// need the memory are called by a table that a module fills at the end.
const LINKED: &str = r#"
(component
  (import "number" (func $number (result u32)))
  (import "text" (func $text (param "text" string)))

  (core module $shim
    (type $text (func (param i32 i32)))
    (table (export "$imports") 1 1 funcref)
    (func (export "0") (param i32 i32)
      (call_indirect (type $text) (local.get 0) (local.get 1) (i32.const 0))))
  (core module $main
    (memory (export "memory") 1)
    (table (export "table") 4 funcref)
    (global (export "pointer") (mut i32) (i32.const 1000))
    (global (export "base") i32 (i32.const 64))
    (global (export "slot") i32 (i32.const 1))
    (global (export "GOT.name") (mut i32) (i32.const 65))
    (data (i32.const 64) "weft"))
  (core module $first
    (type $unused (func (param f64)))
    (type $number (func (result i32)))
    (import "env" "memory" (memory 1))
    (import "env" "table" (table 1 funcref))
    (import "env" "slot" (global $slot i32))
    (import "host" "number" (func $number (type $number)))
    (global $own (mut i32) (i32.const 5))
    (global $copy i32 (global.get $slot))
    (elem (global.get $slot) func $from_table)
    (func $from_table (result i32)
      (global.set $own (i32.add (global.get $own) (global.get $copy)))
      (i32.add (call $number) (global.get $own)))
    (func $dead (param f64) (drop (i32.const 424242)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 512))
    (func (export "both") (result i32) (call_indirect (type $number) (global.get $slot)))
    (func (export "kept") (drop (i32.const 171717))))
  (core module $second
    (import "env" "memory" (memory 1))
    (import "env" "base" (global $base i32))
    (import "GOT.mem" "name" (global $name (mut i32)))
    (import "env" "pointer" (global $pointer (mut i32)))
    (import "first" "both" (func $both (result i32)))
    (import "host" "text" (func $text (param i32 i32)))
    (func (export "run") (result i32)
      (global.set $pointer (i32.sub (global.get $pointer) (i32.const 1)))
      (call $text (global.get $base) (i32.const 4))
      (call $text (global.get $name) (i32.const 3))
      (i32.add (call $both) (global.get $pointer))))
  (core module $fixup
    (import "" "0" (func $text (param i32 i32)))
    (import "" "$imports" (table 1 funcref))
    (elem (i32.const 0) func $text))

  (core instance $shim (instantiate $shim))
  (core instance $main (instantiate $main))
  (core func $number_lowered (canon lower (func $number)))
  (core instance $host_first (export "number" (func $number_lowered)))
  (core instance $first (instantiate $first
    (with "env" (instance $main)) (with "host" (instance $host_first))))
  (alias core export $main "memory" (core memory $memory))
  (alias core export $main "GOT.name" (core global $name))
  (core instance $got (export "name" (global $name)))
  (alias core export $shim "0" (core func $text_shim))
  (core instance $host_second (export "text" (func $text_shim)))
  ;; It comes before the last library, and needs an instance.
  (core func $text_lowered (canon lower (func $text) (memory $memory) string-encoding=utf8))
  (core instance $second (instantiate $second
    (with "env" (instance $main)) (with "GOT.mem" (instance $got))
    (with "first" (instance $first)) (with "host" (instance $host_second))))
  (alias core export $shim "$imports" (core table $imports))
  (core instance $lowered (export "$imports" (table $imports)) (export "0" (func $text_lowered)))
  (core instance (instantiate $fixup (with "" (instance $lowered))))
  (func $run (result u32) (canon lift (core func $second "run")))
  (export "run" (func $run)))
"#;

fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the component is well-formed")
}

/// What two calls of `run` answer, and the texts that the host was given.
fn run(component: &[u8]) -> ([u32; 2], Vec<String>) {
    let engine = Engine::default();
    let component = Component::new(&engine, component).expect("it is valid");
    let mut linker = Linker::new(&engine);
    let mut root = linker.root();
    root.func_wrap("number", |_store, ()| Ok((30_u32,)))
        .unwrap();
    root.func_wrap(
        "text",
        |mut store: wasmtime::StoreContextMut<'_, Vec<String>>, (text,): (String,)| {
            store.data_mut().push(text);
            Ok(())
        },
    )
    .unwrap();
    let mut store = Store::new(&engine, Vec::new());
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let run = instance
        .get_typed_func::<(), (u32,)>(&mut store, "run")
        .unwrap();
    let mut answers = [0; 2];
    for answer in &mut answers {
        (*answer,) = run.call(&mut store, ()).unwrap();
    }
    (answers, store.into_data())
}

/// The module with memory, and how many there are.
fn modules(component: &[u8]) -> (Vec<u8>, usize) {
    let mut modules = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::ModuleSection {
            unchecked_range, ..
        } = payload.unwrap()
        {
            modules.push(component[unchecked_range].to_vec());
        }
    }
    let count = modules.len();
    (modules.swap_remove(0), count)
}

#[test]
fn a_merged_component_does_the_same() {
    let linked = parsed(LINKED);
    let merged = merge(&linked, &["kept", "no_module_has_this"]).unwrap();
    let expected = run(&linked);
    assert_eq!(expected.0, [1035, 1035], "30, 5 and 6, and 999 and 998");
    assert_eq!(expected.1, ["weft", "eft", "weft", "eft"]);
    assert_eq!(run(&merged), expected);
}

#[test]
fn what_is_linked_becomes_one_module_and_the_rest_stays_apart() {
    let merged = merge(&parsed(LINKED), &["kept"]).unwrap();
    let (bytes, count) = modules(&merged);
    assert_eq!(count, 2, "the module that fills the table stays apart");
    let module = parsed::Module::parse(&bytes).unwrap();
    let imports: Vec<_> = module.imports.iter().map(|import| import.name).collect();
    assert_eq!(imports, ["0"], "the function that needs no memory");
    // The pointer and the library's own.
    assert_eq!(module.globals.len(), 2, "what never changes is a constant");
    let has = |number: &[u8]| bytes.windows(number.len()).any(|part| part == number);
    assert!(
        !has(&[0x41, 0xb2, 0xf2, 0x19]),
        "what nothing calls is left out"
    );
    assert!(has(&[0x41, 0xc5, 0xbd, 0x0a]), "what is kept is there");
    assert_eq!(
        module.exports.get("kept").map(|(kind, _)| *kind),
        Some(parsed::Kind::Function)
    );
    // A table that begins with known functions is filled when they are called.
    let offset = module.elements[0].kind.clone();
    let wasmparser::ElementKind::Active { offset_expr, .. } = offset else {
        panic!("the element is not active");
    };
    let first = offset_expr.get_operators_reader().read().unwrap();
    assert!(matches!(first, wasmparser::Operator::I32Const { value: 1 }));
}

#[test]
fn components_of_other_forms_are_refused() {
    let reason = |component: &[u8]| merge(component, &[]).unwrap_err().to_string();
    let of = |text: &str| reason(&parsed(text));
    assert_eq!(
        of("(component (core module $m) (core instance (instantiate $m)))"),
        "its modules can't be merged: none imports of another"
    );
    let starts = r"(func $start) (start $start)";
    assert_eq!(
        of(&format!(
            "(component (core module $a {starts}) (core module $b {starts}) (core instance (instantiate $a)) (core instance (instantiate $b)))"
        )),
        "its modules can't be merged: none imports of another"
    );
    assert_eq!(
        of("(component (core module $m (type (struct))) (core instance (instantiate $m)))"),
        "its modules can't be merged: it has types of other kinds than plain functions"
    );
    assert_eq!(
        of(
            "(component (core module $m (table 1 funcref (ref.func $f)) (func $f)) (core instance (instantiate $m)))"
        ),
        "its modules can't be merged: a table begins with something in it"
    );
    let ends = r#"
        (core module $m (func (export "end") (param i32)))
        (core instance $m (instantiate $m))
        (alias core export $m "end" (core func $end))
        (type (resource (rep i32) (dtor (core func $end))))"#;
    assert_eq!(
        of(&format!("(component {ends})")),
        "its modules can't be merged: a resource has a destructor, which is one of its functions"
    );
    let whole = parsed(LINKED);
    assert!(merge(&whole[..whole.len() - 20], &[]).is_err());
}
