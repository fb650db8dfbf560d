//! Compiles a checked file to framed code, in this process or in a subprocess
//! that has limits and can be killed.
//!
//! Components of which another one differed in the contents of memory alone are not compiled at all: see
//! [`template`].

mod subprocess;
pub(crate) mod template;
pub(crate) mod translate;

use crate::{
    CompileLimits, Compiler, Digest, LoadError, SandboxOptions,
    cache::Cache,
    code::{self, Form, Origin},
    load::blocking,
};
use bytes::Bytes;
use std::sync::Arc;

/// Compiles files for one set of options.
pub(crate) struct CodeCompiler {
    compiler: Compiler,
    limits: CompileLimits,
    pub(crate) cache: Option<Arc<Cache>>,
    /// Held while a template is compiled and stored, which others that wait here then find in the cache.
    pub(crate) templates: tokio::sync::Mutex<()>,
}

impl CodeCompiler {
    /// Touches no disk yet.
    pub(crate) fn new(options: &SandboxOptions) -> Self {
        Self {
            compiler: options.compiler.clone(),
            limits: options.compile.clone(),
            cache: Cache::of(options).map(Arc::new),
            templates: tokio::sync::Mutex::default(),
        }
    }

    /// Compiles a file, or the template of a component: `origin` is what the code is of, and named for. The
    /// code is framed and verified.
    pub(crate) async fn compile(&self, origin: &Origin, wasm: Bytes) -> Result<Vec<u8>, LoadError> {
        if origin.name.form != Form::Template {
            return self.compile_file(origin, wasm).await;
        }
        let host = |reason: &str| LoadError::Host {
            reason: reason.to_owned(),
        };
        let (marked, component, digest) = blocking(move || {
            let split =
                template::split(&wasm).ok_or_else(|| host("the component has no template"))?;
            let marked = template::marked(split.contents.len())
                .map_err(|error| host(&format!("there are no random numbers: {error}")))?;
            let component = Bytes::from(split.template.component(&marked));
            let digest = Digest::of(&component);
            Ok::<_, LoadError>((marked, component, digest))
        })
        .await??;
        let file = Origin {
            digest,
            ..origin.clone()
        };
        let framed = self.compile_file(&file, component).await?;
        let origin = origin.clone();
        blocking(move || {
            let code = unframe(&file, framed);
            let entry = code.and_then(|code| template::entry(&code, &marked));
            let entry = entry.ok_or_else(|| LoadError::CompilerCrashed {
                reason: "it left out what is in memory".to_owned(),
            })?;
            Ok(code::frame(&origin, &entry))
        })
        .await?
    }

    async fn compile_file(&self, origin: &Origin, wasm: Bytes) -> Result<Vec<u8>, LoadError> {
        match &self.compiler {
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
                subprocess::compile(program, args, &self.limits, origin, &wasm).await
            }
        }
    }
}

fn unframe(origin: &Origin, framed: Vec<u8>) -> Option<Bytes> {
    let framed = Bytes::from(framed);
    let code = code::unframe(origin, &framed).ok()?;
    Some(framed.slice_ref(code))
}
