//! Attacks on the host's time: loops in the guest and waits in the host.

use crate::{End, saw, weft::dag::context};
use std::hint::black_box;
use wasip2::{clocks::monotonic_clock, io::poll};

type Inputs = [(String, String)];

pub(crate) fn endless_loop(_: &Inputs) -> End {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Never more than a moment in the guest's own code.
pub(crate) fn endless_host_calls(_: &Inputs) -> End {
    loop {
        black_box(context::attempt());
    }
}

/// One host call that lasts longer than any machine.
pub(crate) fn blocked_host_call(_: &Inputs) -> End {
    monotonic_clock::subscribe_duration(u64::MAX).block();
    saw("the end of time")
}

/// Host calls that are ready at once, again and again, over many handles.
pub(crate) fn endless_poll(_: &Inputs) -> End {
    let ready: Vec<_> = (0..100)
        .map(|_| monotonic_clock::subscribe_duration(0))
        .collect();
    let all: Vec<_> = ready.iter().collect();
    loop {
        black_box(poll::poll(&all));
    }
}
