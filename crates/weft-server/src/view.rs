//! API bodies from rows of the database and documents of the domain.

pub(crate) mod change;
pub(crate) mod dag;
pub(crate) mod instance;
pub(crate) mod log;
pub(crate) mod run;
