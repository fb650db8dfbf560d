//! What the services say about themselves: lines on standard error.
//!
//! `WEFT_LOG` says how much (`info`, `weft_scheduler=debug,warn`); on a
//! terminal lines are for people, elsewhere each is one JSON object. Nothing
//! secret is ever logged: the crates below log names, never values.

use std::io::IsTerminal as _;
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// How much is said where nobody asked for more or less.
const DEFAULT_FILTER: &str = "info";

/// Starts to write. Called once, before anything else is started.
pub(crate) fn start() {
    let filter = std::env::var("WEFT_LOG").unwrap_or_else(|_unset| DEFAULT_FILTER.to_owned());
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|error| {
        anstream::eprintln!("warning: WEFT_LOG={filter:?} is ignored: {error}");
        EnvFilter::new(DEFAULT_FILTER)
    });
    let terminal = std::io::stderr().is_terminal();
    let people = terminal.then(|| {
        fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .compact()
    });
    let machines = (!terminal).then(|| {
        fmt::layer()
            .with_writer(std::io::stderr)
            .json()
            .flatten_event(true)
    });
    let lines = people
        .map(fmt::Layer::boxed)
        .or_else(|| machines.map(fmt::Layer::boxed));
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .init();
}
