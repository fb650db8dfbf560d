//! A task that does nothing, written with the SDK: what an author's task costs at least.

use weft::prelude::*;

/// Nothing.
#[task]
fn noop() {}

/// One task that does nothing.
#[dag]
fn nothing() {
    noop();
}
