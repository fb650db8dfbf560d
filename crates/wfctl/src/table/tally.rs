//! How many instances stand in each state, for people.

use weft_api::Counts;

/// By state, in the order in which people ask: what went wrong, what goes on,
/// what is done, what waits.
pub(crate) fn parts(counts: &Counts) -> [(&'static str, u64); 12] {
    [
        ("failed", counts.failed),
        ("upstream failed", counts.upstream_failed),
        ("running", counts.running),
        ("queued", counts.queued),
        ("up for retry", counts.up_for_retry),
        ("deferred", counts.deferred),
        ("ready", counts.ready),
        ("expanding", counts.expanding),
        ("success", counts.success),
        ("skipped", counts.skipped),
        ("cancelled", counts.cancelled),
        ("waiting", counts.waiting),
    ]
}

/// `1 failed, 3 success`; of one instance alone only its state.
pub(crate) fn phrase(counts: &Counts) -> String {
    let there = || parts(counts).into_iter().filter(|(_, count)| *count > 0);
    match (there().next(), there().count()) {
        (None, _) => "-".to_owned(),
        (Some((state, 1)), 1) => state.to_owned(),
        _ => there()
            .map(|(state, count)| format!("{count} {state}"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// How many have ended, and how many there are.
pub(crate) fn progress(counts: &Counts) -> (u64, u64) {
    let over =
        counts.success + counts.failed + counts.skipped + counts.upstream_failed + counts.cancelled;
    (over, parts(counts).iter().map(|(_, count)| count).sum())
}

/// Both together.
pub(crate) fn sum(one: &Counts, other: &Counts) -> Counts {
    Counts {
        waiting: one.waiting + other.waiting,
        expanding: one.expanding + other.expanding,
        ready: one.ready + other.ready,
        queued: one.queued + other.queued,
        running: one.running + other.running,
        up_for_retry: one.up_for_retry + other.up_for_retry,
        deferred: one.deferred + other.deferred,
        success: one.success + other.success,
        failed: one.failed + other.failed,
        skipped: one.skipped + other.skipped,
        upstream_failed: one.upstream_failed + other.upstream_failed,
        cancelled: one.cancelled + other.cancelled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_well() {
        let mut counts = Counts::default();
        assert_eq!(phrase(&counts), "-");
        counts.running = 1;
        assert_eq!(phrase(&counts), "running");
        counts.failed = 2;
        counts.success = 3;
        assert_eq!(phrase(&counts), "2 failed, 1 running, 3 success");
        assert_eq!(progress(&counts), (5, 6));
    }
}
