//! Components from modules in text form: guests that no compiler would make.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Grows its table until it is refused, then traps. Its one table starts empty.
pub(crate) const TABLE_GROWTH: &str = r#"
    (table $table 0 funcref)
    (func $run (result i32)
        (loop $more
            (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
        unreachable)
"#;

/// The address of a result that says success, with the output 'null'.
pub(crate) const NULL_OUTPUT: u32 = 128;

/// A component that exports `weft:dag/tasks`: the fields of a module, which must define a function
/// `$run` without parameters that returns an address, in the world of `wit/weft.wit`.
///
/// Around it stand a memory of one page, an allocator that hands out one more page at
/// each call, and a `describe` that returns an empty document. The length of the task's name is
/// in the global `$name_bytes`, and at the address [`NULL_OUTPUT`] stands a result with the output 'null'.
pub(crate) fn tasks_component(fields: &str) -> Vec<u8> {
    module_as_component(&format!(
        r#"(module
            (memory (export "memory") 1)
            (global $free (mut i32) (i32.const 1024))
            (data (i32.const 32) "{{\22contract\22:\22weft.dag/1\22,\22dags\22:[]}}")
            (data (i32.const 96) "null")
            (data (i32.const 128) "\00\00\00\00\00\00\00\00\60\00\00\00\04\00\00\00")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.set $free (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
                (global.get $free)
                (global.set $free (i32.add (global.get $free) (local.get 3))))
            (func (export "weft:dag/tasks@0.1.0#describe") (result i32)
                (i32.store8 (i32.const 256) (i32.const 0))
                (i32.store (i32.const 260) (i32.const 32))
                (i32.store (i32.const 264) (i32.const 35))
                (i32.const 256))
            (global $name_bytes (mut i32) (i32.const 0))
            (func (export "weft:dag/tasks@0.1.0#run") (param i32 i32 i32 i32) (result i32)
                (global.set $name_bytes (local.get 1))
                (call $run))
            {fields})"#
    ))
}

/// A component whose `describe` has this body, which returns an address.
pub(crate) fn describe_component(body: &str) -> Vec<u8> {
    module_as_component(&format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "weft:dag/tasks@0.1.0#describe") (result i32) {body})
            (func (export "weft:dag/tasks@0.1.0#run") (param i32 i32 i32 i32) (result i32) unreachable))"#
    ))
}

/// A module whose exports have the names of the world `dag`, as a component.
pub(crate) fn module_as_component(module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str("weft.wit", include_str!("../../wit/weft.wit"))
        .expect("the contract is valid");
    let world = resolve.select_world(&[package], Some("dag")).expect("the contract has a world 'dag'");
    let mut module = wat::parse_str(module).expect("the module is valid text");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the world can be embedded");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("the module fits the world");
    encoder.encode().expect("the module becomes a component")
}
