//! The compiler role: a subprocess of this program, with limits, inspects, describes and
//! compiles the files that users deploy. The server never parses or runs a guest itself.

mod answer;
pub(crate) mod child;
mod code;
mod parent;

pub(crate) use parent::CompilerRole;
