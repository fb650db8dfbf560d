//! The state of outgoing HTTP for one attempt.

use super::{
    client::Client, idle::ConnectionScope, meter::Meter, request_log::RequestLog,
    resolve::FixedResolver,
};
use crate::{EventSink, log::LogBook};
use std::sync::Arc;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::WasiHttpCtx;
use weft_core::{limit::Limits, policy::Granted};

/// The most bytes of one set of header fields that a guest builds, as held in memory.
/// A guest may hold many.
const MAX_FIELDS_BYTES: usize = 32 << 10;

/// One attempt's outgoing HTTP.
pub(crate) struct HttpState {
    pub(super) wasi: WasiHttpCtx,
    pub(super) hooks: Hooks,
}

/// Decides about each request of the attempt.
pub(super) struct Hooks {
    pub(super) client: Arc<Client>,
    pub(super) granted: Arc<Granted>,
    pub(super) log: RequestLog,
    pub(super) meter: Meter,
    pub(super) body_limit: u64,
    pub(super) connections: Arc<Semaphore>,
    pub(super) scope: ConnectionScope,
}

impl Default for HttpState {
    /// Nothing is granted.
    fn default() -> Self {
        let client = Arc::new(Client::new(Arc::new(FixedResolver::default())));
        let log = Arc::new(LogBook::new(EventSink::discard(), &Limits::DEFAULT));
        let scope = ConnectionScope::of_task("", "", "");
        Self::new(client, Arc::default(), &Limits::DEFAULT, log, scope)
    }
}

impl HttpState {
    pub(crate) fn new(
        client: Arc<Client>,
        granted: Arc<Granted>,
        limits: &Limits,
        log: Arc<LogBook>,
        scope: ConnectionScope,
    ) -> Self {
        let mut wasi = WasiHttpCtx::new();
        wasi.set_field_size_limit(MAX_FIELDS_BYTES);
        let connections = usize::try_from(limits.connections).unwrap_or(usize::MAX);
        Self {
            wasi,
            hooks: Hooks {
                client,
                granted,
                log: RequestLog::new(log),
                meter: Meter::default(),
                body_limit: limits.http_body_bytes,
                connections: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
                scope,
            },
        }
    }

    /// The first request that was refused for want of a grant, with the grant to add.
    pub(crate) fn first_denial(&self) -> Option<String> {
        self.hooks.log.first_denial()
    }

    /// Bytes of bodies that came in and went out.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        self.hooks.meter.bytes()
    }
}
