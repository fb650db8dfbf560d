//! Blobs that a worker reads from the object store itself: the server redirects it to a
//! signed URL.
//!
//! Neither token nor tenant goes to the other host. If it can't be reached, as behind a
//! firewall, blobs come through the server, and the host is tried again after a while.

use super::{CallError, GatewayClient, READ_TIMEOUT, Shared, check_status, unreachable_error};
use reqwest::{Method, Response, StatusCode, Url, header};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::OnceCell;
use weft_client::transport;

/// The header field of a request that may be answered by a redirection.
const REDIRECT: &str = "weft-redirect";
/// How long redirections are avoided after one failed.
const AVOID_FOR: Duration = Duration::from_mins(5);
/// How long a connection may take: a firewall may drop packets silently.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How this machine reaches other hosts.
#[derive(Default)]
pub(super) struct RedirectTarget {
    /// Made at the first redirection.
    http: OnceCell<reqwest::Client>,
    /// Until when redirections are avoided.
    avoided_until: Mutex<Option<Instant>>,
}

impl RedirectTarget {
    fn is_usable(&self) -> bool {
        let until = *self
            .avoided_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| until < Instant::now())
    }

    fn avoid(&self) {
        let until = Instant::now() + AVOID_FOR;
        *self
            .avoided_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Follows a redirection, once.
    async fn follow(&self, redirection: &Response) -> Result<Response, CallError> {
        let url = redirection.headers().get(header::LOCATION);
        let url = url.and_then(|url| Url::parse(url.to_str().ok()?).ok());
        let url = url.ok_or_else(|| {
            CallError::Unreachable("the server's redirection has no URL".to_owned())
        })?;
        let http = self
            .http
            .get_or_try_init(async || anonymous_client())
            .await?;
        let response = http.get(url).send().await;
        let response = response.map_err(|error| unreachable_error(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        Err(CallError::Status(
            status,
            "the object store refuses".to_owned(),
        ))
    }
}

/// A client that sends no token and follows no further redirection.
fn anonymous_client() -> Result<reqwest::Client, CallError> {
    transport::anonymous()
        .and_then(|http| {
            let http = http.connect_timeout(CONNECT_TIMEOUT);
            http.read_timeout(READ_TIMEOUT)
                .build()
                .map_err(transport::setup_failed)
        })
        .map_err(|problem| CallError::Unreachable(problem.message))
}

impl Shared {
    fn redirect(&self) -> Option<&RedirectTarget> {
        Some(&self.redirect).filter(|redirect| redirect.is_usable())
    }
}

impl GatewayClient {
    /// Reads a blob, from the server or from where the server redirects.
    pub(super) async fn blob(
        &self,
        path: &str,
        timeout: Option<Duration>,
    ) -> Result<Response, CallError> {
        let request = || {
            let request = self.request(Method::GET, path);
            match timeout {
                Some(timeout) => request.timeout(timeout),
                None => request,
            }
        };
        if let Some(redirect) = self.0.redirect() {
            let response = request().header(REDIRECT, "1").send().await;
            let answer = response.map_err(|error| unreachable_error(&error))?;
            if answer.status() != StatusCode::TEMPORARY_REDIRECT {
                return check_status(answer).await;
            }
            match redirect.follow(&answer).await {
                Ok(blob) => return Ok(blob),
                Err(why) => {
                    tracing::warn!(%why, operation = "follow redirection", "object store can't be read directly; blobs come through the server");
                    redirect.avoid();
                }
            }
        }
        let response = request().send().await;
        check_status(response.map_err(|error| unreachable_error(&error))?).await
    }
}
