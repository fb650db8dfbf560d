//! The deploy of a file, apart from HTTP: its document is split into one for each DAG, checked
//! against the policy, and compared with the active versions.

pub(crate) mod decode;
pub(crate) mod receive;
pub(crate) mod requests;
