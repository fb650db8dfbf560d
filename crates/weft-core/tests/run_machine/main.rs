//! The run state machine, tested as its drivers see it: events in, actions and
//! states out.

mod attempts;
mod driver;
mod mapping;
mod operations;
mod planning;
mod properties;
mod recording;
mod table;
