//! The engines: one configuration, from one constructor, for compiling and for
//! running; the pool of slots that instances are made in; the ticker.
//!
//! What the code looks like that the compiler emits depends on [`configuration`]
//! alone, never on the pool nor on the machine that compiles: code of one sandbox
//! fits every other of the same build, profile and target, and the compiling
//! subprocess (which has no pool) agrees with its parent. A test holds the two equal.
//!
//! Only the engine for guests of WASI 0.3 has component concurrency: the others
//! are spared its cost and its surface.

mod pool;
mod profile;
mod target;
mod ticker;

pub(crate) use profile::Profile;
pub(crate) use target::Target;
pub(crate) use ticker::Ticker;

use crate::{SandboxError, SandboxOptions, linker, state::HostState};
use pool::Pool;
use std::{
    hash::{Hash, Hasher},
    num::NonZeroUsize,
};
use wasmtime::{Config, Engine, WasmBacktraceDetails, component};
use weft_core::limit::Limits;

/// Address space of each linear memory: with all of what 32 bits can reach
/// reserved, compiled code needs no bounds checks.
const MEMORY_RESERVATION_BYTES: u64 = 4 << 30;

/// Unmapped space behind each memory, for the constant offsets of loads and stores.
const MEMORY_GUARD_BYTES: u64 = 32 << 20;

/// The stack that an attempt runs on: the guest's part is [`Limits::DEFAULT`]'s
/// `stack_bytes`, equal for all tasks since it belongs to the engine; host calls
/// have the rest.
const STACK_BYTES: usize = 2 << 20;

/// Frames of a backtrace.
const BACKTRACE_FRAMES: usize = 40;

/// Everything that decides what compiled code looks like.
fn configuration(profile: Profile, target: Target) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .memory_reservation(MEMORY_RESERVATION_BYTES)
        .memory_guard_size(MEMORY_GUARD_BYTES)
        .memory_may_move(false)
        .memory_init_cow(true)
        .epoch_interruption(true)
        .concurrency_support(profile == Profile::Concurrent)
        .max_wasm_stack(usize::try_from(Limits::DEFAULT.stack_bytes).expect("512 KiB fit"))
        .async_stack_size(STACK_BYTES)
        // Named, so that WASMTIME_BACKTRACE_DETAILS of the environment changes nothing.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES))
        // Unwinding never passes through guest code; the tables are a quarter of the code's size.
        .native_unwind_info(false);
    match profile {
        Profile::Fast => {}
        Profile::Deterministic => {
            config
                .consume_fuel(true)
                .cranelift_nan_canonicalization(true)
                .relaxed_simd_deterministic(true);
        }
        Profile::Concurrent => {
            config
                .wasm_component_model_async(true)
                // What a released component of WASI 0.3 doesn't need stays off.
                .wasm_component_model_async_stackful(false)
                .wasm_component_model_more_async_builtins(false)
                .wasm_component_model_threading(false)
                .wasm_component_model_error_context(false);
        }
    }
    target.configure(&mut config)?;
    Ok(config)
}

/// An engine that compiles and never runs anything.
pub(crate) fn compiling_engine(profile: Profile, target: Target) -> wasmtime::Result<Engine> {
    Engine::new(&configuration(profile, target)?)
}

/// Names everything that compiled code depends on but the guest: wasmtime's
/// version, settings, target and CPU features.
pub(crate) fn compatibility(engine: &Engine) -> String {
    /// Gathers what is hashed, for a hash that is stable over builds.
    struct Gather(blake3::Hasher);
    impl Hasher for Gather {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            let hash = self.0.finalize();
            u64::from_le_bytes(
                *hash
                    .as_bytes()
                    .first_chunk()
                    .expect("32 bytes have 8 first ones"),
            )
        }
    }
    let mut gather = Gather(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut gather);
    gather.0.finalize().to_hex()[..32].to_owned()
}

/// An engine that runs guests.
pub(crate) struct Runtime {
    pub(crate) profile: Profile,
    pub(crate) target: Target,
    pub(crate) engine: Engine,
    pub(crate) compatibility: String,
    pub(crate) components: component::Linker<HostState>,
    pub(crate) modules: wasmtime::Linker<HostState>,
    pub(crate) pool: Pool,
}

impl Runtime {
    /// Reserves the pool's address space, as much of it as the machine gives.
    pub(crate) fn new(profile: Profile, options: &SandboxOptions) -> Result<Self, SandboxError> {
        let target = Target::of_this_machine();
        let failed = |error: wasmtime::Error| SandboxError::Engine {
            reason: format!("{error:#}"),
        };
        let config = configuration(profile, target).map_err(failed)?;
        let (engine, pool) = match profile {
            Profile::Fast | Profile::Deterministic => Pool::reserve(&config, options)?,
            // Each call that blocks inside of such a guest holds a stack, so how many
            // there are is known only while it runs: a pool that had them for every
            // slot would be a hundred times as large, and a smaller one would let one
            // guest take its neighbours' stacks.
            Profile::Concurrent => Pool::on_demand(&config, options)?,
        };
        Ok(Self {
            profile,
            target,
            compatibility: compatibility(&engine),
            components: linker::component_linker(&engine, profile).map_err(failed)?,
            modules: linker::module_linker(&engine).map_err(failed)?,
            engine,
            pool,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiler_and_runtime_agree() {
        for profile in Profile::ALL {
            let runtime = Runtime::new(profile, &SandboxOptions::default()).unwrap();
            let compiler = compiling_engine(profile, Target::of_this_machine()).unwrap();
            assert_eq!(
                runtime.compatibility,
                compatibility(&compiler),
                "{profile:?}"
            );
        }
    }

    #[test]
    fn the_pool_changes_nothing_about_the_code() {
        let small = SandboxOptions {
            max_instances: 1,
            max_memory_bytes: 1 << 20,
            ..SandboxOptions::default()
        };
        let small = Runtime::new(Profile::Fast, &small).unwrap();
        let large = Runtime::new(Profile::Fast, &SandboxOptions::default()).unwrap();
        assert_eq!(small.compatibility, large.compatibility);
    }

    #[test]
    fn code_can_be_made_for_every_target_and_differs_between_them() {
        let mut seen = std::collections::HashSet::new();
        for target in Target::known() {
            let engine = compiling_engine(Profile::Fast, target).unwrap();
            assert!(
                engine.precompile_module(b"\0asm\x01\0\0\0").is_ok(),
                "{target}"
            );
            assert!(seen.insert(compatibility(&engine)), "{target}");
        }
    }

    #[test]
    fn the_profiles_have_different_code() {
        let [fast, deterministic, concurrent] = Profile::ALL.map(|profile| {
            compatibility(&compiling_engine(profile, Target::of_this_machine()).unwrap())
        });
        assert_ne!(fast, deterministic);
        assert_ne!(fast, concurrent);
        assert_ne!(deterministic, concurrent);
    }

    #[test]
    fn only_the_third_engine_has_component_concurrency() {
        for profile in Profile::ALL {
            let runtime = Runtime::new(profile, &SandboxOptions::default()).unwrap();
            for engine in [
                &runtime.engine,
                &compiling_engine(profile, Target::of_this_machine()).unwrap(),
            ] {
                assert_eq!(
                    engine.get_concurrency_support(),
                    profile == Profile::Concurrent,
                    "{profile:?}"
                );
            }
        }
    }
}
