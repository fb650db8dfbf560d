//! Loads a file as a guest: checks it, finds or compiles its code, links it.
//!
//! Code comes from memory, from the cache on disk, whole or as a template, from the code
//! source of other machines, or is compiled, in this order.
//!
//! One digest is loaded once at a time: concurrent calls wait for the result, or
//! take over if the first caller was dropped. Recently used guests stay in memory,
//! within a bound.

mod guest_cache;

pub(crate) use guest_cache::GuestCache;

use crate::{
    CodeSource, Digest, Guest, GuestKind, LoadError, SandboxWarning,
    code::{self, CodeName, Form, Loaded, Origin},
    compile::template,
    dag::{Tasks, TasksError},
    engine::Runtime,
    guest::{Callable, GuestFile, LoadedGuest, Prepared},
    inspect::{self, FileKind, InspectError, Outline},
    shared::Shared,
};
use bytes::Bytes;
use std::sync::{Arc, PoisonError, atomic::Ordering};
use tokio::sync::OnceCell;

/// Loads a file, once per digest at a time.
pub(crate) async fn load(
    shared: &Arc<Shared>,
    wasm: Bytes,
    source: Option<Arc<dyn CodeSource>>,
) -> Result<Guest, LoadError> {
    let limit = shared.options.compile.component_bytes;
    if wasm.len() as u64 > limit {
        return Err(LoadError::TooLarge {
            bytes: wasm.len() as u64,
            limit,
        });
    }
    let digest = {
        let wasm = wasm.clone();
        blocking(move || Digest::of(&wasm)).await?
    };
    if let Some(guest) = lock(&shared.guests).get(&digest) {
        shared.code_found.hits.fetch_add(1, Ordering::Relaxed);
        return Ok(guest);
    }
    let flight = Arc::clone(
        lock(&shared.flights)
            .entry(digest)
            .or_insert_with(|| Arc::new(OnceCell::new())),
    );
    let result = flight
        .get_or_init(|| load_new(shared, digest, wasm, source))
        .await
        .clone();
    {
        let mut flights = lock(&shared.flights);
        if flights
            .get(&digest)
            .is_some_and(|current| Arc::ptr_eq(current, &flight))
        {
            flights.remove(&digest);
        }
    }
    if let Ok(guest) = &result {
        lock(&shared.guests).insert(guest.clone());
    }
    result
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing under these locks is ever left half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs long or blocking work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| LoadError::Host {
            reason: format!("loading was interrupted: {error}"),
        })
}

async fn load_new(
    shared: &Arc<Shared>,
    digest: Digest,
    wasm: Bytes,
    source: Option<Arc<dyn CodeSource>>,
) -> Result<Guest, LoadError> {
    let kind = kind(&wasm)?;
    let template = {
        let wasm = wasm.clone();
        blocking(move || Some(template::split(&wasm)?.template.digest())).await?
    };
    let file = Arc::new(GuestFile {
        digest,
        kind,
        wasm,
        template: template.filter(|_| form(kind) == Form::Component),
        source,
    });
    let runtime = shared.runtime(kind.profile())?;
    let home = prepare(shared, &runtime, &file).await?;
    Ok(Guest(Arc::new(LoadedGuest {
        file,
        home,
        deterministic: OnceCell::new(),
    })))
}

/// What kind of guest a file is, with everything it imports offered.
fn kind(wasm: &[u8]) -> Result<GuestKind, LoadError> {
    let outline = inspect::outline(wasm).map_err(|error| match error {
        InspectError::NotWasm(reason) => LoadError::NotWasm { reason },
        InspectError::Malformed(reason) => LoadError::Malformed { reason },
    })?;
    let Outline {
        kind,
        imports,
        exports,
    } = outline;
    let kind = match kind {
        FileKind::Guest(kind) => kind,
        FileKind::OtherModule => return Err(LoadError::NoStart),
        FileKind::Container(_) => return Err(LoadError::Container),
        FileKind::OtherComponent if crate::container::is_container(wasm) => {
            return Err(LoadError::Container);
        }
        FileKind::OtherComponent => {
            return Err(LoadError::NothingToRun {
                hint: hint(&exports),
            });
        }
    };
    let refused: Vec<String> = imports
        .iter()
        .filter_map(|import| {
            import
                .not_offered
                .as_ref()
                .map(|why| format!("{} ({why})", import.name))
        })
        .collect();
    if refused.is_empty() {
        Ok(kind)
    } else {
        Err(LoadError::UnknownImports { imports: refused })
    }
}

fn hint(exports: &[String]) -> String {
    let newer = exports.iter().find(|name| {
        name.starts_with("weft:dag/tasks@") || name.starts_with("weft:async-dag/tasks@")
    });
    match newer {
        Some(newer) => format!(" (it exports {newer}, which needs another version of Weft)"),
        None if exports.is_empty() => " (it exports nothing at all)".into(),
        None => {
            let first: Vec<&str> = exports.iter().take(5).map(String::as_str).collect();
            format!(" (it exports {})", first.join(", "))
        }
    }
}

/// Code for one engine: cached, fetched or compiled.
pub(crate) async fn prepare(
    shared: &Arc<Shared>,
    runtime: &Arc<Runtime>,
    file: &Arc<GuestFile>,
) -> Result<Prepared, LoadError> {
    let origin = Origin {
        digest: file.template.unwrap_or(file.digest),
        name: name(runtime, file),
    };
    if let Some(prepared) = load_cached(shared, runtime, file, &origin).await? {
        shared.code_found.hits.fetch_add(1, Ordering::Relaxed);
        return Ok(prepared);
    }
    if let Some(prepared) = fetched(shared, runtime, file, &origin).await? {
        shared.code_found.fetched.fetch_add(1, Ordering::Relaxed);
        return Ok(prepared);
    }
    let _turn = match origin.name.form {
        Form::Template => {
            let turn = shared.compiler.templates.lock().await;
            // Another component with this template may have come first.
            if let Some(prepared) = load_cached(shared, runtime, file, &origin).await? {
                shared.code_found.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(prepared);
            }
            Some(turn)
        }
        _of_one_file => None,
    };
    shared.code_found.misses.fetch_add(1, Ordering::Relaxed);
    let framed = Bytes::from(shared.compiler.compile(&origin, file.wasm.clone()).await?);
    let (shared, runtime, file) = (Arc::clone(shared), Arc::clone(runtime), Arc::clone(file));
    blocking(move || {
        let prepared = link(&runtime, &file, &origin, framed.clone())?;
        shared.store_code(&origin, &framed);
        Ok(prepared)
    })
    .await?
}

/// What code for this engine is called.
pub(crate) fn name(runtime: &Runtime, file: &GuestFile) -> CodeName {
    CodeName {
        form: match file.template {
            Some(_) => Form::Template,
            None => form(file.kind),
        },
        profile: runtime.profile,
        target: runtime.target,
        compatibility: runtime.compatibility.clone(),
    }
}

const fn form(kind: GuestKind) -> Form {
    match kind {
        GuestKind::Tasks | GuestKind::AsyncTasks | GuestKind::Command => Form::Component,
        GuestKind::Module => Form::Module,
    }
}

/// From the cache on disk.
async fn load_cached(
    shared: &Arc<Shared>,
    runtime: &Arc<Runtime>,
    file: &Arc<GuestFile>,
    origin: &Origin,
) -> Result<Option<Prepared>, LoadError> {
    let (shared, runtime) = (Arc::clone(shared), Arc::clone(runtime));
    let (file, origin) = (Arc::clone(file), origin.clone());
    blocking(move || {
        let framed = shared.compiler.cache.as_ref()?.get(&origin)?;
        // Code that wasmtime refuses after all is compiled again.
        link(&runtime, &file, &origin, framed.into()).ok()
    })
    .await
}

/// Code that another machine compiled and signed. Whatever is wrong
/// with it, it can still be compiled here.
async fn fetched(
    shared: &Arc<Shared>,
    runtime: &Arc<Runtime>,
    file: &Arc<GuestFile>,
    origin: &Origin,
) -> Result<Option<Prepared>, LoadError> {
    let source = match &file.source {
        Some(source) if origin.name.target.is_known() => source,
        _no_other_source => return Ok(None),
    };
    let most = code::most_bytes(file.wasm.len() as u64);
    let Some(signed) = source.code(&file.digest, &origin.name, most).await else {
        return Ok(None);
    };
    let (shared, runtime) = (Arc::clone(shared), Arc::clone(runtime));
    let (file, origin) = (Arc::clone(file), origin.clone());
    blocking(move || {
        // What is linked is what was verified: these very bytes, in memory.
        let usable = code::verify(&signed.key, &origin, &signed.bytes)
            .map_err(|error| error.to_string())
            .and_then(|framed| {
                let prepared = link(&runtime, &file, &origin, framed.clone());
                let prepared = prepared.map_err(|error| error.to_string())?;
                Ok((framed, prepared))
            });
        match usable {
            Ok((framed, prepared)) => {
                shared.store_code(&origin, &framed);
                Some(prepared)
            }
            Err(problem) => {
                shared.warn(&SandboxWarning::CodeRefused {
                    file: file.digest,
                    problem,
                });
                None
            }
        }
    })
    .await
}

/// Makes a guest of framed code: of its file, or of its template.
fn link(
    runtime: &Runtime,
    file: &GuestFile,
    origin: &Origin,
    framed: Bytes,
) -> Result<Prepared, LoadError> {
    let refused = |error: wasmtime::Error| LoadError::Compile {
        reason: format!("{error:#}"),
    };
    let missing = |error: wasmtime::Error| LoadError::UnknownImports {
        imports: vec![format!("{error:#}")],
    };
    let unusable = |reason: String| LoadError::CompilerCrashed { reason };
    let code = code::unframe(origin, &framed).map_err(|error| unusable(error.to_string()))?;
    let code = framed.slice_ref(code);
    drop(framed);
    let code = match origin.name.form {
        Form::Template => template::split(&file.wasm)
            .and_then(|split| template::complete(code, &split.contents))
            .ok_or_else(|| unusable("it is no template's code".to_owned()))?,
        _of_one_file => code,
    };
    let complex = |reason| LoadError::TooComplex { reason };
    let (callable, slots) = match code::load(runtime, form(file.kind), &code).map_err(refused)? {
        Loaded::Component(component) => {
            let needs = component
                .resources_required()
                .ok_or_else(|| complex("it imports core modules or components".to_owned()))?;
            let slots = runtime.pool.slots_for(&needs).map_err(complex)?;
            let pre = runtime
                .components
                .instantiate_pre(&component)
                .map_err(missing)?;
            let incomplete = |error: TasksError| LoadError::NothingToRun {
                hint: format!(" ({error})"),
            };
            let callable = match file.kind {
                GuestKind::Tasks => {
                    Callable::Tasks(Tasks::find(&component, pre).map_err(incomplete)?)
                }
                GuestKind::AsyncTasks => {
                    Callable::Tasks(Tasks::find_async(&component, pre).map_err(incomplete)?)
                }
                GuestKind::Command | GuestKind::Module => Callable::Command(pre),
            };
            (callable, slots)
        }
        Loaded::Module(module) => {
            let slots = runtime
                .pool
                .slots_for(&module.resources_required())
                .map_err(complex)?;
            let pre = runtime.modules.instantiate_pre(&module).map_err(missing)?;
            (Callable::Module(pre), slots)
        }
    };
    Ok(Prepared {
        callable,
        slots,
        code_bytes: code.len() as u64,
    })
}
