//! Waiting for what comes about by itself, and for time to pass.

use std::{
    thread,
    time::{Duration, Instant},
};

/// What has not come about after this never will.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(10);

/// Asks until the answer is yes.
pub(crate) fn until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(comes_about(is_so), "{what}: never");
}

/// Asks until the answer is yes; no where it never was.
pub(crate) fn comes_about(mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if is_so() {
            return true;
        }
        pass(PAUSE);
    }
    false
}

/// Waits for so long, whatever comes: a moment that nothing announces.
pub(crate) fn pass(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}
