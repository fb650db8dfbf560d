//! One request and its response.
//!
//! Redirects are not followed: the guest sees them, and where it goes next is
//! checked like any other request.

use super::{
    body::{GuestBody, Lease, RequestBody, ResponseBody},
    client::Client,
    connection::Connection,
    errors::hyper_error,
    idle::ConnectionScope,
    meter::Meter,
    request_log::RequestLog,
    target::{Target, Timeouts, origin_form},
};
use http::{Method, Request, Response, header::HOST};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::{
    error::Error as _,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use wasmtime_wasi_http::{Error, WasiBody};
use weft_core::policy::Granted;

/// Everything that one exchange needs of its attempt.
pub(crate) struct Exchange {
    pub(crate) client: Arc<Client>,
    pub(crate) granted: Arc<Granted>,
    pub(crate) log: RequestLog,
    pub(crate) meter: Meter,
    /// The most bytes in either body.
    pub(crate) body_limit: u64,
    /// Which attempts may reuse the connection.
    pub(crate) scope: ConnectionScope,
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Exchange {
    /// Sends a granted request and waits for the response's head; logs both.
    pub(crate) async fn run(
        self,
        request: Request<WasiBody>,
        target: Target,
        timeouts: Timeouts,
    ) -> Result<Response<WasiBody>, Error> {
        let (method, log, started) = (request.method().clone(), self.log.clone(), Instant::now());
        let response = self.send(request, &target, timeouts).await;
        let status = response.as_ref().map(Response::status);
        log.sent(&method, &target, status, started.elapsed());
        response
    }

    async fn send(
        self,
        mut request: Request<WasiBody>,
        target: &Target,
        timeouts: Timeouts,
    ) -> Result<Response<WasiBody>, Error> {
        *request.uri_mut() = origin_form(request.uri())?;
        request.headers_mut().insert(HOST, target.host_field());

        let request = request.map(GuestBody::from);
        let (response, connection) = self.response(request, target, timeouts).await?;
        let lease = Lease {
            connection,
            scope: self.scope,
            target: target.clone(),
            idle: Arc::clone(&self.client.idle),
        };
        Ok(response.map(|body| {
            ResponseBody::new(
                body,
                self.meter,
                self.body_limit,
                timeouts.between_bytes,
                lease,
                self.permit,
            )
            .boxed_unsync()
        }))
    }

    /// Sends a request over a connection that an earlier one left open, or over a new one.
    async fn response(
        &self,
        mut request: Request<GuestBody>,
        target: &Target,
        timeouts: Timeouts,
    ) -> Result<(Response<Incoming>, Connection), Error> {
        let idle = &self.client.idle;
        if may_be_sent_twice(&mut request).await
            && let Some(connection) = idle.take(&self.scope, target, &self.granted).await
        {
            let (head, body) = request.into_parts();
            let first = Request::from_parts(head.clone(), body);
            match self.exchange(connection, first, timeouts.first_byte).await {
                Err(Failed::Closed(_)) => request = Request::from_parts(head, GuestBody::empty()),
                ended => return ended.map_err(Failed::into_error),
            }
        }
        let opening = Connection::open(&self.client, target, &self.granted, &self.log);
        let connection = timeout(timeouts.connect, opening)
            .await
            .map_err(|_| Error::ConnectionTimeout)??;
        let ended = self
            .exchange(connection, request, timeouts.first_byte)
            .await;
        ended.map_err(Failed::into_error)
    }

    /// Sends a request over this connection, and waits for the response's head.
    async fn exchange(
        &self,
        mut connection: Connection,
        request: Request<GuestBody>,
        limit: Duration,
    ) -> Result<(Response<Incoming>, Connection), Failed> {
        let sent = Arc::new(AtomicU64::new(0));
        let request = request.map(|body| {
            RequestBody::new(body, self.meter.clone(), self.body_limit, Arc::clone(&sent))
        });
        let response = timeout(limit, connection.sender.send_request(request))
            .await
            .map_err(|_| Failed::Other(Error::ConnectionReadTimeout))?
            .map_err(|error| {
                let sent = sent.load(Ordering::Relaxed);
                if sent > self.body_limit {
                    Failed::Other(Error::HttpRequestBodySize(Some(sent)))
                } else {
                    Failed::of(&error)
                }
            })?;
        Ok((response, connection))
    }
}

/// True for requests that a server may receive twice without another effect (RFC 9110, 9.2.2),
/// and which can be sent again since they have no body. Only these are sent over a connection that
/// the server may be closing at that moment.
async fn may_be_sent_twice(request: &mut Request<GuestBody>) -> bool {
    let is_safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    is_safe && request.body_mut().is_empty().await
}

/// Why a request has no response.
enum Failed {
    /// The connection was closed before a response came.
    Closed(Error),
    Other(Error),
}

impl Failed {
    fn of(error: &hyper::Error) -> Self {
        let is_io = error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<io::Error>);
        let reason = hyper_error(error);
        if is_io || error.is_canceled() || error.is_closed() || error.is_incomplete_message() {
            Self::Closed(reason)
        } else {
            Self::Other(reason)
        }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Closed(error) | Self::Other(error) => error,
        }
    }
}
