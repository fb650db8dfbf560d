//! The layers around every handler: the request's id and span, metrics, the
//! check of the host, timeouts, and the answer to a panic.
//!
//! A span holds method, route template, status and duration; never a query
//! string, a header or a body. tower-http's timeout layer doesn't serve here: it
//! has one limit for all routes, and answers without a problem's body.

use crate::{
    app::App,
    metrics::Raised,
    problem::{Code, Problem, quoted},
    request_id, trace,
};
use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use std::{any::Any, time::Instant};
use tracing::Instrument;

/// The header field of the request's id in an answer.
const REQUEST_ID: &str = "x-request-id";
/// The metrics' label for requests without a route.
const NO_ROUTE: &str = "none";

/// Names, times and counts a request.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request_id::fresh();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| NO_ROUTE.to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        id = %id, http.request.method = %method, http.route = %route, run = tracing::field::Empty,
        http.response.status_code = tracing::field::Empty, duration_ms = tracing::field::Empty,
    );
    trace::join(&span, request.headers());
    let started = Instant::now();
    let _in_flight = Raised::of(&app.metrics().in_flight);
    let mut response = request_id::scope(id.clone(), next.run(request))
        .instrument(span.clone())
        .await;
    let took = started.elapsed();
    span.record("http.response.status_code", response.status().as_u16());
    span.record(
        "duration_ms",
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    );
    app.metrics()
        .request(&method, &route, response.status(), took);
    let headers = response.headers_mut();
    headers.insert(
        REQUEST_ID,
        HeaderValue::from_str(&id).expect("hexadecimal digits are ASCII"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Ends what takes too long. A stream's head comes at once, so streams aren't concerned.
pub(crate) async fn limit_time(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let is_long = request
        .extensions()
        .get::<MatchedPath>()
        .is_some_and(|path| {
            path.as_str() == crate::route::DEPLOYMENTS
                || path.as_str().starts_with(crate::worker_gateway::BLOBS)
        });
    let most = if is_long {
        app.options().deploy_timeout
    } else {
        app.options().request_timeout
    };
    tokio::time::timeout(most, next.run(request))
        .await
        .map_err(|_elapsed| {
            let detail = format!("the request was not done within {} s", most.as_secs());
            Problem::new(Code::Unavailable, detail)
        })
}

/// Refuses requests for hosts that this server is not, so that no web page can
/// reach it through a name of its own that leads here (DNS rebinding).
pub(crate) async fn check_host(
    State(hosts): State<Hosts>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let named = request
        .uri()
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| {
            request
                .headers()
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
        });
    match named {
        Some(host) if hosts.allow(host) => Ok(next.run(request).await),
        Some(host) => Err(Problem::new(
            Code::HostRefused,
            format!("this server is not {}", quoted(host)),
        )),
        None => Err(Problem::new(Code::HostRefused, "the request names no host")),
    }
}

/// The hosts that requests may name.
#[derive(Debug, Clone)]
pub(crate) enum Hosts {
    /// Whatever they name: the address is not loopback and none were set.
    Any,
    /// Loopback's own names and these.
    Only(std::sync::Arc<[String]>),
}

impl Hosts {
    fn allow(&self, host: &str) -> bool {
        let Self::Only(names) = self else {
            return true;
        };
        let name = without_port(host).trim_end_matches('.');
        if name.eq_ignore_ascii_case("localhost")
            || names.iter().any(|known| known.eq_ignore_ascii_case(name))
        {
            return true;
        }
        name.trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
    }
}

/// The host without its port; of a bare IPv6 address no part is a port.
fn without_port(host: &str) -> &str {
    let Some((name, port)) = host.rsplit_once(':') else {
        return host;
    };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = name.ends_with(']') || !name.contains(':');
    if is_port && is_whole { name } else { host }
}

/// Answers a panic of a handler; only the log has the panic's message.
pub(crate) fn answer_panic(app: &App, panic: &(dyn Any + Send)) -> Response<Body> {
    app.metrics().panics.inc();
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    Problem::internal(format_args!("a handler panicked: {words}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn loopback_knows_its_own_names_only() {
        let hosts = Hosts::Only(["weft.example.org".to_owned()].into());
        for good in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:80",
            "[::1]",
            "::1",
            "weft.example.org:1",
            "localhost.",
        ] {
            assert!(hosts.allow(good), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "0.0.0.0",
            "192.168.0.1:80",
            "[::2]:80",
        ] {
            assert!(!hosts.allow(bad), "{bad}");
        }
    }
}
