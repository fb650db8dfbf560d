//! Streams of server-sent events: changes of runs, and whatever else is followed.
//!
//! A stream holds one place of a bounded number for as long as it is open, sends
//! a comment when nothing happens so that a dead client is noticed, and ends by
//! itself after a while, so that a revoked token does not listen for ever.

use crate::{
    app::App,
    metrics::Raised,
    ports::{Change, Changes, Listen, News},
    problem::{Code, Problem},
    view,
};
use axum::response::{
    IntoResponse, Response, Sse,
    sse::{Event, KeepAlive},
};
use futures_util::{StreamExt as _, stream};
use std::{convert::Infallible, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use weft_core::{id::TenantId, run_id::RunId};

/// How often a silent stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a listener wants to hear of.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) tenant: TenantId,
    pub(crate) run: Option<RunId>,
}

impl Filter {
    fn wants(&self, change: &Change) -> bool {
        *change.tenant() == self.tenant && self.run.is_none_or(|run| run == change.run())
    }
}

/// A place among the open streams, and until when it may be held.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Raised,
    /// When the stream ends.
    pub(crate) until: Instant,
}

impl Place {
    /// Takes a place.
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

/// Changes from now on.
pub(crate) fn changes(app: &App, to: Listen, filter: Filter) -> Result<Response, Problem> {
    let place = Place::take(app)?;
    let listening = (app.scheduler().changes(to), filter, place);
    Ok(respond(
        app,
        listening,
        |(mut changes, filter, place)| async move {
            let event =
                tokio::time::timeout_at(place.until, next_change(&mut changes, &filter)).await;
            event
                .ok()
                .flatten()
                .map(|event| (event, (changes, filter, place)))
        },
    ))
}

/// The next change that is wanted; `None` when the scheduler is gone.
async fn next_change(changes: &mut Changes, filter: &Filter) -> Option<Event> {
    loop {
        match changes.next().await? {
            News::Change(change) if filter.wants(&change) => return Some(event(&change)),
            News::Change(_of_others) => {}
            News::Missed => return Some(Event::default().event("resync").data("")),
        }
    }
}

fn event(change: &Change) -> Event {
    let name = match change {
        Change::Run { .. } => "run",
        Change::Instance { .. } => "instance",
    };
    let data = serde_json::to_string(&view::change::change(change))
        .expect("a change has no map with odd keys");
    Event::default().event(name).data(data)
}
