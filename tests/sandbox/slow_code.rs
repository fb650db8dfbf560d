//! A small module that is slow to compile: every block joins thousands of
//! locals, and each join is a value that the compiler must place.

use std::fmt::Write;

const LOCALS: usize = 3_000;
const LOOPS: usize = 12;
const FUNCTIONS: usize = 8;

/// Text of a module that fits the world `dag`.
pub(crate) fn module() -> String {
    let mut text = String::from(
        r#"(module (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "weft:dag/tasks@0.1.0#describe") (result i32) unreachable)
            (func (export "weft:dag/tasks@0.1.0#run") (param i32 i32 i32 i32) (result i32) unreachable)"#,
    );
    for _ in 0..FUNCTIONS {
        function(&mut text);
    }
    text.push(')');
    text
}

fn function(text: &mut String) {
    let mut write = |line: String| {
        text.write_str(&line)
            .expect("writing to a string never fails");
    };
    write(format!("(func (local {})", "i64 ".repeat(LOCALS)));
    for turn in 0..LOOPS {
        write("(loop (block ".to_owned());
        for local in 0..LOCALS {
            let other = (local * 31 + turn * 17 + 1) % LOCALS;
            write(format!(
                "(local.set {local} (i64.add (local.get {other}) (i64.load (i32.const {}))))",
                local % 64 * 8
            ));
        }
        write("(br_if 0 (i64.eqz (local.get 0))) (br_if 1 (i64.eqz (local.get 1)))".to_owned());
    }
    write("))".repeat(LOOPS));
    write(")".to_owned());
}
