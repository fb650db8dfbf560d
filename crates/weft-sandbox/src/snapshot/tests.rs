//! What a component goes on with after it ran, and which components can't.

use super::*;
use std::fs;

/// Counts its calls in memory and in globals, and answers with what it counted.
fn counter(more: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
          (core module $library
            (import "env" "memory" (memory 1))
            (global $calls (mut i32) (i32.const 40))
            (global $long (mut i64) (i64.const -1))
            (global $fixed i32 (i32.const 7))
            (data (i32.const 100) "@contents")
            (func $start (i32.store8 (i32.const 300) (i32.add (i32.load8_u (i32.const 300)) (i32.const 1))))
            (start $start)
            (func (export "forget") (i32.store8 (i32.const 200) (i32.const 0)))
            (func (export "call") (result i32)
              (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
              (global.set $long (i64.sub (global.get $long) (i64.const 1)))
              (i32.store8 (i32.const 100) (i32.add (i32.load8_u (i32.const 100)) (i32.const 1)))
              (i32.store8 (i32.const 200) (i32.const 65))
              ;; Memory that was not there at first, far from all else.
              (if (i32.eq (memory.size) (i32.const 2)) (then (drop (memory.grow (i32.const 2)))))
              (i32.store8 (i32.const 262143) (i32.add (i32.load8_u (i32.const 262143)) (i32.const 1)))
              ;; ok, and the text: what the counts say.
              (i32.store (i32.const 16) (i32.const 0))
              (i32.store (i32.const 20) (i32.const 32))
              (i32.store (i32.const 24) (i32.const 6))
              (i32.store8 (i32.const 32) (i32.add (i32.const 24) (global.get $calls)))
              (i32.store8 (i32.const 33) (i32.sub (i32.const 64) (i32.wrap_i64 (global.get $long))))
              (i32.store8 (i32.const 34) (i32.load8_u (i32.const 100)))
              (i32.store8 (i32.const 35) (i32.add (i32.const 64) (i32.load8_u (i32.const 262143))))
              (i32.store8 (i32.const 36) (i32.add (i32.const 48) (i32.load8_u (i32.const 300))))
              (i32.store8 (i32.const 37) (i32.add (i32.const 48) (i32.shr_u (memory.size) (i32.const 5))))
              (i32.const 16)))
          (core module $main
            (memory (export "memory") 2)
            (global (export "pointer") (mut i32) (i32.const 5))
            (data (i32.const 0) "main"))
          {more}
          (core instance $main (instantiate $main))
          (core instance $library (instantiate $library (with "env" (instance $main))))
          (alias core export $main "memory" (core memory $memory))
          (type $answer (result string (error string)))
          (func $describe (result $answer)
            (canon lift (core func $library "call") (memory $memory) string-encoding=utf8))
          (component $interface
            (type $answer (result string (error string)))
            (import "d" (func $d (result $answer)))
            (export "describe" (func $d)))
          (instance $tasks (instantiate $interface (with "d" (func $describe))))
          (export "weft:dag/tasks@0.1.0" (instance $tasks)))"#
    );
    wat::parse_str(text).expect("the component is well-formed")
}

fn take_of(
    component: &[u8],
    state: Option<&State>,
    cache_dir: Option<PathBuf>,
) -> Result<Snapshot, SnapshotError> {
    take(&SnapshotRequest {
        component,
        state,
        folders: &[],
        last_calls: &["forget", "no_module_has_this"],
        cache_dir,
    })
}

#[test]
fn a_component_goes_on_from_where_it_was() {
    let cache = tempfile::tempdir().unwrap();
    let mut component = counter("");
    let cached = || Some(cache.path().to_owned());
    for expected in ["ABAA10", "BCBB14", "CDCC14"] {
        wasmparser::validate(&component).unwrap();
        let once = take_of(&component, None, cached()).unwrap();
        // Memory has four pages at first, and then what it was rounded up to.
        assert_eq!(once.document, expected);
        // The same instance twice is the same.
        let again = take_of(&component, None, cached()).unwrap();
        assert_eq!(again.state, once.state);
        component = component_with(&component, &once.state).unwrap();
    }
    let last = component
        .windows(9)
        .find(|part| part.ends_with(b"contents"));
    assert_eq!(last, Some(&b"Ccontents"[..]), "its data is in memory alone");
    assert!(
        fs::read_dir(cache.path()).unwrap().count() > 1,
        "the code is cached"
    );
}

#[test]
fn an_instance_goes_on_from_a_state() {
    let cache = tempfile::tempdir().unwrap();
    let component = counter("");
    let mut state = None;
    // The start of the module, which counts at 300, is before the state is written.
    for expected in ["ABAA10", "BCBB10", "CDCC10"] {
        let cached = Some(cache.path().to_owned());
        let snapshot = take_of(&component, state.as_ref(), cached).unwrap();
        assert_eq!(snapshot.document, expected);
        state = Some(State::from_bytes(snapshot.state.as_bytes().to_vec()));
    }
    let of_another = State::from_bytes(state.unwrap().as_bytes()[1..].to_vec());
    let refused = |result: Result<(), SnapshotError>| {
        let reason = "the state is of another one";
        assert!(matches!(result, Err(SnapshotError::Unsuitable(found)) if found == reason));
    };
    refused(take_of(&component, Some(&of_another), None).map(|_| ()));
    refused(component_with(&component, &of_another).map(|_| ()));
}

#[test]
fn components_of_other_forms_are_refused() {
    let reason = |more: &str| match take_of(&counter(more), None, None) {
        Err(SnapshotError::Unsuitable(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason(
            "(core module $other) (core instance (instantiate $other)) (core instance (instantiate $other))"
        ),
        "one of its modules is instantiated twice"
    );
    assert_eq!(
        reason("(core module (memory 1))"),
        "not exactly one of its modules has memory"
    );
    let floating = "(core module $floating (global (mut f32) (f32.const 0)))";
    assert_eq!(
        reason(&format!(
            "{floating} (core instance (instantiate $floating))"
        )),
        "a global that can change is no integer"
    );
    assert!(matches!(
        take_of(&counter("")[..100], None, None),
        Err(SnapshotError::Unsuitable(_) | SnapshotError::Failed { .. })
    ));
}
