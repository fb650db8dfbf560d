//! Why a call of a broker failed.

/// Each variant tells what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The broker does not answer; the same call may succeed later.
    #[error("the broker does not answer: {0}")]
    Unavailable(String),
    /// A bound was reached; the rest of the call succeeded.
    #[error("{what} holds {bound} already")]
    Full {
        /// What is full.
        what: &'static str,
        /// Its bound.
        bound: usize,
    },
    /// The worker is not, or no longer, registered: it registers again.
    #[error("the worker is not registered")]
    Unregistered,
    /// The broker was shut down, or another scheduler took over: every call fails from now on.
    #[error("the broker is shut down")]
    Closed,
}
