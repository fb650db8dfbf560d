//! The scheduler over a real database and the broker of this process, with
//! workers that do what each test says: what a user would notice of it.

mod commands;
mod dates;
mod harness;
mod limits;
mod recovery;
mod runs;
