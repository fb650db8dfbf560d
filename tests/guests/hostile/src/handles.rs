//! Attacks on the host's tables of handles.

use crate::{End, saw};
use wasip2::{clocks::monotonic_clock, http::types::Fields};

type Inputs = [(String, String)];

const MILLION: usize = 1_000_000;

pub(crate) fn million_pollables(_: &Inputs) -> End {
    let all: Vec<_> = (0..MILLION)
        .map(|_| monotonic_clock::subscribe_duration(u64::MAX))
        .collect();
    saw(all.len())
}

pub(crate) fn million_header_maps(_: &Inputs) -> End {
    let all: Vec<_> = (0..MILLION).map(|_| Fields::new()).collect();
    saw(all.len())
}
