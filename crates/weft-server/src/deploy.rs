//! What a deploy does with a file, apart from HTTP: its document is split into
//! one for each DAG, held against the policy, and compared with what is active.

pub(crate) mod receive;
pub(crate) mod requests;
pub(crate) mod split;
