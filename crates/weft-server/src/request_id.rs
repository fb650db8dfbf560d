//! The id of a request, for the log and for problems.
//!
//! tower-http's request-id layers don't serve here: they take the client's own id,
//! which could forge lines of the log, and problems need the id without a request
//! at hand.

use std::{fmt::Write as _, future::Future};

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is handled now; `None` outside of one.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Handles a request under an id.
pub(crate) async fn scope<F: Future>(id: String, handling: F) -> F::Output {
    CURRENT.scope(id, handling).await
}

/// A new id: 16 hexadecimal digits. Nothing is secret about it.
pub(crate) fn fresh() -> String {
    let mut id = String::with_capacity(16);
    for byte in crate::random::bytes::<8>() {
        write!(id, "{byte:02x}").expect("a String takes every text");
    }
    id
}
