//! `wasi:http`, outgoing: only to granted hosts, only to addresses that were checked.
//!
//! A request passes these steps, and stops at the first that refuses it:
//! its scheme, host and port are granted; its timeouts are in bounds; a
//! connection is free; the host's name is resolved here; each address is public
//! or named by the policy; the connection goes to such an address; the server
//! proves its name. Bodies are counted and bounded both ways. A connection is
//! reused by attempts of one task, for requests that may be sent twice.
//!
//! What it does not do: follow redirects, use a proxy, decode bodies, or offer the incoming handler. Refusals are written to the
//! attempt's log, since the guest only sees a code.

mod body;
mod client;
mod connect;
mod connection;
mod errors;
mod exchange;
mod idle;
mod meter;
mod request_log;
mod resolve;
mod state;
mod target;
mod tls;

pub(crate) use client::Client;
pub use idle::ConnectionScope;
pub use resolve::{FixedResolver, Resolve, SystemResolver};
pub(crate) use state::HttpState;

use crate::state::HostState;
use exchange::Exchange;
use http::{Request, Response};
use state::Hooks;
use std::sync::Arc;
use target::{Target, Timeouts};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtxView, WasiHttpHooks, p2::bindings,
};

/// The most bytes of a request's body that wait for the network at once. A guest
/// may hold many bodies.
const BODY_CHUNK_BYTES: usize = 16 << 10;

/// The view that every version of `wasi:http` works on.
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
        let target = Target::of(request, &self.granted, &self.log)?;
        let timeouts = Timeouts::new(options).map_err(|problem| {
            self.log.warn_once(problem.clone());
            Error::InternalError(Some(problem))
        })?;
        let permit = Arc::clone(&self.connections)
            .try_acquire_owned()
            .map_err(|_none_free| Error::ConnectionLimitReached)?;
        let exchange = Exchange {
            client: Arc::clone(&self.client),
            granted: Arc::clone(&self.granted),
            log: self.log.clone(),
            meter: self.meter.clone(),
            body_limit: self.body_limit,
            scope: self.scope.clone(),
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

#[cfg(test)]
mod tests;
