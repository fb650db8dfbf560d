//! The SDK's calls to its host: the contract's imports in a component, and
//! an answering double per thread everywhere else, for unit tests.

#[cfg(target_family = "wasm")]
#[allow(
    warnings,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    reason = "generated"
)]
#[rustfmt::skip]
mod bindings;
#[cfg(not(target_family = "wasm"))]
mod double;
#[cfg(target_family = "wasm")]
mod imports;
#[cfg(target_family = "wasm")]
mod web;

#[cfg(not(target_family = "wasm"))]
pub(crate) use double::{
    Sink, Source, attempt, cancelled, create_artifact, log, open_artifact, progress, reset,
    resumed, send, set_cancelled, set_response, set_variable, variable,
};
#[cfg(target_family = "wasm")]
pub(crate) use imports::{
    Sink, Source, attempt, cancelled, create_artifact, log, open_artifact, progress, resumed,
    variable,
};

#[cfg(target_family = "wasm")]
pub(crate) use web::send;

/// Why a variable can't be had.
pub(crate) enum VariableError {
    #[cfg_attr(
        not(target_family = "wasm"),
        allow(dead_code, reason = "the double grants all it has")
    )]
    Denied,
    NotFound,
}

/// Why the store of artifacts refuses.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "the double refuses less")
)]
pub(crate) enum ArtifactError {
    Denied,
    NotFound,
    TooLarge,
    Unavailable,
    StillOpen,
}
