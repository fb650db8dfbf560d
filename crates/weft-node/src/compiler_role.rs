//! The compiler role: files of strangers are looked at, asked for their DAGs
//! and compiled in a subprocess of this same program, with limits, that can be
//! killed. The server never parses or runs a guest itself.

mod answer;
pub(crate) mod child;
mod code;
mod parent;

pub(crate) use parent::CompilerRole;
