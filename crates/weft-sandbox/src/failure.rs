//! Reads what ended an attempt: which limit, which trap, whose fault, in words
//! that name the figure and how to raise it.

use crate::{
    AttemptFailure, FailureKind, VariableError,
    meter::{Interrupt, Panicked},
    state::HostState,
};
use wasmtime::{Trap, WasmBacktrace, component::ResourceTableError};
use wasmtime_wasi::I32Exit;
use weft_core::limit::{Limits, Unit};

/// A longer backtrace is cut.
const MAX_BACKTRACE_BYTES: usize = 16 << 10;

/// wasmtime's message when one call copies more than the host-call fuel allows;
/// the error has no public type.
const HOST_CALL_TEXT: &str = "fuel allocated for hostcalls has been exhausted";

/// wasmtime's message when a guest holds too many handles; the error has no public type.
const HANDLES_TEXT: &str = "store handle limit exceeded";

/// Reads an error that a store's guest or host function ended with.
pub(crate) fn read(error: &wasmtime::Error, state: &HostState, limits: &Limits) -> AttemptFailure {
    let mut failure = classify(error, state, limits);
    cut(&mut failure.message, AttemptFailure::MAX_MESSAGE_BYTES);
    failure.backtrace = error.downcast_ref::<WasmBacktrace>().map(|backtrace| {
        let mut text = backtrace.to_string();
        cut(&mut text, MAX_BACKTRACE_BYTES);
        text
    });
    failure
}

/// The attempt was stopped from outside of the guest.
pub(crate) fn timeout(limits: &Limits) -> AttemptFailure {
    AttemptFailure::new(
        FailureKind::Timeout,
        format!(
            "the attempt took longer than {}; raise `timeout` of the task",
            Unit::Millis.show(limits.timeout_ms)
        ),
    )
}

/// A host function panicked.
pub(crate) fn panicked(panic: &Panicked) -> AttemptFailure {
    AttemptFailure::new(FailureKind::Internal, panic.to_string())
}

fn classify(error: &wasmtime::Error, state: &HostState, limits: &Limits) -> AttemptFailure {
    match error.downcast_ref::<Interrupt>() {
        Some(Interrupt::Wall) => return timeout(limits),
        Some(Interrupt::Cpu) => return cpu(limits),
        None => {}
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::OutOfFuel) {
        return cpu(limits);
    }
    if let Some(failure) = refused(state, limits) {
        return failure;
    }
    if let Some((kind, message)) = state
        .scratch
        .failure()
        .or_else(|| state.artifacts.failure())
    {
        return AttemptFailure::new(kind, message);
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return handles(limits);
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        let code = u8::try_from(*code).unwrap_or(u8::MAX);
        return AttemptFailure::new(
            FailureKind::Exit(code),
            format!("the guest ended itself with exit code {code}"),
        );
    }
    if let Some(error) = error.downcast_ref::<VariableError>() {
        return AttemptFailure::new(FailureKind::Internal, error.to_string());
    }
    match trap {
        Some(Trap::StackOverflow) => AttemptFailure::new(
            FailureKind::StackOverflow,
            format!(
                "the guest's call stack ran over: calls are nested deeper than {} allow",
                Unit::Bytes.show(Limits::DEFAULT.stack_bytes)
            ),
        ),
        Some(Trap::UnreachableCodeReached) => AttemptFailure::new(
            FailureKind::Trap,
            "the guest aborted (a panic, most likely; what it printed is in the log)",
        ),
        Some(trap) => AttemptFailure::new(FailureKind::Trap, format!("the guest trapped: {trap}")),
        None => unnamed(error, limits),
    }
}

/// What the guest was answered with an error for, and may have failed of: want of
/// a grant (the text names the one to add) or a limit.
fn answered(state: &HostState) -> Option<(FailureKind, String)> {
    let denied = state
        .dag
        .denied
        .clone()
        .or_else(|| state.http.first_denial());
    denied
        .map(|message| (FailureKind::Denied, message))
        .or_else(|| state.scratch.failure())
        .or_else(|| state.artifacts.failure())
}

/// Adds to a failure that the guest reported itself what it had been refused before.
pub(crate) fn explain(failure: &mut AttemptFailure, state: &HostState, limits: &Limits) {
    let cause = match failure.kind {
        FailureKind::Author => answered(state),
        FailureKind::Exit(_) => answered(state)
            .or_else(|| refused(state, limits).map(|failure| (failure.kind, failure.message))),
        _already_known => None,
    };
    if let Some((kind, message)) = cause {
        failure.kind = kind;
        failure.message = format!("{}; {message}", failure.message);
    }
}

/// Errors of wasmtime that have no type of their own.
fn unnamed(error: &wasmtime::Error, limits: &Limits) -> AttemptFailure {
    let root = error.root_cause().to_string();
    if root.contains(HOST_CALL_TEXT) {
        let is_result = error.downcast_ref::<WasmBacktrace>().is_none();
        return if is_result {
            output(limits, None)
        } else {
            AttemptFailure::new(
                FailureKind::HostCallLimit,
                format!(
                    "one call from the guest to the host carried more than {} of data",
                    Unit::Bytes.show(call_bytes(limits) as u64)
                ),
            )
        };
    }
    if root.contains(HANDLES_TEXT) {
        return handles(limits);
    }
    let kind = if error.downcast_ref::<WasmBacktrace>().is_some() {
        FailureKind::Trap
    } else {
        FailureKind::InvalidOutput
    };
    AttemptFailure::new(kind, format!("the guest broke the contract: {root}"))
}

fn refused(state: &HostState, limits: &Limits) -> Option<AttemptFailure> {
    if let Some(wanted) = state.limiter.refused_memory() {
        return Some(AttemptFailure::new(
            FailureKind::MemoryLimit,
            format!(
                "the task ran out of memory: it asked for {wanted} bytes and may have {}; raise `limits.memory` of the task",
                Unit::Bytes.show(limits.memory_bytes)
            ),
        ));
    }
    state.limiter.refused_table().map(|wanted| {
        AttemptFailure::new(
            FailureKind::TableLimit,
            format!(
                "the task ran out of table elements: it asked for {wanted} and may have {}; the operator can raise `table_elements`",
                limits.table_elements
            ),
        )
    })
}

fn cpu(limits: &Limits) -> AttemptFailure {
    AttemptFailure::new(
        FailureKind::CpuLimit,
        format!(
            "the attempt used up its CPU time of {}; raise `limits.cpu` of the task",
            Unit::Millis.show(limits.cpu_ms)
        ),
    )
}

fn handles(limits: &Limits) -> AttemptFailure {
    AttemptFailure::new(
        FailureKind::HandleLimit,
        format!(
            "the task holds too many open handles (files, streams, requests): it may have {} at once; close what is no longer used",
            limits.handles
        ),
    )
}

/// The output is too large; by how much is known where it was read whole.
pub(crate) fn output(limits: &Limits, bytes: Option<usize>) -> AttemptFailure {
    let size = bytes.map_or_else(
        || "far more bytes".to_owned(),
        |bytes| format!("{bytes} bytes"),
    );
    AttemptFailure::new(
        FailureKind::OutputLimit,
        format!(
            "the output has {size} than the {} it may have; return an artifact instead, or raise `limits.output` of the task",
            Unit::Bytes.show(limits.output_bytes)
        )
        .replace("bytes than", "bytes, more than"),
    )
}

/// How much data one call may carry from the guest to the host. Lifted values
/// take up to about twice their bytes in the guest, and an output must fit.
pub(crate) fn call_bytes(limits: &Limits) -> usize {
    let bytes = (limits.host_memory_bytes / 2).max(limits.output_bytes.saturating_add(64 << 10));
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Cuts a text at a character, and gives back what it no longer needs.
pub(crate) fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::{
        Engine, Store,
        component::{Component, Linker},
    };

    /// What a component's `run` ends with, where one call may carry 1 KiB and a guest hold three handles.
    fn error_of(component: &str) -> String {
        let engine = Engine::default();
        let wasm = wat::parse_str(component).expect("the text is a component");
        let component = Component::new(&engine, wasm).expect("the component is valid");
        let mut linker: Linker<()> = Linker::new(&engine);
        linker
            .root()
            .func_wrap("take", |_, (_bytes,): (Vec<u8>,)| Ok(()))
            .expect("the name is free");
        let mut store = Store::new(&engine, ());
        store.set_hostcall_fuel(1024);
        store.set_max_component_handles(3);
        let instance = linker
            .instantiate(&mut store, &component)
            .expect("the component can be linked");
        let run = instance
            .get_typed_func::<(), ()>(&mut store, "run")
            .expect("it exports `run`");
        let error = run.call(&mut store, ()).expect_err("it breaks the limit");
        error.root_cause().to_string()
    }

    /// An update of wasmtime that words its errors anew must fail here, since they
    /// have no public type to be recognised by.
    #[test]
    fn wasmtime_still_says_what_it_is_recognised_by() {
        let too_much_data = error_of(
            r#"(component
              (import "take" (func $take (param "bytes" (list u8))))
              (core module $memory (memory (export "memory") 1))
              (core instance $memory (instantiate $memory))
              (core func $take (canon lower (func $take) (memory (core memory $memory "memory"))))
              (core module $main
                (import "host" "take" (func $take (param i32 i32)))
                (func (export "run") (call $take (i32.const 0) (i32.const 2000))))
              (core instance $main (instantiate $main
                (with "host" (instance (export "take" (func $take))))))
              (func (export "run") (canon lift (core func $main "run"))))"#,
        );
        assert!(too_much_data.contains(HOST_CALL_TEXT), "{too_much_data}");
        let too_many_handles = error_of(
            r#"(component
              (type $thing (resource (rep i32)))
              (core func $new (canon resource.new $thing))
              (core module $main
                (import "host" "new" (func $new (param i32) (result i32)))
                (func (export "run") (loop $again (drop (call $new (i32.const 1))) (br $again))))
              (core instance $main (instantiate $main
                (with "host" (instance (export "new" (func $new))))))
              (func (export "run") (canon lift (core func $main "run"))))"#,
        );
        assert!(
            too_many_handles.contains(HANDLES_TEXT),
            "{too_many_handles}"
        );
    }
}
