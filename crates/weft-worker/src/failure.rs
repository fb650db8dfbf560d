//! Failures that the worker itself reports.

use weft_broker::Failure;
use weft_core::inputs::TemplateError;
use weft_sandbox::{AttemptFailure, FailureKind};

/// No worker like this can ever hold the attempt.
pub(crate) const NO_MEMORY: &str = "worker_memory";

/// Whether another attempt could help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It could.
    Helps,
    /// It would end the same way.
    IsVain,
}

/// A failure without an author's details.
pub(crate) fn failure(code: &str, retry: Retry, message: String) -> Failure {
    Failure {
        code: code.into(),
        retryable: retry == Retry::Helps,
        message: cut(message),
        retry_after: None,
        details: None,
        backtrace: None,
    }
}

/// A panic's words may be as long as they like, a failure's message may not.
fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(AttemptFailure::MAX_MESSAGE_BYTES));
    message
}

/// The worker's own fault, or that of what it works with.
pub(crate) fn internal(message: String) -> Failure {
    failure(FailureKind::Internal.code(), Retry::Helps, message)
}

/// The attempt was revoked and didn't stop in time.
pub(crate) fn killed() -> Failure {
    failure(
        FailureKind::Cancelled.code(),
        Retry::IsVain,
        "the attempt was cancelled, and killed since it went on".into(),
    )
}

/// A program can't be started as its document says, or with these inputs.
pub(crate) fn invalid_entry(error: &TemplateError) -> Failure {
    failure(error.code().as_str(), Retry::IsVain, error.to_string())
}
