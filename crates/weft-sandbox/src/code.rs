//! Compiled code between the compiler, the cache and the loader: a frame that
//! names what it was compiled from, and for what.
//!
//! The frame finds truncation and mix-ups. It proves nothing about who made it:
//! that is the cache's seal, the pipe to a subprocess of our own, or a signature.

mod frame;
mod name;
mod signature;

pub(crate) use frame::{frame, unframe};
pub use name::{CodeName, UnknownCodeName};
pub(crate) use name::{Form, Origin};
pub(crate) use signature::verify;
pub use signature::{BadCodeKey, CodeKey, CodeSigner};

use crate::engine::Runtime;
use wasmtime::{Engine, Module, component::Component};

/// The most compiled code, as a multiple of the file: ordinary code is 2 to 6 times as large.
const CODE_FACTOR: u64 = 64;
/// And at least so much.
const CODE_FLOOR_BYTES: u64 = 64 << 20;

/// The most bytes that the code of a file of this size has, including its frame.
pub(crate) const fn most_bytes(file: u64) -> u64 {
    let most = file.saturating_mul(CODE_FACTOR);
    if most > CODE_FLOOR_BYTES {
        most
    } else {
        CODE_FLOOR_BYTES
    }
}

/// Code that can be instantiated.
#[derive(Clone)]
pub(crate) enum Loaded {
    Component(Component),
    Module(Module),
}

/// Maps code for execution.
///
/// The caller vouches for the bytes: this program compiled them, or a subprocess
/// of it did, or they bear the cache's seal, or a signature that was verified.
pub(crate) fn load(runtime: &Runtime, form: Form, code: &[u8]) -> wasmtime::Result<Loaded> {
    match form {
        Form::Component => load_component(&runtime.engine, code).map(Loaded::Component),
        Form::Module => deserialize_module(runtime, code).map(Loaded::Module),
        Form::Template => Err(wasmtime::Error::msg(
            "a template alone can't be instantiated",
        )),
    }
}

/// As [`load`], on any engine.
#[expect(
    unsafe_code,
    reason = "loading code is running it; the only callers pass bytes that this program's own compiler made or whose signature was verified, as `load` demands"
)]
pub(crate) fn load_component(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: see `load`; wasmtime itself refuses code of another version or configuration.
    unsafe { Component::deserialize(engine, code) }
}

#[expect(
    unsafe_code,
    reason = "loading code is running it; the only callers pass bytes that this program's own compiler made or whose signature was verified, as `load` demands"
)]
fn deserialize_module(runtime: &Runtime, code: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: see `load`; wasmtime itself refuses code of another version or configuration.
    unsafe { Module::deserialize(&runtime.engine, code) }
}
