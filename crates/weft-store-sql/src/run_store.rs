//! The scheduler's side of the database: [`weft_store::RunStore`] by SQL.

pub(crate) mod commit;
pub(crate) mod damaged;
pub(crate) mod held;
mod implementation;
pub(crate) mod lease;
pub(crate) mod reading;
