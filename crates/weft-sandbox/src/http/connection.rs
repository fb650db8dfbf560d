//! A connection that carries one exchange after the other.

use super::{
    body::RequestBody, client::Client, connect::connect, errors::hyper_error,
    request_log::RequestLog, target::Target,
};
use hyper::client::conn::http1::{self, SendRequest};
use std::net::IpAddr;
use tokio::time::Instant;
use wasmtime_wasi::runtime::{self, AbortOnDropJoinHandle};
use wasmtime_wasi_http::{Error, io::TokioIo};
use weft_core::policy::Granted;

/// The most fields in a response's head.
const MAX_FIELDS: usize = 128;

/// The most bytes of a response's head, and of what is read ahead of the guest.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// A connection to a checked address. Dropped, it closes.
pub(super) struct Connection {
    pub(super) sender: SendRequest<RequestBody>,
    /// Where it leads.
    pub(super) address: IpAddr,
    pub(super) opened: Instant,
    /// Moves the bytes.
    _driver: AbortOnDropJoinHandle<()>,
}

impl Connection {
    /// Connects. The caller bounds the time that this takes.
    pub(super) async fn open(
        client: &Client,
        target: &Target,
        granted: &Granted,
        log: &RequestLog,
    ) -> Result<Self, Error> {
        let (stream, address) = connect(client, target, granted, log).await?;
        let (sender, connection) = http1::Builder::new()
            .max_headers(MAX_FIELDS)
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| hyper_error(&error))?;
        let driver =
            runtime::spawn(
                async move { if let Err(_reported_by_the_response) = connection.await {} },
            );
        Ok(Self {
            sender,
            address,
            opened: Instant::now(),
            _driver: driver,
        })
    }
}
