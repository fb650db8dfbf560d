//! Turns a checked file into framed code, in this process or in a subprocess
//! that is held to limits and can be killed.

mod subprocess;

use crate::{
    CompileLimits, Compiler, LoadError,
    code::{self, CodeName, Form, Origin},
    engine::compiling_engine,
};
use bytes::Bytes;

/// Compiles; the answer is framed and verified.
pub(crate) async fn compile(
    compiler: &Compiler,
    limits: &CompileLimits,
    origin: &Origin,
    wasm: Bytes,
) -> Result<Vec<u8>, LoadError> {
    match compiler {
        Compiler::InProcess => {
            let origin = origin.clone();
            tokio::task::spawn_blocking(move || {
                let code = translate(&origin.name, &wasm)?;
                Ok(code::frame(&origin, &code))
            })
            .await
            .unwrap_or_else(|panic| {
                Err(LoadError::CompilerCrashed {
                    reason: panic.to_string(),
                })
            })
        }
        Compiler::Subprocess { program, args } => {
            subprocess::compile(program, args, limits, origin, wasm).await
        }
    }
}

/// Runs wasmtime's compiler. Bounded by nothing but the file's size.
pub(crate) fn translate(name: &CodeName, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
    let engine = compiling_engine(name.profile, name.target).map_err(|error| LoadError::Host {
        reason: format!("the compiler can't start: {error:#}"),
    })?;
    let code = match name.form {
        Form::Component => engine.precompile_component(wasm),
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

/// Whether the file is WebAssembly at all, with whatever proposals: asked only of
/// what did not compile, to tell a broken file from one that wasmtime refuses.
fn validate(wasm: &[u8]) -> Result<(), wasmparser::BinaryReaderError> {
    let features = wasmparser::WasmFeatures::all();
    wasmparser::Validator::new_with_features(features)
        .validate_all(wasm)
        .map(|_types| ())
}
