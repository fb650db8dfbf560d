//! One request and its response, over one connection.
//!
//! Redirects are not followed: the guest sees them, and where it goes next is
//! checked like any other request.

use super::{
    body::{RequestBody, ResponseBody},
    client::Client,
    connect::connect,
    errors::hyper_error,
    meter::Meter,
    request_log::RequestLog,
    target::{Target, Timeouts, origin_form},
};
use http::{Request, Response, header::HOST};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Instant;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};
use wasmtime_wasi::runtime;
use wasmtime_wasi_http::{Error, WasiBody, io::TokioIo};
use weft_core::policy::Granted;

/// The most fields in a response's head.
const MAX_FIELDS: usize = 128;

/// The most bytes of a response's head, and of what is read ahead of the guest.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Everything that one exchange needs of its attempt.
pub(crate) struct Exchange {
    pub(crate) client: Arc<Client>,
    pub(crate) granted: Arc<Granted>,
    pub(crate) log: RequestLog,
    pub(crate) meter: Meter,
    /// The most bytes in either body.
    pub(crate) body_limit: u64,
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

        let opening = async {
            let stream = connect(&self.client, target, &self.granted, &self.log).await?;
            http1::Builder::new()
                .max_headers(MAX_FIELDS)
                .max_buf_size(MAX_HEAD_BYTES)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(|error| hyper_error(&error))
        };
        let (mut sender, connection) = timeout(timeouts.connect, opening)
            .await
            .map_err(|_| Error::ConnectionTimeout)??;
        let connection =
            runtime::spawn(
                async move { if let Err(_reported_by_the_response) = connection.await {} },
            );

        let sent = Arc::new(AtomicU64::new(0));
        let request = request.map(|body| {
            RequestBody::new(body, self.meter.clone(), self.body_limit, Arc::clone(&sent))
        });
        let response = timeout(timeouts.first_byte, sender.send_request(request))
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?;
        let response = response.map_err(|error| {
            let sent = sent.load(Ordering::Relaxed);
            if sent > self.body_limit {
                Error::HttpRequestBodySize(Some(sent))
            } else {
                hyper_error(&error)
            }
        })?;
        Ok(response.map(|body| {
            ResponseBody::new(
                body,
                self.meter,
                self.body_limit,
                timeouts.between_bytes,
                connection,
                self.permit,
            )
            .boxed_unsync()
        }))
    }
}
