//! wasmtime's compiler.

use crate::{
    LoadError,
    code::{CodeName, Form},
    engine::compiling_engine,
};

/// Runs wasmtime's compiler. Only the file's size bounds it.
pub(crate) fn translate(name: &CodeName, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
    let engine = compiling_engine(name.profile, name.target).map_err(|error| LoadError::Host {
        reason: format!("the compiler can't start: {error:#}"),
    })?;
    let code = match name.form {
        Form::Component | Form::Template => engine.precompile_component(wasm),
        Form::Module => engine.precompile_module(wasm),
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
