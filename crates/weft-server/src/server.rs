//! The listener and its connections: accepted one by one, bounded in number and
//! in the time a head may take, drained at the end.

use crate::{
    app::{App, Deps},
    layer::Hosts,
    listen::{Listen, ListenError, Protection},
    metrics::Raised,
    options::ServerOptions,
    router, tls,
};
use axum::{Router, extract::Request};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;

/// How long a TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long the head of a request may take, and a connection be idle.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// The wait after accepting failed: no file handles are left, most often.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// An address that is listened on, before anything is answered there.
pub struct Listener {
    socket: TcpListener,
    listen: Listen,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Listens. Connections wait until the server runs.
    ///
    /// # Errors
    /// The address can be reached from elsewhere and is not protected, is taken,
    /// or a PEM file can't be used.
    pub async fn bind(listen: &Listen) -> Result<Self, ListenError> {
        listen.check()?;
        let tls = match &listen.protection {
            Protection::Tls { certificate, key } => Some(tls::acceptor(certificate, key)?),
            Protection::Loopback | Protection::Insecure => None,
        };
        let failed = |why| ListenError::Bind {
            address: listen.address,
            why,
        };
        let socket = TcpListener::bind(listen.address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let listen = Listen {
            address,
            protection: listen.protection.clone(),
        };
        Ok(Self {
            socket,
            listen,
            tls,
        })
    }

    /// Where it listens: the port that was taken, where it was 0.
    pub const fn address(&self) -> SocketAddr {
        self.listen.address
    }

    /// Without what protects it: for pages that are read on a network that is trusted.
    pub(crate) fn into_socket(self) -> TcpListener {
        self.socket
    }

    /// As a client on this machine names it.
    pub fn local_url(&self) -> String {
        let Listen {
            mut address,
            protection,
        } = self.listen.clone();
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        Listen {
            address,
            protection,
        }
        .to_string()
    }

    /// As a client names it.
    pub fn url(&self) -> String {
        self.listen.to_string()
    }
}

/// Why the server stopped answering.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The socket is broken.
    #[error("the listener of {address} is broken: {why}")]
    Broken {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        why: std::io::Error,
    },
}

/// The service. See [`Server::run`].
pub struct Server;

impl Server {
    /// The service without a listener, for programs that have their own, and for tests.
    pub fn service(options: ServerOptions, listen: &Listen, deps: Deps) -> Router {
        let hosts = hosts_of(&options, listen);
        router::router(App::new(deps, options, listen.is_tls()), hosts)
    }

    /// Answers until `shutdown` is ready; then accepts nothing more, lets what
    /// is in progress end within [`ServerOptions::drain`], and closes the rest.
    /// Cancel-safe: dropping it closes everything at once.
    ///
    /// # Errors
    /// The listener is broken.
    pub async fn run(
        options: ServerOptions,
        listener: Listener,
        deps: Deps,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServerError> {
        let permits = Arc::new(Semaphore::new(options.max_connections));
        let drain = options.drain;
        let connections = deps.metrics.connections.clone();
        let app = App::new(deps, options, listener.listen.is_tls());
        let service = router::router(app.clone(), hosts_of(app.options(), &listener.listen));
        let graceful = GracefulShutdown::new();
        let mut tasks = tokio::task::JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let permit = tokio::select! {
                () = &mut shutdown => break,
                permit = Arc::clone(&permits).acquire_owned() => permit.expect("the semaphore is never closed"),
            };
            let stream = tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.socket.accept() => match accepted {
                    Ok((stream, _peer)) => stream,
                    Err(error) if is_transient(&error) => continue,
                    Err(error) => {
                        tracing::warn!(%error, operation = "accept connection", "accepting a connection failed; accepting goes on after a pause");
                        tokio::time::sleep(AFTER_FAILURE).await;
                        continue;
                    }
                },
            };
            let connection = Connection {
                service: service.clone(),
                tls: listener.tls.clone(),
                watcher: graceful.watcher(),
                permit,
                counted: Raised::of(&connections),
            };
            tasks.spawn(connection.serve(stream));
            // Ended connections must not pile up in the set.
            while tasks.try_join_next().is_some() {}
        }
        drop(listener);
        app.end_streams();
        if tokio::time::timeout(drain, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::info!(
                drain_s = drain.as_secs(),
                operation = "drain",
                "requests were still running after the drain time; their connections are closed"
            );
        }
        tasks.shutdown().await;
        Ok(())
    }
}

/// One that the other side gave up, which says nothing about the socket.
fn is_transient(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::ConnectionAborted
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::ConnectionRefused
    )
}

fn hosts_of(options: &ServerOptions, listen: &Listen) -> Hosts {
    if options.hosts.is_empty() && !listen.is_loopback() {
        Hosts::Any
    } else {
        Hosts::Only(options.hosts.clone().into())
    }
}

/// One connection and what it holds for as long as it is open.
struct Connection {
    service: Router,
    tls: Option<TlsAcceptor>,
    watcher: hyper_util::server::graceful::Watcher,
    permit: OwnedSemaphorePermit,
    counted: Raised,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let Self {
            service,
            tls,
            watcher,
            permit: _permit,
            counted: _counted,
        } = self;
        // Small answers must not wait for a full packet.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, operation = "accept connection", "setting TCP_NODELAY failed; small answers may be delayed");
        }
        match tls {
            None => answer(stream, service, watcher).await,
            Some(acceptor) => {
                match tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => answer(stream, service, watcher).await,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, operation = "accept connection", "a TLS handshake failed; its connection is closed");
                    }
                    Err(_elapsed) => {
                        tracing::debug!(
                            timeout_s = HANDSHAKE_WITHIN.as_secs(),
                            operation = "accept connection",
                            "a TLS handshake took too long; its connection is closed"
                        );
                    }
                }
            }
        }
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let service = tower::util::MapRequest::new(service, |request: Request<Incoming>| {
        request.map(axum::body::Body::new)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, operation = "serve connection", "a connection ended with an error");
    }
}
