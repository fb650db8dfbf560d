//! Compiles a checked file to framed code, in this process or in a subprocess
//! that has limits and can be killed.
//!
//! Components of which another one differed in the contents of memory alone are not compiled at all: see
//! [`template`].
//!
//! A subprocess compiles each library that a second component has by itself, unless the cache has its functions,
//! and another one compiles the component with these functions. A process that read a library's component
//! wrote what only components with the very same library are compiled with.

mod functions;
mod library;
mod subprocess;
pub(crate) mod template;
pub(crate) mod translate;

pub(crate) use functions::KnownFunctions;

use crate::{
    CompileLimits, Compiler, Digest, LoadError, SandboxOptions,
    cache::Cache,
    code::{self, CodeName, Form, Origin},
    load::blocking,
};
use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use subprocess::Input;

/// The most bytes of functions that one component is compiled with.
const MAX_FUNCTION_BYTES: u64 = 512 << 20;

/// Counts of libraries in compiled components.
#[derive(Default)]
pub(crate) struct LibraryCounts {
    /// Those whose functions the cache had.
    pub(crate) hits: AtomicU64,
    /// Those that were compiled apart.
    pub(crate) misses: AtomicU64,
}

/// Compiles files for one set of options.
pub(crate) struct CodeCompiler {
    compiler: Compiler,
    limits: CompileLimits,
    /// Of code and of libraries' functions.
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) libraries: LibraryCounts,
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
            libraries: LibraryCounts::default(),
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

    /// Compiles a file with the functions of its libraries.
    async fn compile_file(&self, origin: &Origin, wasm: Bytes) -> Result<Vec<u8>, LoadError> {
        let functions = match (&self.compiler, &self.cache, origin.name.form) {
            (Compiler::Subprocess { .. }, Some(cache), Form::Component | Form::Template) => {
                self.library_functions(cache, &origin.name, wasm.clone())
                    .await?
            }
            _without_libraries => Vec::new(),
        };
        self.run(origin, Input { wasm, functions }).await
    }

    async fn run(&self, origin: &Origin, input: Input) -> Result<Vec<u8>, LoadError> {
        match &self.compiler {
            Compiler::InProcess => {
                let origin = origin.clone();
                tokio::task::spawn_blocking(move || {
                    let known = KnownFunctions::read(input.functions.concat());
                    let code = translate::translate(&origin.name, &input.wasm, &Arc::new(known))?;
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
                subprocess::compile(program, args, &self.limits, origin, input).await
            }
        }
    }

    /// The functions of the libraries in a component. A library that can't be compiled is left out, as
    /// are those after it: the component is compiled without them, and shows what is wrong.
    async fn library_functions(
        &self,
        cache: &Arc<Cache>,
        name: &CodeName,
        wasm: Bytes,
    ) -> Result<Vec<Bytes>, LoadError> {
        let begin = Instant::now();
        let libraries = {
            let cache = Arc::clone(cache);
            blocking(move || {
                let libraries = library::libraries(&wasm);
                // Without a place for their functions, compiling them apart would only take longer.
                let is_useful = !libraries.is_empty() && cache.is_usable();
                if is_useful { libraries } else { Vec::new() }
            })
            .await?
        };
        let mut all = Vec::with_capacity(libraries.len());
        let mut room = MAX_FUNCTION_BYTES;
        for library in libraries {
            // Libraries together may take as long as a file.
            if begin.elapsed() > self.limits.cpu {
                break;
            }
            let library = Bytes::from(library);
            let Some(functions) = self.functions(cache, name, library).await? else {
                break;
            };
            let Some(left) = room.checked_sub(functions.len() as u64) else {
                break;
            };
            room = left;
            all.push(functions);
        }
        Ok(all)
    }

    /// The functions of one library: from the cache, or compiled where another component had it before.
    /// None where it can't be compiled.
    ///
    /// The first component with a library is compiled as a whole, since compiling the library apart takes
    /// longer and pays only if another one follows. It leaves an entry without functions.
    async fn functions(
        &self,
        cache: &Arc<Cache>,
        name: &CodeName,
        library: Bytes,
    ) -> Result<Option<Bytes>, LoadError> {
        let name = CodeName {
            form: Form::Library,
            ..name.clone()
        };
        let (found, origin) = {
            let (cache, library) = (Arc::clone(cache), library.clone());
            blocking(move || {
                let digest = Digest::of(&library);
                let origin = Origin { digest, name };
                let found = cache.get(&origin);
                if found.is_none() {
                    cache.insert(&origin, &code::frame(&origin, &[]));
                }
                (found.and_then(|framed| unframe(&origin, framed)), origin)
            })
            .await?
        };
        match found {
            None => return Ok(Some(Bytes::new())),
            Some(functions) if !functions.is_empty() => {
                self.libraries.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(functions));
            }
            Some(_seen_before) => {}
        }
        self.libraries.misses.fetch_add(1, Ordering::Relaxed);
        let input = Input {
            wasm: library,
            functions: Vec::new(),
        };
        let Ok(framed) = self.run(&origin, input).await else {
            return Ok(None);
        };
        let cache = Arc::clone(cache);
        blocking(move || {
            cache.insert(&origin, &framed);
            unframe(&origin, framed)
        })
        .await
    }
}

fn unframe(origin: &Origin, framed: Vec<u8>) -> Option<Bytes> {
    let framed = Bytes::from(framed);
    let code = code::unframe(origin, &framed).ok()?;
    Some(framed.slice_ref(code))
}
