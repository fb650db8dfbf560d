//! Why a broker did not do what was asked.

/// Says what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Does not answer now; the same call may succeed later.
    #[error("the broker does not answer: {0}")]
    Unavailable(String),
    /// A bound was reached; the rest of the call was done, this wasn't.
    #[error("{what} holds {bound} already")]
    Full {
        /// What is full.
        what: &'static str,
        /// Its bound.
        bound: usize,
    },
    /// This worker is not, or no longer, registered: register again.
    #[error("the worker is not registered")]
    Unregistered,
    /// It was shut down: nothing will ever be answered again.
    #[error("the broker is shut down")]
    Closed,
}
