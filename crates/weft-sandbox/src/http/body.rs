//! Bodies of requests and responses, counted, bounded, and with an end to waiting.

use super::{errors::hyper_error, meter::Meter};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
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
    time::{Instant, Sleep},
};
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_http::{Error, WasiBody};

/// The body that a guest sends.
pub(crate) struct RequestBody {
    inner: WasiBody,
    meter: Meter,
    limit: u64,
    sent: Arc<AtomicU64>,
}

impl RequestBody {
    /// `sent` counts this body alone.
    pub(crate) fn new(inner: WasiBody, meter: Meter, limit: u64, sent: Arc<AtomicU64>) -> Self {
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
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
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

/// The body that a server sends. Holds what the connection needs; dropped, it closes it.
pub(crate) struct ResponseBody {
    inner: hyper::body::Incoming,
    meter: Meter,
    limit: u64,
    received: u64,
    between_bytes: Duration,
    waiting: Pin<Box<Sleep>>,
    _connection: AbortOnDropJoinHandle<()>,
    _permit: OwnedSemaphorePermit,
}

impl ResponseBody {
    pub(crate) fn new(
        inner: hyper::body::Incoming,
        meter: Meter,
        limit: u64,
        between_bytes: Duration,
        connection: AbortOnDropJoinHandle<()>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            inner,
            meter,
            limit,
            received: 0,
            between_bytes,
            waiting: Box::pin(tokio::time::sleep(between_bytes)),
            _connection: connection,
            _permit: permit,
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
            Poll::Ready(None) => Poll::Ready(None),
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
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
