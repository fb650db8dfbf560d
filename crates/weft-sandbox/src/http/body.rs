//! Bodies of requests and responses, counted, bounded, and with an end to waiting.

use super::{
    connection::Connection,
    errors::hyper_error,
    idle::{ConnectionScope, IdleConnections},
    meter::Meter,
    target::Target,
};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty};
use std::{
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, timeout},
};
use wasmtime_wasi_http::{Error, WasiBody};

/// How long a request waits for the guest to end a body that may be empty.
const END_TIMEOUT: Duration = Duration::from_millis(10);

/// A body that a guest sends, of which the beginning may have been read.
pub(super) struct GuestBody {
    begin: Begin,
    rest: WasiBody,
}

/// The first part of a body.
enum Begin {
    Unread,
    Part(Result<Frame<Bytes>, Error>),
    /// There is none.
    End,
}

impl GuestBody {
    pub(super) fn empty() -> Self {
        Self {
            begin: Begin::End,
            rest: Empty::new().map_err(|never| match never {}).boxed_unsync(),
        }
    }

    /// True if the guest sends nothing. SDKs open a body for each request, and end it when the
    /// request is on its way.
    pub(super) async fn is_empty(&mut self) -> bool {
        if matches!(self.begin, Begin::Unread)
            && let Ok(first) = timeout(END_TIMEOUT, self.rest.frame()).await
        {
            self.begin = first.map_or(Begin::End, Begin::Part);
        }
        matches!(self.begin, Begin::End)
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match std::mem::replace(&mut self.begin, Begin::Unread) {
            Begin::Unread => Pin::new(&mut self.rest).poll_frame(cx),
            Begin::Part(first) => Poll::Ready(Some(first)),
            Begin::End => {
                self.begin = Begin::End;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.begin {
            Begin::Unread => self.rest.is_end_stream(),
            Begin::Part(_) => false,
            Begin::End => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.begin {
            Begin::Unread => self.rest.size_hint(),
            // Its length is not in what the rest says of itself.
            Begin::Part(_) => SizeHint::default(),
            Begin::End => SizeHint::with_exact(0),
        }
    }
}

impl From<WasiBody> for GuestBody {
    fn from(rest: WasiBody) -> Self {
        Self {
            begin: Begin::Unread,
            rest,
        }
    }
}

/// The body of a request on its way, counted and bounded.
pub(crate) struct RequestBody {
    inner: GuestBody,
    meter: Meter,
    limit: u64,
    sent: Arc<AtomicU64>,
}

impl RequestBody {
    /// `sent` counts this body alone.
    pub(crate) fn new(inner: GuestBody, meter: Meter, limit: u64, sent: Arc<AtomicU64>) -> Self {
        Self {
            inner,
            meter,
            limit,
            sent,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(self.inner.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let bytes = data.len() as u64;
            let sent = self.sent.fetch_add(bytes, Ordering::Relaxed) + bytes;
            if sent > self.limit {
                return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(sent)))));
            }
            self.meter.sent(bytes);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body that a server sends. Holds the connection, which it keeps for the next request if it
/// was read to its end, and otherwise closes.
pub(crate) struct ResponseBody {
    inner: hyper::body::Incoming,
    meter: Meter,
    limit: u64,
    received: u64,
    between_bytes: Duration,
    waiting: Pin<Box<Sleep>>,
    has_ended: bool,
    lease: Option<Lease>,
    _permit: OwnedSemaphorePermit,
}

/// A connection in use, and where it is kept afterwards.
pub(super) struct Lease {
    pub(super) connection: Connection,
    pub(super) scope: ConnectionScope,
    pub(super) target: Target,
    pub(super) idle: Arc<IdleConnections>,
}

impl ResponseBody {
    pub(crate) fn new(
        inner: hyper::body::Incoming,
        meter: Meter,
        limit: u64,
        between_bytes: Duration,
        lease: Lease,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            inner,
            meter,
            limit,
            received: 0,
            between_bytes,
            waiting: Box::pin(tokio::time::sleep(between_bytes)),
            has_ended: false,
            lease: Some(lease),
            _permit: permit,
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if self.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.idle.put(lease.scope, lease.target, lease.connection);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(None) => {
                self.has_ended = true;
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(hyper_error(&error)))),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.received = self.received.saturating_add(bytes);
                if self.received > self.limit {
                    let limit = self.limit;
                    return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(limit)))));
                }
                self.meter.received(bytes);
                let next = Instant::now() + self.between_bytes;
                self.waiting.as_mut().reset(next);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Pending => {
                ready!(self.waiting.as_mut().poll(cx));
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
