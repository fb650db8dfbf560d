//! Lines of attempts that run on workers elsewhere, for people who watch.
//!
//! The workers' log segments are the truth, and arrive later. What is accepted here is bounded by
//! [`MAX_CALL_BYTES`] for a call, and by the port that receives it for an attempt and in all.

use super::{ByWorker, bad_call};
use crate::{app::App, ports::LogKey, problem::Problem};
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use weft_blob::logs::LogLine;
use weft_broker::message::{MessageError, read_key};

/// The longest call.
pub(super) const MAX_CALL_BYTES: usize = 1 << 20;
/// The highest number of a first line: a log has far fewer.
const MAX_FIRST: u64 = 1 << 53;

#[derive(Deserialize)]
pub(super) struct Lines {
    attempts: Vec<AttemptLines>,
}

#[derive(Deserialize)]
struct AttemptLines {
    /// The attempt, as messages name it.
    attempt: String,
    /// The number of the first line, from 0 on.
    first: u64,
    lines: Vec<LogLine>,
}

/// Lines of attempts that the worker holds; those of others are dropped.
pub(super) async fn add(
    by: ByWorker,
    State(app): State<App>,
    axum::Json(lines): axum::Json<Lines>,
) -> Result<StatusCode, Problem> {
    for lines in lines.attempts {
        let attempt = read_key(&lines.attempt).map_err(|error| bad_call(&error))?;
        if lines.first > MAX_FIRST {
            let why = format!("`first` is at most {MAX_FIRST}");
            return Err(bad_call(&MessageError::Broken(why)));
        }
        let Some(tenant) = by.tenant_of(&app, &attempt).await? else {
            continue;
        };
        let key = LogKey {
            tenant,
            run: attempt.run,
            instance: attempt.attempt.instance,
            number: attempt.attempt.number,
        };
        app.live_logs().add(&key, lines.first, lines.lines);
    }
    Ok(StatusCode::NO_CONTENT)
}
