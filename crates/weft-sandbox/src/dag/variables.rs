//! `weft:dag/variables`: values that an operator set, by granted name.

use crate::{LogLevel, MAX_VARIABLE_BYTES, VariableError, state::HostState};
use std::sync::Arc;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Linker, Lower},
};

/// The error as it crosses the boundary.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
enum Refusal {
    #[component(name = "denied")]
    Denied,
    #[component(name = "not-found")]
    NotFound,
}

pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker
        .instance("weft:dag/variables@0.1.0")?
        .func_wrap_async(
            "get",
            |mut store: StoreContextMut<'_, HostState>, (name,): (String,)| {
                Box::new(async move {
                    let state = store.data_mut();
                    if let Err(denied) = state.dag.granted.allows_variable(&name) {
                        // A guest may ignore the refusal, so the message with the grant's name is stored here.
                        let denied = denied.to_string();
                        state.log.note(LogLevel::Warn, &denied, Vec::new());
                        state.dag.denied.get_or_insert(denied);
                        return Ok((Err(Refusal::Denied),));
                    }
                    let variables = Arc::clone(&state.dag.variables);
                    match variables.get(&name).await {
                        Ok(value) if value.len() <= MAX_VARIABLE_BYTES => Ok((Ok(value),)),
                        Ok(value) => {
                            Err(wasmtime::Error::new(VariableError::Unavailable(format!(
                                "{name} has {} bytes, at most {MAX_VARIABLE_BYTES} are allowed",
                                value.len()
                            ))))
                        }
                        Err(VariableError::NotFound) => Ok((Err(Refusal::NotFound),)),
                        Err(error @ VariableError::Unavailable(_)) => {
                            Err(wasmtime::Error::new(error))
                        }
                    }
                })
            },
        )
}
