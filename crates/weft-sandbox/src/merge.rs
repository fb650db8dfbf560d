//! Makes one module of the modules of a component.
//!
//! A component that is linked of shared libraries has a module for each, and they import thousands of items
//! of each other, which every instance links anew. In one module an import is a call, an address that the
//! linker wrote into a global is a constant, and what nothing refers to is left out: such a component starts
//! in less time, runs faster and has less code.
//!
//! Modules that depend on functions of the host which are made of the modules' own memory stay apart: the
//! one that fills the table of such functions, in components of `wit-component`.

mod component;
mod group;
mod link;
mod liveness;
mod parsed;
mod write;

pub use link::Library;
use std::convert::Infallible;
use wasm_encoder::reencode;

/// Why modules stay as they are.
#[derive(Debug, thiserror::Error)]
#[error("its modules can't be merged: {0}")]
pub struct MergeError(String);

impl MergeError {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    fn damaged() -> Self {
        Self::new("it is damaged")
    }
}

impl From<wasmparser::Error> for MergeError {
    fn from(error: wasmparser::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<reencode::Error<MergeError>> for MergeError {
    fn from(error: reencode::Error<MergeError>) -> Self {
        match error {
            reencode::Error::UserError(error) => error,
            reencode::Error::ParseError(error) => error.into(),
            other => Self(other.to_string()),
        }
    }
}

impl From<reencode::Error<Infallible>> for MergeError {
    fn from(error: reencode::Error<Infallible>) -> Self {
        Self(error.to_string())
    }
}

/// Merges the modules of a component. Functions of these names stay exported by the merged module, each from
/// the first module that exports one.
///
/// The component is trusted to be valid: what is made of one that is not, is not valid either.
///
/// # Errors
/// For a component whose modules start when they are instantiated, or use what is not implemented.
pub fn merge(component: &[u8], kept: &[&str]) -> Result<Vec<u8>, MergeError> {
    component::merge(component, kept)
}

/// Merges the modules of a component that has run, and links further libraries to them, which it finds by `dlopen`.
/// Of each, `dlsym` finds the functions whose names begin with `looked_up`. The libraries start when the component
/// is instantiated.
///
/// # Errors
/// Those of [`merge`], and for a library that needs what nothing has.
pub fn link(
    component: &[u8],
    libraries: &[Library<'_>],
    looked_up: &str,
    kept: &[&str],
) -> Result<Vec<u8>, MergeError> {
    component::link(component, libraries, looked_up, kept)
}

/// The libraries that a library says it needs; none of a file that is not one.
pub fn needed(library: &[u8]) -> Vec<&str> {
    let module = parsed::Module::parse(library);
    let dylink = module.ok().and_then(|module| module.dylink);
    dylink.map(|dylink| dylink.needed).unwrap_or_default()
}

fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).expect("files have a bound")
}

#[cfg(test)]
mod tests;
