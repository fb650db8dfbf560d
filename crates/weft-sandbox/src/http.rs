//! `wasi:http`, outgoing: only to granted hosts, only to addresses that were checked.
//!
//! A request passes these steps, and stops at the first that refuses it:
//! its scheme, host and port are granted; its timeouts are in bounds; a
//! connection is free; the host's name is resolved here; each address is public
//! or named by the policy; the connection goes to such an address; the server
//! proves its name. Bodies are counted and bounded both ways.
//!
//! What it does not do: follow redirects, reuse connections, use a proxy, decode
//! bodies, or offer the incoming handler. What was refused is told to the
//! attempt's log, since the guest only sees a code.

mod body;
mod connect;
mod exchange;
mod notes;
mod resolve;
mod target;
mod tls;

pub use resolve::{FixedResolver, Resolve, SystemResolver};

use crate::{EventSink, log::LogBook, state::HostState};
use exchange::Exchange;
use http::{Request, Response};
use notes::Notes;
use rustls::ClientConfig;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use target::{Target, Timeouts};
use tokio::sync::{OnceCell, Semaphore};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    p2::bindings,
};
use weft_core::{limit::Limits, policy::Granted};

/// The most bytes of one set of header fields that a guest builds, as held in memory.
/// A guest may hold many.
const MAX_FIELDS_BYTES: usize = 32 << 10;

/// The most bytes of a request's body that wait for the network at once. A guest
/// may hold many bodies.
const BODY_CHUNK_BYTES: usize = 16 << 10;

/// What all attempts share: how names are resolved, which certificates are believed.
pub(crate) struct Client {
    resolver: Arc<dyn Resolve>,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Client {
    pub(crate) fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self {
            resolver,
            tls: OnceCell::new(),
        }
    }

    /// Believes other certificates.
    #[cfg(test)]
    fn with_tls(resolver: Arc<dyn Resolve>, tls: Arc<ClientConfig>) -> Self {
        Self {
            resolver,
            tls: OnceCell::new_with(Some(tls)),
        }
    }

    /// Made at the first use, since it reads files.
    async fn tls(&self) -> Arc<ClientConfig> {
        let made = self.tls.get_or_init(|| async {
            let config = wasmtime_wasi::runtime::spawn_blocking(tls::system_config);
            config.await
        });
        Arc::clone(made.await)
    }
}

/// Bytes of bodies, in and out. Clones share the figures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<[AtomicU64; 2]>);

impl Meter {
    fn received(&self, bytes: u64) {
        self.0[0].fetch_add(bytes, Ordering::Relaxed);
    }

    fn sent(&self, bytes: u64) {
        self.0[1].fetch_add(bytes, Ordering::Relaxed);
    }

    /// (in, out)
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (
            self.0[0].load(Ordering::Relaxed),
            self.0[1].load(Ordering::Relaxed),
        )
    }
}

/// One attempt's outgoing HTTP.
pub(crate) struct HttpState {
    wasi: WasiHttpCtx,
    hooks: Hooks,
}

struct Hooks {
    client: Arc<Client>,
    granted: Arc<Granted>,
    notes: Notes,
    meter: Meter,
    body_limit: u64,
    connections: Arc<Semaphore>,
}

impl Default for HttpState {
    /// Nothing is granted.
    fn default() -> Self {
        let client = Arc::new(Client::new(Arc::new(FixedResolver::default())));
        let log = Arc::new(LogBook::new(EventSink::discard(), &Limits::DEFAULT));
        Self::new(client, Arc::default(), &Limits::DEFAULT, log)
    }
}

impl HttpState {
    pub(crate) fn new(
        client: Arc<Client>,
        granted: Arc<Granted>,
        limits: &Limits,
        log: Arc<LogBook>,
    ) -> Self {
        let mut wasi = WasiHttpCtx::new();
        wasi.set_field_size_limit(MAX_FIELDS_BYTES);
        let connections = usize::try_from(limits.connections).unwrap_or(usize::MAX);
        Self {
            wasi,
            hooks: Hooks {
                client,
                granted,
                notes: Notes::new(log),
                meter: Meter::default(),
                body_limit: limits.http_body_bytes,
                connections: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
            },
        }
    }

    /// The first request that was refused for want of a grant, with the grant to add.
    pub(crate) fn first_denial(&self) -> Option<String> {
        self.hooks.notes.first_denial()
    }

    /// Bytes of bodies that came in and went out.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        self.hooks.meter.bytes()
    }
}

/// What every version of `wasi:http` works on.
fn view(state: &mut HostState) -> WasiHttpCtxView<'_> {
    WasiHttpCtxView {
        hooks: &mut state.http.hooks,
        table: &mut state.table,
        ctx: &mut state.http.wasi,
    }
}

/// Offers `wasi:http` 0.3 (types and the client), by the same rules as 0.2.
pub(crate) fn add_concurrent_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    use wasmtime_wasi_http::p3::bindings::http::{client, types};
    client::add_to_linker::<_, WasiHttp>(linker, view)?;
    types::add_to_linker::<_, WasiHttp>(linker, view)
}

/// Offers `wasi:http` (types and the outgoing handler).
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    let options = bindings::LinkOptions::default();
    bindings::http::outgoing_handler::add_to_linker::<_, WasiHttp>(linker, view)?;
    bindings::http::types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), view)
}

type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl Hooks {
    /// Every check that needs no waiting. A request that is refused here drops its
    /// body unread.
    fn accept(
        &self,
        request: &Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<(Exchange, Target, Timeouts), Error> {
        let target = Target::of(request, &self.granted, &self.notes)?;
        let timeouts = Timeouts::new(options).map_err(|problem| {
            self.notes.say(problem.clone());
            Error::InternalError(Some(problem))
        })?;
        let permit = Arc::clone(&self.connections)
            .try_acquire_owned()
            .map_err(|_none_free| Error::ConnectionLimitReached)?;
        let exchange = Exchange {
            client: Arc::clone(&self.client),
            granted: Arc::clone(&self.granted),
            notes: self.notes.clone(),
            meter: self.meter.clone(),
            body_limit: self.body_limit,
            permit,
        };
        Ok((exchange, target, timeouts))
    }
}

impl WasiHttpHooks for Hooks {
    fn set_host_header(&mut self) -> bool {
        // Set later, in the normal form that was checked.
        false
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        1
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        match self.accept(&request, options) {
            Err(error) => Box::new(async { Err(error) }),
            Ok((exchange, target, timeouts)) => Box::new(async move {
                let response = exchange.run(request, target, timeouts).await?;
                let nothing_left: Box<dyn Future<Output = _> + Send> = Box::new(async { Ok(()) });
                Ok((response, nothing_left))
            }),
        }
    }
}

/// What a guest is told of a failure below HTTP.
fn hyper_error(error: &hyper::Error) -> Error {
    if error.is_timeout() {
        Error::HttpResponseTimeout
    } else if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_canceled() || error.is_closed() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}

#[cfg(test)]
mod tests;
