//! Compiles a checked file to framed code, in this process or in a subprocess
//! that has limits and can be killed.

mod subprocess;
pub(crate) mod translate;

use crate::{
    CompileLimits, Compiler, LoadError,
    code::{self, Origin},
};
use bytes::Bytes;

/// Compiles a file; the code is framed and verified.
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
                let code = translate::translate(&origin.name, &wasm)?;
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
