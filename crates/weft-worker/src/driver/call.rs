//! One call to the broker in flight, and the time of the next one.
//!
//! The call owns the future while the loop handles other events, so that dropping a wait for it
//! loses nothing.

use crate::{backoff::Backoff, clock::BootInstant};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// At most one call in flight.
pub(super) struct Call<T> {
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    /// The number of the registration under which the last call began.
    pub(super) registration: u64,
    pub(super) backoff: Backoff,
}

impl<T> Call<T> {
    pub(super) fn new() -> Self {
        Self {
            future: None,
            registration: 0,
            backoff: Backoff::new(),
        }
    }

    /// Whether no call is in flight and the backoff is over.
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

    /// The registration of the last call, and its backoff.
    pub(super) fn state(&mut self) -> (u64, &mut Backoff) {
        (self.registration, &mut self.backoff)
    }

    /// Drops the call.
    pub(super) fn abandon(&mut self) {
        self.future = None;
    }

    /// Waits for the call in flight; without one it never returns.
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
