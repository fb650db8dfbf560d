//! Every hostile behaviour, and what must come of it.
//!
//! The names of the behaviours stand in `tests/guests/behaviours.rs`; each must
//! have a test of the same name here, or this does not compile.

mod artifacts;
mod concurrent;
mod ends;
mod files;
mod folders;
mod handles;
mod http;
mod logs;
mod memory;
mod network;
mod results;
mod streams;
mod time;

#[path = "../guests/behaviours.rs"]
#[macro_use]
mod behaviours;

macro_rules! assert_test_exists {
    ($($name:ident)*) => {
        $(#[expect(unused_imports, reason = "only that it exists matters")] use self::$name as _;)*
    };
}

mod component_behaviours {
    use super::{
        artifacts::*, ends::*, handles::*, http::*, logs::*, memory::*, network::*, results::*,
        time::*,
    };
    foreach_component_behaviour!(assert_test_exists);
}

mod program_behaviours {
    use super::{files::*, folders::*, streams::*};
    foreach_program_behaviour!(assert_test_exists);
}

mod async_behaviours {
    use super::concurrent::*;
    foreach_async_behaviour!(assert_test_exists);
}
