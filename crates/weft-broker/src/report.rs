//! A worker's report of an ended attempt.

use crate::{AheadReport, AttemptKey, ClaimSecret, HeldClaim};
use serde_json::{Value, json};
use std::sync::Arc;
use weft_core::{
    asset::AssetUpdate,
    digest::Digest,
    failure_code::FailureCode,
    id::TaskId,
    suspicion::Evidence,
    time::{DurationMs, Timestamp},
    wait::{Call, Wait},
};

/// The end of one attempt. A worker sends a report until it is confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The attempt that the report is about.
    pub key: AttemptKey,
    /// How it ended.
    pub outcome: ReportedOutcome,
    /// Its resource usage.
    pub usage: Usage,
    /// The reference of its log in `weft_blob`; absent if it printed nothing.
    pub log: Option<Arc<str>>,
    /// References of the artifacts that it finished writing, in order.
    pub artifacts: Vec<String>,
    /// What it said of assets that it updated, if it succeeded.
    pub updates: Vec<AssetUpdate>,
    /// Which worker ran it.
    pub worker: Arc<str>,
    /// What proves the worker's claim. It ends with the verification: no broker stores it, and
    /// no message holds it.
    pub secret: Option<ClaimSecret>,
    /// The attempts that ran ahead, in the order of the dispatch.
    pub ahead: Vec<AheadReport>,
}

impl Report {
    /// The claim that the report is about.
    pub fn claim(&self) -> HeldClaim {
        HeldClaim {
            key: self.key,
            secret: self.secret,
        }
    }
}

/// How an attempt ended on its worker. The scheduler decides whether it counts.
#[derive(Debug, Clone, PartialEq)]
pub enum ReportedOutcome {
    /// It has an output.
    Success {
        /// Checked JSON.
        output: Output,
    },
    /// The task skipped itself.
    Skipped {
        /// The author's words.
        reason: Option<String>,
    },
    /// Success, and only some direct downstreams go on.
    Branch {
        /// The chosen direct downstreams; all others are skipped.
        tasks: Vec<TaskId>,
        /// Checked JSON.
        output: Output,
    },
    /// The task frees its slot until later.
    Deferred {
        /// When it continues at the latest; by the worker's clock where the author gave a
        /// duration. `None` where it waits for something without a timeout.
        until: Option<Timestamp>,
        /// What it waits for; `None` where that is the time alone.
        wait: Option<Wait>,
        /// The run that it calls; what it waits for then follows from that.
        call: Option<Call>,
        /// What it asks people, as [`weft_core::approval::ApprovalRequest`] writes it; it waits for
        /// the answer.
        approval: Option<Arc<str>>,
        /// JSON that `context.resumed()` returns then.
        state: Arc<str>,
    },
    /// It failed.
    Failed(Failure),
}

/// An output: in the report, or in the blob store where it is large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// JSON text of at most [`Output::MAX_INLINE_BYTES`].
    Inline(Arc<str>),
    /// JSON text under this digest in the blob store.
    Blob {
        /// Its name there.
        digest: Digest,
        /// Size of the output, in bytes.
        bytes: u64,
    },
}

impl Output {
    /// A larger output travels through the blob store.
    pub const MAX_INLINE_BYTES: usize = 16 << 10;
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// A stable name in snake case, as [`FailureCode::as_str`] returns it.
    pub code: Arc<str>,
    /// Whether another attempt could help.
    pub retryable: bool,
    /// For people; at most 16 KiB.
    pub message: String,
    /// The author asks for the retry to come no sooner.
    pub retry_after: Option<DurationMs>,
    /// The author's details.
    pub details: Option<Value>,
    /// Function names of the guest, innermost first, one a line.
    pub backtrace: Option<String>,
}

impl Failure {
    /// The process of the worker ended while the attempt was in guest code.
    pub const CRASHED: &str = FailureCode::WorkerCrashed.as_str();

    /// The failure of an attempt that was in guest code when the worker's previous process crashed.
    /// Schedulers of older versions treat it as a retryable failure.
    pub fn crashed(worker: &str, evidence: Evidence) -> Self {
        let (details, words) = match evidence {
            Evidence::Alone => (None, ", and nothing else is suspected".to_owned()),
            Evidence::Among { others } => (
                Some(json!({ "others": others })),
                format!(", and {others} others with it"),
            ),
            Evidence::Outside => (
                Some(json!({ "outside": true })),
                ": it was killed from outside, not by a task".to_owned(),
            ),
        };
        Self {
            code: Self::CRASHED.into(),
            retryable: true,
            message: format!(
                "the process of the worker {worker} ended without a farewell while it ran the attempt{words}"
            ),
            retry_after: None,
            details,
            backtrace: None,
        }
    }

    /// The evidence of a failure by [`Self::crashed`]; `None` of other failures.
    pub fn evidence(&self) -> Option<Evidence> {
        if *self.code != *Self::CRASHED {
            return None;
        }
        let Some(details) = &self.details else {
            return Some(Evidence::Alone);
        };
        if details["outside"] == true {
            return Some(Evidence::Outside);
        }
        // Details of a newer version count as one suspect of many.
        let others = details["others"].as_u64();
        Some(Evidence::Among {
            others: others
                .and_then(|others| u32::try_from(others).ok())
                .unwrap_or(u32::MAX),
        })
    }
}

/// The resource usage of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// When the instance was made, by the worker's clock.
    pub started: Timestamp,
    /// From then to the end, in microseconds.
    pub wall_us: u64,
    /// CPU time, in microseconds.
    pub cpu_us: u64,
    /// The most linear memory at once, in bytes.
    pub memory_peak_bytes: u64,
    /// Fuel burned; only deterministic attempts count it.
    pub fuel: Option<u64>,
    /// Bytes of log lines.
    pub log_bytes: u64,
    /// Bytes that came in from outside.
    pub bytes_in: u64,
    /// Bytes that went out.
    pub bytes_out: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_of_a_crash_is_written_and_read_back() {
        for evidence in [
            Evidence::Alone,
            Evidence::Among { others: 0 },
            Evidence::Among { others: 99 },
            Evidence::Outside,
        ] {
            let failure = Failure::crashed("one", evidence);
            assert_eq!(failure.evidence(), Some(evidence), "{failure:?}");
        }
        // Unknown details of a newer version blame no attempt.
        let mut failure = Failure::crashed("one", Evidence::Outside);
        failure.details = Some(json!({ "moon": "full" }));
        assert!(matches!(
            failure.evidence(),
            Some(Evidence::Among { others: u32::MAX })
        ));
    }
}
