//! Runs a component once and keeps what is then in its memory: for languages whose programs take long to
//! load, and components that differ in what they loaded alone.
//!
//! The component gets functions that read and write its memory and all globals that can change (`instrument`).
//! An instance of it, which may read and write folders of this machine, is called. What is then read is a state:
//! another instance goes on from there, or it becomes the first memory of a component without these functions
//! (`apply`).
//!
//! This is a part of building: the guest is the author's own, on the author's machine. It gets no secrets,
//! connections or environment, and no limits: the author can interrupt it.
//!
//! The code that runs here lives for one call. So it is compiled by wasmtime's baseline compiler, in a
//! fifth of the time.

mod apply;
mod instrument;
mod layout;

use crate::{
    Digest, SandboxOptions,
    binary::WASM_PAGE_BYTES,
    cache::Cache,
    code::{self, CodeName, Form, Origin},
    dag::INTERFACE,
    engine::{self, Profile, Target},
};
use std::path::{Path, PathBuf};
use wasmtime::{
    Config, Engine, OptLevel, Store, Strategy,
    component::{Component, Instance, Linker, ResourceTable, ResourceType, types::ComponentItem},
};
use wasmtime_wasi::{
    FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    p2::{DynInputStream, DynOutputStream, DynPollable, pipe::MemoryOutputPipe},
};

/// The most bytes of a guest's output that are kept for an error.
const MAX_OUTPUT_BYTES: usize = 64 << 10;
/// What is called; what it leaves in memory is the snapshot.
const FUNCTION: &str = "describe";

/// What to run.
#[derive(Debug)]
pub struct SnapshotRequest<'a> {
    /// A component with `describe` whose modules are instantiated once each, around one memory.
    pub component: &'a [u8],
    /// What an earlier run of this component left; with `None` it begins with its own memory.
    pub state: Option<&'a State>,
    /// Folders of this machine, and where the guest sees them.
    pub folders: &'a [(&'a Path, &'a str)],
    /// Functions of its modules that are called at the end, without parameters and results: they forget what
    /// belongs to this run. Those that no module has are left out.
    pub last_calls: &'a [&'a str],
    /// The folder of compiled code; with `None` the component is compiled each time.
    pub cache_dir: Option<PathBuf>,
}

/// What a component has in memory and in its globals.
#[derive(Debug, PartialEq, Eq)]
pub struct State(Vec<u8>);

impl State {
    /// To be stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What [`Self::as_bytes`] gave; of the same component, byte for byte.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Memory, and the globals behind it.
    fn split(&self, globals: usize) -> Result<(&[u8], &[[u8; 8]]), SnapshotError> {
        let memory = self.0.len().checked_sub(globals * size_of::<u64>());
        let memory = memory.filter(|bytes| bytes.is_multiple_of(WASM_PAGE_BYTES));
        let memory = memory.ok_or(SnapshotError::Unsuitable("the state is of another one"))?;
        let (memory, values) = self.0.split_at(memory);
        Ok((memory, values.as_chunks::<8>().0))
    }
}

/// A component that has run.
#[derive(Debug)]
pub struct Snapshot {
    /// Where it goes on.
    pub state: State,
    /// What `describe` answered.
    pub document: String,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The component is not made as this needs it.
    #[error("no snapshot can be taken of this component: {0}")]
    Unsuitable(&'static str),
    /// It could not be compiled, linked or run.
    #[error("{reason}")]
    Failed {
        /// In wasmtime's words.
        reason: String,
        /// The end of what it printed.
        output: String,
    },
    /// `describe` answered with an error.
    #[error("{0}")]
    Author(String),
}

/// Runs a component once. Blocks.
///
/// # Errors
/// [`SnapshotError`], with what the guest printed.
pub fn take(request: &SnapshotRequest<'_>) -> Result<Snapshot, SnapshotError> {
    let output = MemoryOutputPipe::new(MAX_OUTPUT_BYTES);
    let instrumented = instrument::instrument(request.component, request.last_calls)
        .map_err(SnapshotError::Unsuitable)?;
    let globals = instrumented.globals;
    let state = request
        .state
        .map(|state| state.split(globals))
        .transpose()?;
    let (document, state) = run(request, &instrumented, state, &output)
        .map_err(|error| SnapshotError::Failed {
            reason: format!("{error:#}"),
            output: String::from_utf8_lossy(&output.contents()).into_owned(),
        })?
        .map_err(SnapshotError::Author)?;
    Ok(Snapshot {
        state: State(state),
        document,
    })
}

/// The component that begins with this state.
///
/// # Errors
/// For a component that is not as [`take`] needs it, and a state of another one.
pub fn component_with(component: &[u8], state: &State) -> Result<Vec<u8>, SnapshotError> {
    apply::apply(component, state)
}

/// What the guest's calls are answered with: WASI alone.
struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

type Ran = Result<(String, Vec<u8>), String>;

/// Instantiates and calls it; answers with the document and the state.
fn run(
    request: &SnapshotRequest<'_>,
    instrumented: &instrument::Instrumented,
    state: Option<(&[u8], &[[u8; 8]])>,
    output: &MemoryOutputPipe,
) -> wasmtime::Result<Ran> {
    let engine = baseline_engine()?;
    let component = compiled(&engine, &instrumented.component, request.cache_dir.clone())?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    define_absent(&mut linker, &component)?;
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(output.clone()).stderr(output.clone());
    for (folder, guest) in request.folders {
        wasi.preopened_dir(folder, guest, FsPerms::ReadWrite)?;
    }
    let host = Host {
        wasi: wasi.build(),
        table: ResourceTable::new(),
    };
    let mut store = Store::new(&engine, host);
    let instance = linker.instantiate(&mut store, &component)?;
    if let Some((memory, globals)) = state {
        write(&mut store, &instance, memory, globals)?;
    }
    let missing = || wasmtime::Error::msg("the component does not export describe");
    let interface = component
        .get_export_index(None, INTERFACE)
        .ok_or_else(missing)?;
    let function = component
        .get_export_index(Some(&interface), FUNCTION)
        .ok_or_else(missing)?;
    let describe =
        instance.get_typed_func::<(), (Result<String, String>,)>(&mut store, function)?;
    let (answer,) = describe.call(&mut store, ())?;
    let document = match answer {
        Ok(document) => document,
        Err(message) => return Ok(Err(message)),
    };
    let read = instance.get_typed_func::<(), (Vec<u8>,)>(&mut store, instrument::READ)?;
    let (state,) = read.call(&mut store, ())?;
    Ok(Ok((document, state)))
}

/// Gives an instance a state.
fn write(
    store: &mut Store<Host>,
    instance: &Instance,
    memory: &[u8],
    globals: &[[u8; 8]],
) -> wasmtime::Result<()> {
    let all = instance.get_typed_func::<(&[u8],), ()>(&mut *store, instrument::WRITE_MEMORY)?;
    all.call(&mut *store, (memory,))?;
    let one = instance.get_typed_func::<(u32, u64), ()>(&mut *store, instrument::WRITE_GLOBAL)?;
    for (place, value) in (0..).zip(globals) {
        one.call(&mut *store, (place, u64::from_le_bytes(*value)))?;
    }
    Ok(())
}

/// Interfaces of WASI that a guest has here.
const PRESENT: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Lets a component import everything else, and fail where it calls it.
fn define_absent(linker: &mut Linker<Host>, component: &Component) -> wasmtime::Result<()> {
    let ty = component.component_type();
    for (interface, item) in ty.imports(component.engine()) {
        let ComponentItem::ComponentInstance(ty) = item.ty else {
            continue;
        };
        if PRESENT.iter().any(|present| interface.starts_with(present)) {
            continue;
        }
        let mut instance = linker.instance(interface)?;
        for (name, item) in ty.exports(component.engine()) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let message = format!("{interface} is not there while a component is built");
                    instance.func_new(name, move |_store, _ty, _parameters, _results| {
                        Err(wasmtime::Error::msg(message.clone()))
                    })?;
                }
                ComponentItem::Resource(_) => {
                    instance.resource(name, resource(name), |_store, _resource| Ok(()))?;
                }
                _type => {}
            }
        }
    }
    Ok(())
}

/// The resource of this name in an interface that is not there: of WASI, or of its own.
fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        "pollable" => ResourceType::host::<DynPollable>(),
        "io-error" => ResourceType::host::<wasmtime::Error>(),
        _own => ResourceType::host::<()>(),
    }
}

/// An engine that compiles in little time.
fn baseline_engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    // The guest reports errors itself, in the words of its language.
    config.native_unwind_info(false);
    config.generate_address_map(false);
    if cfg!(target_arch = "x86_64") {
        config.strategy(Strategy::Winch);
    } else {
        // Winch does not know all instructions elsewhere.
        config.cranelift_opt_level(OptLevel::None);
    }
    Engine::new(&config)
}

/// The component's code, out of the cache or compiled.
fn compiled(
    engine: &Engine,
    wasm: &[u8],
    cache_dir: Option<PathBuf>,
) -> wasmtime::Result<Component> {
    let origin = Origin {
        digest: Digest::of(wasm),
        name: CodeName {
            form: Form::Component,
            profile: Profile::Fast,
            target: Target::of_this_machine(),
            // Of this engine, so that nothing else takes the code for its own.
            compatibility: engine::compatibility(engine),
        },
    };
    let cache = Cache::of(&SandboxOptions {
        cache_dir,
        ..SandboxOptions::default()
    });
    if let Some(framed) = cache.as_ref().and_then(|cache| cache.get(&origin))
        && let Ok(code) = code::unframe(&origin, &framed)
        && let Ok(component) = code::load_component(engine, code)
    {
        return Ok(component);
    }
    let code = engine.precompile_component(wasm)?;
    if let Some(cache) = cache {
        cache.insert(&origin, &code::frame(&origin, &code));
    }
    code::load_component(engine, &code)
}

#[cfg(test)]
mod tests;
