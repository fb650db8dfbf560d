//! Old runs, and the traces of what people did.

use super::{Retention, before};
use std::time::Duration;
use tokio::time::sleep;
use weft_core::time::Timestamp;
use weft_store::StoreError;
use weft_store_sql::{Database, RunRetention, TraceRetention};

/// Runs that are looked at in a portion.
const RUNS_AT_ONCE: u32 = 100;
/// Rows of each kind of trace that are removed in a portion.
const TRACES_AT_ONCE: u32 = 1000;
/// The rest after each portion.
const REST: Duration = Duration::from_millis(20);
/// How long a request with an idempotency key is known again.
const ANSWERS: Duration = Duration::from_hours(24);
/// How long what came of a command or a notification can be asked for.
const COMMANDS: Duration = Duration::from_hours(7 * 24);
/// How long it is known who changed what.
const AUDIT: Duration = Duration::from_hours(400 * 24);

/// Removes what is too old; returns how many runs went.
pub(super) async fn forget(
    database: &Database,
    retention: Retention,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut gone = 0;
    if let Some(keep) = retention.runs {
        let runs = RunRetention {
            before: before(now, keep),
            keep_last: retention.last,
        };
        let mut after = None;
        loop {
            let step = database
                .delete_runs_before(runs, after, RUNS_AT_ONCE)
                .await?;
            gone += step.deleted.len() as u64;
            after = step.next;
            if after.is_none() {
                break;
            }
            sleep(REST).await;
        }
    }
    let traces = TraceRetention {
        answers: before(now, ANSWERS),
        commands: before(now, COMMANDS),
        audit: before(now, AUDIT),
    };
    while database
        .delete_traces_before(traces, TRACES_AT_ONCE)
        .await?
        > 0
    {
        sleep(REST).await;
    }
    Ok(gone)
}
