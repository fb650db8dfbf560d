//! One call to the broker that is under way, and when the next may be made.
//!
//! The future stays here while the loop does other things: a wait on it that
//! is dropped loses nothing.

use crate::{backoff::Backoff, clock::BootInstant};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// At most one call of a kind.
pub(super) struct Call<T> {
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    /// How often the broker had taken the worker in when the last one began.
    pub(super) registration: u64,
    pub(super) backoff: Backoff,
}

impl<T> Call<T> {
    pub(super) const fn new() -> Self {
        Self {
            future: None,
            registration: 0,
            backoff: Backoff::new(),
        }
    }

    /// Whether none is under way and the last failure is long enough ago.
    pub(super) fn may_begin(&self, now: BootInstant) -> bool {
        self.future.is_none() && self.backoff.is_over(now)
    }

    pub(super) fn begin(
        &mut self,
        registration: u64,
        future: impl Future<Output = T> + Send + 'static,
    ) {
        self.registration = registration;
        self.future = Some(Box::pin(future));
    }

    /// As of which registration the last one began, and its pauses.
    pub(super) fn state(&mut self) -> (u64, &mut Backoff) {
        (self.registration, &mut self.backoff)
    }

    /// Gives the call up.
    pub(super) fn abandon(&mut self) {
        self.future = None;
    }

    /// Waits for the call that is under way; for ever where there is none.
    pub(super) async fn done(&mut self) -> T {
        poll_fn(|context| match &mut self.future {
            None => Poll::Pending,
            Some(future) => {
                let polled = future.as_mut().poll(context);
                if polled.is_ready() {
                    self.future = None;
                }
                polled
            }
        })
        .await
    }
}
