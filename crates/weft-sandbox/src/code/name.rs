//! Names of compiled code, made from its source and its target.

use crate::{
    Digest,
    engine::{Profile, Target},
};
use std::{fmt, str::FromStr};

/// Begins everything that a name is hashed with; changes with the frame.
const SCHEME: &[u8] = b"weftcod1";
/// Hexadecimal digits of a compatibility hash.
const COMPATIBILITY_DIGITS: usize = 32;

/// What kind of file the code was compiled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// A component.
    Component,
    /// A core module.
    Module,
    /// The component of which others differ in the contents of memory alone, whose code is only ever
    /// completed with those.
    Template,
}

impl Form {
    /// A stable name, for arguments and for names of code.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Module => "module",
            Self::Template => "template",
        }
    }

    /// The form of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Component, Self::Module, Self::Template]
            .into_iter()
            .find(|form| form.name() == name)
    }
}

/// What code is for: the kind of file, the engine, the machine and the compiler.
/// Two pieces of code of one file and one name are interchangeable.
///
/// As text: `component.fast.x86_64-unknown-linux-gnu-v3.` and 32 hexadecimal
/// digits: a hash of wasmtime's version and all its settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CodeName {
    pub(crate) form: Form,
    pub(crate) profile: Profile,
    pub(crate) target: Target,
    /// See [`crate::engine::compatibility`].
    pub(crate) compatibility: String,
}

impl fmt::Display for CodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, profile) = (self.form.name(), self.profile.name());
        write!(f, "{form}.{profile}.{}.{}", self.target, self.compatibility)
    }
}

/// A text that names no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names no compiled code that this version of Weft makes")]
pub struct UnknownCodeName;

impl FromStr for CodeName {
    type Err = UnknownCodeName;

    fn from_str(text: &str) -> Result<Self, UnknownCodeName> {
        let read = || {
            let mut parts = text.split('.');
            let name = Self {
                form: Form::from_name(parts.next()?)?,
                profile: Profile::from_name(parts.next()?)?,
                target: Target::from_name(parts.next()?)?,
                compatibility: parts.next()?.to_owned(),
            };
            let compatibility = name.compatibility.as_bytes();
            let is_hash = compatibility.len() == COMPATIBILITY_DIGITS
                && compatibility
                    .iter()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (parts.next().is_none() && is_hash).then_some(name)
        };
        read().ok_or(UnknownCodeName)
    }
}

/// What a piece of code was compiled from, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) digest: Digest,
    pub(crate) name: CodeName,
}

impl Origin {
    /// 32 bytes that differ wherever the origin does.
    pub(crate) fn key(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for part in [
            SCHEME,
            &self.digest.0,
            self.name.form.name().as_bytes(),
            self.name.profile.name().as_bytes(),
            self.name.target.name().as_bytes(),
            self.name.compatibility.as_bytes(),
        ] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_nothing_else_does() {
        let name = CodeName {
            form: Form::Module,
            profile: Profile::Concurrent,
            target: Target::of_this_machine(),
            compatibility: "0123456789abcdef".repeat(2),
        };
        let text = name.to_string();
        assert_eq!(text.parse(), Ok(name));
        for odd in [
            "",
            "module",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}.x"),
            &text.replace("module", "../.."),
        ] {
            assert_eq!(odd.parse::<CodeName>(), Err(UnknownCodeName), "{odd}");
        }
    }
}
