//! Problems from what the domain and the database answer.

use super::{Code, Problem};
use crate::ports::{FleetError, SchedulerGone};
use weft_api::problem::ProblemDetail;
use weft_blob::BlobError;
use weft_core::{
    document::{self, DocumentError},
    policy::Refusal,
};
use weft_store::StoreError;
use weft_store_sql::ChangeError;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => {
                tracing::warn!(error = %why, operation = "call database", "the database is unavailable; the request fails");
                Self::new(Code::Unavailable, "the database does not answer now")
            }
            StoreError::Full(why) => {
                tracing::error!(error = %why, operation = "call database", "the database is out of space; the request fails");
                Self::new(
                    Code::StorageFull,
                    "the database can't be written: there is no space left",
                )
            }
            error @ (StoreError::Corrupt(_) | StoreError::Defect(_)) => Self::internal(error),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            error @ ChangeError::ChangedMeanwhile => {
                Self::new(Code::ChangedMeanwhile, error.to_string())
            }
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Full { path } => {
                tracing::error!(%path, operation = "write blob", "the blob store is out of space; the request fails");
                Self::new(
                    Code::StorageFull,
                    "there is no space left in the blob store",
                )
            }
            BlobError::Missing { kind, digest } => {
                tracing::error!(%kind, %digest, operation = "read blob", "a blob that the database names is missing; the request fails");
                Self::new(
                    Code::Damaged,
                    format!("the {kind} {digest} is not there any more"),
                )
            }
            BlobError::Damaged { digest, path } => {
                tracing::error!(%path, %digest, operation = "read blob", "a blob is damaged: its bytes do not match its digest; the request fails");
                Self::new(Code::Damaged, format!("the bytes of {digest} are damaged"))
            }
            BlobError::Unavailable { path, reason } => {
                tracing::warn!(%path, error = %reason, operation = "call blob store", "the blob store is unavailable; the request fails");
                Self::new(Code::Unavailable, "the blob store does not answer now")
            }
            error @ (BlobError::Forbidden { .. }
            | BlobError::TooLarge { .. }
            | BlobError::InvalidUrl { .. }) => Self::internal(error),
        }
    }
}

impl From<SchedulerGone> for Problem {
    fn from(_gone: SchedulerGone) -> Self {
        Self::new(Code::Unavailable, "the scheduler does not answer now")
    }
}

impl From<FleetError> for Problem {
    fn from(error: FleetError) -> Self {
        tracing::warn!(%error, operation = "call broker", "the broker is unavailable; the request fails");
        Self::new(Code::Unavailable, "the broker does not answer now")
    }
}

/// One problem of a document or of parameters.
pub(crate) fn document_detail(problem: &document::Problem) -> ProblemDetail {
    let at = |part: fn(&document::Position) -> usize| {
        problem
            .position
            .as_ref()
            .map(|position| u32::try_from(part(position)).unwrap_or(u32::MAX))
    };
    ProblemDetail {
        code: problem.code.as_str().to_owned(),
        path: Some(problem.path.clone()).filter(|path| !path.is_empty()),
        line: at(|position| position.line),
        column: at(|position| position.column),
        message: problem.message.clone(),
        help: problem.help.clone(),
    }
}

/// A document or a policy that was refused.
pub(crate) fn refused_document(code: Code, error: &DocumentError) -> Problem {
    let count = error.problems.len() + error.more;
    let what = if count == 1 {
        "one thing is".to_owned()
    } else {
        format!("{count} things are")
    };
    Problem::new(code, format!("{what} wrong with {}", error.name))
        .details(error.problems.iter().map(document_detail))
}

/// A request of a task beyond the policy.
pub(crate) fn refusal_detail(dag: &str, task: &str, refusal: &Refusal) -> ProblemDetail {
    ProblemDetail {
        code: refusal.code().to_owned(),
        path: Some(format!("{dag}.{task}")),
        line: None,
        column: None,
        message: refusal.to_string(),
        help: Some(format!("add to the policy: {}", refusal.remedy())),
    }
}
