//! Attacks on the host's time.

use crate::{End, saw};
use std::{future::pending, hint::black_box};
use wasip3::clocks::monotonic_clock::wait_for;
use wit_bindgen_async::{rt::async_support::yield_async, spawn_local};

/// One wait that lasts longer than any machine.
pub(crate) async fn waits_for_ever() -> End {
    wait_for(u64::MAX).await;
    saw("the end of time")
}

/// Nothing is in progress that could ever wake it.
pub(crate) async fn waits_for_nothing() -> End {
    pending().await
}

pub(crate) async fn computes_for_ever() -> End {
    // Something else is in progress meanwhile, and never has its turn.
    spawn_local(wait_for(1));
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Never more than a moment in the guest's own code.
pub(crate) async fn yields_for_ever() -> End {
    loop {
        yield_async().await;
    }
}

/// Returns its outcome, and then goes on.
pub(crate) async fn goes_on_after_its_end() -> End {
    spawn_local(async {
        loop {
            wait_for(1_000_000).await;
            println!("still here");
        }
    });
    saw("done")
}
