//! wasmtime's compiler.

use super::functions::{KnownFunctions, NewFunctions};
use crate::{
    LoadError,
    code::{CodeName, Form},
    engine::{compiling_engine, incremental_engine},
};
use std::sync::Arc;

/// Runs wasmtime's compiler. Only the file's size bounds it. The code of a library is its functions,
/// as [`KnownFunctions`] reads them.
pub(crate) fn translate(
    name: &CodeName,
    wasm: &[u8],
    known: &Arc<KnownFunctions>,
) -> Result<Vec<u8>, LoadError> {
    let CodeName {
        profile, target, ..
    } = *name;
    let new = Arc::new(NewFunctions::default());
    let engine = match name.form {
        Form::Library => incremental_engine(profile, target, Arc::clone(&new) as _),
        Form::Component | Form::Template | Form::Module if known.is_empty() => {
            compiling_engine(profile, target)
        }
        Form::Component | Form::Template | Form::Module => {
            incremental_engine(profile, target, Arc::clone(known) as _)
        }
    };
    let engine = engine.map_err(|error| LoadError::Host {
        reason: format!("the compiler can't start: {error:#}"),
    })?;
    let code = match name.form {
        Form::Component | Form::Template => engine.precompile_component(wasm),
        Form::Module => engine.precompile_module(wasm),
        Form::Library => engine.precompile_component(wasm).map(|_code| new.take()),
    };
    code.map_err(|error| match validate(wasm) {
        Err(invalid) => LoadError::Malformed {
            reason: invalid.to_string(),
        },
        Ok(()) => LoadError::Compile {
            reason: format!("{error:#}"),
        },
    })
}

/// Checks whether the file is WebAssembly at all, with any proposals. It runs only after
/// compiling failed, to distinguish a broken file from one that wasmtime refuses.
fn validate(wasm: &[u8]) -> Result<(), wasmparser::BinaryReaderError> {
    let features = wasmparser::WasmFeatures::all();
    wasmparser::Validator::new_with_features(features)
        .validate_all(wasm)
        .map(|_types| ())
}
