//! WASI programs as tasks: command components (0.2) and plain modules (0.1).
//!
//! A program gets its arguments and environment, inputs as JSON on standard
//! input, and artifacts as files under `/in`. Its standard output becomes the
//! output, its standard error log lines, its files under `/out` artifacts, and
//! its exit code decides: 0 is success, `skip_on_exit` skips, `fail_on_exit`
//! fails for good, any other fails and may be retried. Nothing of the host's own
//! environment is visible. Files become artifacts only of a program that
//! succeeded.

mod capture;
mod ending;
mod files;
mod links;
mod state;

pub(crate) use state::ProgramState;

use crate::{
    AttemptFailure, AttemptOutcome, FailureKind, ProgramEntry, scratch, state::HostState,
    wasi::ProgramStreams,
};
use capture::TooMuchOutput;
use wasmtime::{Linker, Store, component};
use wasmtime_wasi::p2::{bindings::CommandPre, pipe::MemoryInputPipe};
use weft_core::limit::Unit;

/// The program's own name, before its arguments.
const PROGRAM_NAME: &str = "program";

/// Offers WASI 0.1 to core modules.
pub(crate) fn add_module_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    scratch::add_preview1_to_linker(linker, |state: &mut HostState| {
        state
            .program
            .preview1
            .as_mut()
            .expect("set before a module is instantiated")
    })
}

/// Runs a component that exports `wasi:cli/run`. An error is read by `failure`.
pub(crate) async fn run_command(
    store: &mut Store<HostState>,
    guest: &component::InstancePre<HostState>,
    entry: &ProgramEntry,
) -> wasmtime::Result<AttemptOutcome> {
    if let Err(failure) = prepare(store.data_mut(), entry).await {
        return Ok(AttemptOutcome::Failed(failure));
    }
    let command = CommandPre::new(guest.clone())?;
    let ended = match command.instantiate_async(&mut *store).await {
        Ok(command) => command.wasi_cli_run().call_run(&mut *store).await,
        Err(error) => Err(error),
    };
    end(store.data_mut(), entry, ended).await
}

/// Runs a module that exports `_start`. An error is read by `failure`.
pub(crate) async fn run_module(
    store: &mut Store<HostState>,
    guest: &wasmtime::InstancePre<HostState>,
    entry: &ProgramEntry,
) -> wasmtime::Result<AttemptOutcome> {
    let state = store.data_mut();
    if let Err(failure) = prepare(state, entry).await {
        return Ok(AttemptOutcome::Failed(failure));
    }
    let builder = state.wasi.builder(&state.log);
    state.program.preview1 = Some(state.scratch.preview1(builder)?);
    let ended = start(store, guest).await.map(Ok);
    end(store.data_mut(), entry, ended).await
}

async fn start(
    store: &mut Store<HostState>,
    guest: &wasmtime::InstancePre<HostState>,
) -> wasmtime::Result<()> {
    let instance = guest.instantiate_async(&mut *store).await?;
    let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
    start.call_async(&mut *store, ()).await
}

/// Everything that the program finds when it starts.
async fn prepare(state: &mut HostState, entry: &ProgramEntry) -> Result<(), AttemptFailure> {
    files::put_in(&entry.files_in, &mut state.scratch, &state.artifacts).await?;
    let mut args = Vec::with_capacity(entry.args.len() + 1);
    args.push(PROGRAM_NAME.to_owned());
    args.extend_from_slice(&entry.args);
    state.wasi.set_program(ProgramStreams {
        args,
        env: entry.env.clone(),
        stdin: Box::new(MemoryInputPipe::new(entry.stdin.clone())),
        stdout: Box::new(state.program.stdout.clone()),
    });
    Ok(())
}

/// The outcome of a program that has ended, one way or another.
async fn end(
    state: &mut HostState,
    entry: &ProgramEntry,
    ended: wasmtime::Result<Result<(), ()>>,
) -> wasmtime::Result<AttemptOutcome> {
    if let Err(error) = &ended
        && let Some(TooMuchOutput(limit)) = error.downcast_ref()
    {
        let limit = Unit::Bytes.show(*limit);
        let message = format!(
            "standard output is larger than the {limit} that an output may have; raise `limits.output` of the task, or write a file under /out"
        );
        return Ok(AttemptOutcome::Failed(AttemptFailure::new(
            FailureKind::OutputLimit,
            message,
        )));
    }
    let code = ending::exit_code(ended)?;
    if let Some(outcome) = ending::of_code(entry, code) {
        return Ok(outcome);
    }
    let files = match files::take_out(&state.scratch, &mut state.artifacts).await {
        Ok(files) => files,
        Err(failure) => return Ok(AttemptOutcome::Failed(failure)),
    };
    let output = ending::output(entry.output, state.program.stdout.take(), &files);
    Ok(match output {
        Ok(output) => AttemptOutcome::Success { output },
        Err(failure) => AttemptOutcome::Failed(failure),
    })
}

#[cfg(test)]
mod tests;
