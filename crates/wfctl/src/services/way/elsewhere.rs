//! Blobs that lie where this machine may get them itself: the server names the
//! place, and opens it for a while.
//!
//! Nothing of what the worker is known by goes there, neither token nor tenant.
//! Where the place can't be reached, as behind a firewall, blobs come through the
//! server; after a while the place is tried again.

use super::{QUIET_WITHIN, Refused, Shared, Way, judged, unanswered};
use reqwest::{Method, Response, StatusCode, Url, header};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::OnceCell;
use weft_client::transport;

/// What a request says that can be answered by naming another place.
const REDIRECT: &str = "weft-redirect";
/// How long a place that could not be reached is left alone.
const LEFT_ALONE: Duration = Duration::from_mins(5);
/// How long a connection may take to stand: what lets nothing through is behind a firewall.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How this machine gets to other places.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// Made when a place is named for the first time.
    http: OnceCell<reqwest::Client>,
    /// Until when none is tried.
    closed: Mutex<Option<Instant>>,
}

impl Elsewhere {
    fn is_open(&self) -> bool {
        let closed = *self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed.is_none_or(|until| until < Instant::now())
    }

    fn close(&self) {
        let until = Instant::now() + LEFT_ALONE;
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// The answer of the place that a redirection names.
    async fn go(&self, redirection: &Response) -> Result<Response, Refused> {
        let place = redirection.headers().get(header::LOCATION);
        let place = place.and_then(|place| Url::parse(place.to_str().ok()?).ok());
        let place =
            place.ok_or_else(|| Refused::Unanswered("the server names no place".to_owned()))?;
        let http = self.http.get_or_try_init(async || made()).await?;
        let response = http.get(place).send().await;
        let response = response.map_err(|error| unanswered(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        Err(Refused::Told(status, "it refuses".to_owned()))
    }
}

/// Requests that say nothing of who asks, and follow nobody any further.
fn made() -> Result<reqwest::Client, Refused> {
    transport::anonymous()
        .and_then(|http| {
            let http = http.connect_timeout(CONNECT_WITHIN);
            http.read_timeout(QUIET_WITHIN)
                .build()
                .map_err(transport::setup_failed)
        })
        .map_err(|problem| Refused::Unanswered(problem.message))
}

impl Shared {
    fn elsewhere(&self) -> Option<&Elsewhere> {
        Some(&self.elsewhere).filter(|elsewhere| elsewhere.is_open())
    }
}

impl Way {
    /// What stands under a path of blobs, from the server or from where it lies.
    pub(super) async fn blob(
        &self,
        path: &str,
        within: Option<Duration>,
    ) -> Result<Response, Refused> {
        let request = || {
            let request = self.request(Method::GET, path);
            match within {
                Some(within) => request.timeout(within),
                None => request,
            }
        };
        if let Some(elsewhere) = self.0.elsewhere() {
            let asked = request().header(REDIRECT, "1").send().await;
            let answer = asked.map_err(|error| unanswered(&error))?;
            if answer.status() != StatusCode::TEMPORARY_REDIRECT {
                return judged(answer).await;
            }
            match elsewhere.go(&answer).await {
                Ok(blob) => return Ok(blob),
                Err(why) => {
                    tracing::warn!(%why, "blobs can't be read from where they lie, and come through the server");
                    elsewhere.close();
                }
            }
        }
        let asked = request().send().await;
        judged(asked.map_err(|error| unanswered(&error))?).await
    }
}
