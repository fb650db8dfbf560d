//! Compiled code as it is handed from the compiler to whoever keeps or loads it:
//! one frame that says what it was compiled from, and for what.
//!
//! The frame finds truncation and mix-ups. It proves nothing about who made it:
//! that is the cache's seal, or the pipe to a subprocess of our own.

use crate::{
    Digest,
    engine::{Profile, Runtime},
};
use wasmtime::{Module, component::Component};

const MAGIC: &[u8; 8] = b"weftcod1";
const HEADER_BYTES: usize = 8 + 32 + 32 + 8;

/// What kind of file the code was compiled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// A component.
    Component,
    /// A core module.
    Module,
}

impl Form {
    /// A stable name, for arguments and for the cache's keys.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Module => "module",
        }
    }

    /// The form of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Component, Self::Module]
            .into_iter()
            .find(|form| form.name() == name)
    }
}

/// What a piece of code was compiled from, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) digest: Digest,
    pub(crate) form: Form,
    pub(crate) profile: Profile,
    /// See [`crate::engine::compatibility`].
    pub(crate) compatibility: String,
}

impl Origin {
    /// 32 bytes that differ wherever the origin does.
    pub(crate) fn key(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for part in [
            &MAGIC[..],
            &self.digest.0,
            self.form.name().as_bytes(),
            self.profile.name().as_bytes(),
            self.compatibility.as_bytes(),
        ] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

/// The compiler's output in its frame.
pub(crate) fn frame(origin: &Origin, code: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER_BYTES + code.len());
    framed.extend_from_slice(MAGIC);
    framed.extend_from_slice(&origin.key());
    framed.extend_from_slice(blake3::hash(code).as_bytes());
    framed.extend_from_slice(&(code.len() as u64).to_le_bytes());
    framed.extend_from_slice(code);
    framed
}

/// Why bytes are not the code that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// No frame, or of another build.
    #[error("it is no compiled code of this build")]
    Foreign,
    /// A frame around other code.
    #[error("it was compiled from another file or for another configuration")]
    OtherOrigin,
    /// The code is shorter, longer or different.
    #[error("it is truncated or damaged")]
    Damaged,
}

/// The code in a frame.
pub(crate) fn unframe<'a>(origin: &Origin, framed: &'a [u8]) -> Result<&'a [u8], FrameError> {
    let (magic, rest) = framed.split_first_chunk::<8>().ok_or(FrameError::Foreign)?;
    if magic != MAGIC {
        return Err(FrameError::Foreign);
    }
    let (key, rest) = rest.split_first_chunk::<32>().ok_or(FrameError::Damaged)?;
    if *key != origin.key() {
        return Err(FrameError::OtherOrigin);
    }
    let (hash, rest) = rest.split_first_chunk::<32>().ok_or(FrameError::Damaged)?;
    let (length, code) = rest.split_first_chunk::<8>().ok_or(FrameError::Damaged)?;
    if u64::from_le_bytes(*length) != code.len() as u64 || blake3::hash(code) != *hash {
        return Err(FrameError::Damaged);
    }
    Ok(code)
}

/// Code that can be instantiated.
#[derive(Clone)]
pub(crate) enum Loaded {
    Component(Component),
    Module(Module),
}

/// Maps code for execution.
///
/// The caller vouches for the bytes: this program compiled them, or a subprocess
/// of it did, or they bear the cache's seal.
pub(crate) fn load(runtime: &Runtime, form: Form, code: &[u8]) -> wasmtime::Result<Loaded> {
    match form {
        Form::Component => deserialize_component(runtime, code).map(Loaded::Component),
        Form::Module => deserialize_module(runtime, code).map(Loaded::Module),
    }
}

#[expect(
    unsafe_code,
    reason = "loading code is running it; the only callers pass bytes that this program's own compiler made, as `load` demands"
)]
fn deserialize_component(runtime: &Runtime, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: see `load`; wasmtime itself refuses code of another version or configuration.
    unsafe { Component::deserialize(&runtime.engine, code) }
}

#[expect(
    unsafe_code,
    reason = "loading code is running it; the only callers pass bytes that this program's own compiler made, as `load` demands"
)]
fn deserialize_module(runtime: &Runtime, code: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: see `load`; wasmtime itself refuses code of another version or configuration.
    unsafe { Module::deserialize(&runtime.engine, code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            digest: Digest([7; 32]),
            form: Form::Component,
            profile: Profile::Fast,
            compatibility: "c".into(),
        }
    }

    #[test]
    fn a_frame_gives_its_code_back_and_nothing_else() {
        let framed = frame(&origin(), b"code");
        assert_eq!(unframe(&origin(), &framed), Ok(&b"code"[..]));
        for end in 0..framed.len() {
            assert!(unframe(&origin(), &framed[..end]).is_err(), "cut at {end}");
        }
        let mut longer = framed.clone();
        longer.push(0);
        assert_eq!(unframe(&origin(), &longer), Err(FrameError::Damaged));
        let other = Origin {
            profile: Profile::Deterministic,
            ..origin()
        };
        assert_eq!(unframe(&other, &framed), Err(FrameError::OtherOrigin));
        assert_eq!(
            unframe(&origin(), b"\0asm\x0d\0\x01\0"),
            Err(FrameError::Foreign)
        );
    }
}
