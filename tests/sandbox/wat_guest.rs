//! Components from modules in text form: guests that no compiler would make.

/// Grows its table until it is refused, then traps. Its one table starts empty.
pub(crate) const TABLE_GROWTH: &str = r"
    (table $table 0 funcref)
    (func $run (result i32)
        (loop $more
            (br_if $more (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
        unreachable)
";

/// A component that exports `weft:dag/tasks`: the fields of a module, which must define a function
/// `$run` without parameters that returns an address, in the world of `wit/weft.wit`.
///
/// Around it stand a memory of one page, an allocator that hands out one more page at
/// each call, and a `describe` that returns an empty document. The length of the task's name is
/// in the global `$name_bytes`, and the address [`NULL_OUTPUT`] has a result with the output 'null'.
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
    let fields = module
        .trim_start()
        .strip_prefix("(module")
        .expect("the text of a module");
    let component = format!(
        r#"(component
            (import "weft:dag/types@0.1.0" (instance $types
                (type $o (variant (case "success" string) (case "control" string)))
                (export "outcome" (type (eq $o)))
                (type $f (record (field "retryable" bool) (field "message" string) (field "more" (option string))))
                (export "failure" (type (eq $f)))))
            (alias export $types "outcome" (type $outcome))
            (alias export $types "failure" (type $failure))
            (core module $m {fields}
            (core instance $i (instantiate $m))
            (func $describe (result (result string (error string)))
                (canon lift (core func $i "weft:dag/tasks@0.1.0#describe")
                    (memory (core memory $i "memory")) (realloc (core func $i "cabi_realloc"))))
            (func $run (param "task" string) (param "inputs" (list (tuple string string)))
                (result (result $outcome (error $failure)))
                (canon lift (core func $i "weft:dag/tasks@0.1.0#run")
                    (memory (core memory $i "memory")) (realloc (core func $i "cabi_realloc"))))
            (instance $tasks (export "describe" (func $describe)) (export "run" (func $run)))
            (export "weft:dag/tasks@0.1.0" (instance $tasks)))"#
    );
    wat::parse_str(component).expect("the component is valid text")
}
