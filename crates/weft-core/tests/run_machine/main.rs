//! The run state machine, tested as its drivers see it: events in, actions and
//! states out.

mod attempts;
mod clearing;
mod deadlines;
mod driver;
mod groups;
mod mapping;
mod operations;
mod planning;
mod preconditions;
mod properties;
mod recording;
mod table;
mod teardowns;
