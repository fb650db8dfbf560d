//! Reads on, for a while, what a client still sends of a body that no handler wants.
//!
//! A refusal such as `unauthenticated` is answered before the body is read. Closing
//! the connection with unread bytes resets it, and the reset can overtake the answer:
//! the client then sees a broken pipe instead of the refusal.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    middleware::Next,
    response::Response,
};
use http::header;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// How long it reads on.
const MAX_LINGER: Duration = Duration::from_secs(10);
/// How many bytes it reads on.
const MAX_LINGER_BYTES: usize = 512 << 20;

/// Lets a refusal reach a client that is still sending.
pub(crate) async fn read_on(request: Request, next: Next) -> Response {
    // Such a client waits for the answer itself, and reading would tell it to send.
    if request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let request = request.map(|body| {
        if body.is_end_stream() {
            body
        } else {
            Body::new(Lingering { body: Some(body) })
        }
    });
    next.run(request).await
}

/// A body that is read on when it is dropped before its end.
struct Lingering {
    /// `None` after the end, or an error.
    body: Option<Body>,
}

impl http_body::Body for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // The task ends by itself: with the body, the connection, or the time.
            drop(runtime.spawn(tokio::time::timeout(MAX_LINGER, discard(body))));
        }
    }
}

async fn discard(mut body: Body) {
    let mut left = MAX_LINGER_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else {
            return;
        };
        left = rest;
    }
}
