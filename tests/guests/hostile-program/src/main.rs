//! A WASI program that attacks its scratch folder, its handles and its standard
//! output. Its first argument says how; what it saw goes out as a JSON string.
//!
//! Built twice from the same source: as a WASI 0.2 command and as a WASI 0.1
//! module, which reach the host by different code.

#[path = "../../behaviours.rs"]
#[macro_use]
mod behaviours;

mod files;
mod folders;
mod streams;

use files::*;
use folders::*;
use streams::*;

macro_rules! behaviours {
    ($($name:ident)*) => {
        fn behave(name: &str) {
            match name {
                $(stringify!($name) => $name(),)*
                _ => panic!("there is no behaviour {name:?}"),
            }
        }
    };
}
foreach_program_behaviour!(behaviours);

fn main() {
    behave(
        &std::env::args()
            .nth(1)
            .expect("the first argument names a behaviour"),
    );
}

/// Ends the program with what it saw as its output.
fn saw(what: impl std::fmt::Display) {
    println!("\"{}\"", what.to_string().replace(['"', '\\', '\n'], "'"));
}
