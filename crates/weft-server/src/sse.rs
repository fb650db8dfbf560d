//! Streams of server-sent events: changes of runs, and whatever else is followed.
//!
//! A stream holds one permit of a bounded number for as long as it is open, sends
//! a comment when nothing happens so that a dead client is noticed, and ends by
//! itself after a while, so that a revoked token does not listen for ever.

use crate::{
    app::App,
    metrics::Raised,
    ports::Listen,
    problem::{Code, Problem},
    viewers::{self, Batch, Filter, Joined},
};
use axum::{
    body::Body,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, header};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast},
    time::Instant,
};

/// How often a silent stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What a browser sends when it connects again.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// When a client connects again, in milliseconds: at random within this, so that not all of them come at once.
const RETRY_MS: (u32, u32) = (1_000, 4_000);

/// The permit of an open stream, and until when it may be held.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Raised,
    /// When the stream ends.
    pub(crate) until: Instant,
}

impl Place {
    /// Takes a permit.
    pub(crate) fn take(app: &App) -> Result<Self, Problem> {
        let permit = app.streams().try_acquire_owned().map_err(|_none_free| {
            let detail = format!(
                "{} live streams are open already",
                app.options().max_streams
            );
            Problem::new(Code::TooManyStreams, detail)
        })?;
        Ok(Self {
            _permit: permit,
            _counted: Raised::of(&app.metrics().streams),
            until: Instant::now() + app.options().max_stream,
        })
    }
}

/// A response that sends what `next` gives, until it gives nothing more or the server ends.
pub(crate) fn respond<S, F, N>(app: &App, state: S, next: N) -> Response
where
    S: Send + 'static,
    F: Future<Output = Option<(Event, S)>> + Send + 'static,
    N: FnMut(S) -> F + Send + 'static,
{
    let mut next = next;
    let events = stream::unfold(state, move |state| {
        let event = next(state);
        async move {
            event
                .await
                .map(|(event, state)| (Ok::<_, Infallible>(event), state))
        }
    });
    let events = events.take_until(Box::pin(app.streams_end()));
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    // Proxies that buffer would hold events back.
    response
        .headers_mut()
        .insert("x-accel-buffering", http::HeaderValue::from_static("no"));
    response
}

/// Changes from now on, or from those on that came after the last event that the stream had.
pub(crate) fn changes(
    app: &App,
    to: Listen,
    filter: Filter,
    after: Option<&str>,
) -> Result<Response, Problem> {
    let place = Place::take(app)?;
    let joined = app.join_viewers(to, after);
    let watching = Watching {
        first: Some(first_frame(&joined, &filter)),
        number: joined.number,
        name: joined.name,
        batches: joined.batches,
        filter,
        place,
    };
    let frames = stream::unfold(watching, Watching::next);
    let frames = frames.take_until(Box::pin(app.streams_end()));
    let mut response = Body::from_stream(frames).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        // Proxies that buffer would hold events back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// What a stream begins with: when to connect again, what it missed, and the id to go on after.
fn first_frame(joined: &Joined, filter: &Filter) -> Bytes {
    let [random] = crate::random::bytes::<1>();
    let retry_ms = RETRY_MS.0 + u32::from(random) * (RETRY_MS.1 - RETRY_MS.0) / u32::from(u8::MAX);
    let mut frame = BytesMut::from(format!("retry: {retry_ms}\n\n").as_bytes());
    match &joined.missed {
        None => frame.extend_from_slice(&viewers::resync()),
        Some(missed) => {
            for events in missed.iter().filter_map(|batch| batch.of(filter)) {
                frame.extend_from_slice(&events);
            }
        }
    }
    frame.extend_from_slice(format!("id: {}-{}\n\n", joined.name, joined.number).as_bytes());
    frame.freeze()
}

/// A stream of changes.
struct Watching {
    first: Option<Bytes>,
    number: u64,
    name: String,
    batches: broadcast::Receiver<Arc<Batch>>,
    filter: Filter,
    place: Place,
}

impl Watching {
    /// What is sent next; none at the end.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if let Some(first) = self.first.take() {
            return Some((Ok(first), self));
        }
        let until = self.place.until;
        let frame = tokio::time::timeout_at(until, self.frame()).await;
        let frame = frame.ok().flatten()?;
        Some((Ok(frame), self))
    }

    async fn frame(&mut self) -> Option<Bytes> {
        let alive_at = Instant::now() + KEEP_ALIVE;
        loop {
            let Ok(received) = tokio::time::timeout_at(alive_at, self.batches.recv()).await else {
                // A dead connection is noticed, and a silent stream can go on after what others got.
                let text = format!(": \nid: {}-{}\n\n", self.name, self.number);
                return Some(text.into());
            };
            match received {
                Ok(batch) => {
                    self.number = batch.number();
                    if let Some(events) = batch.of(&self.filter) {
                        return Some(events);
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => return Some(viewers::resync()),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
