//! From a granted target to a connection: every address is checked, and the
//! connection goes to the very address that was checked.

use super::{
    client::Client,
    request_log::RequestLog,
    target::{Host, Target},
};
use rustls::pki_types::ServerName;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use wasmtime_wasi_http::Error;
use weft_core::{grant::Scheme, policy::Granted};

/// The most addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 16;

/// A connection in the clear or over TLS.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Connects, and returns the address that the connection leads to. The caller bounds the time that
/// this takes.
pub(crate) async fn connect(
    client: &Client,
    target: &Target,
    granted: &Granted,
    log: &RequestLog,
) -> Result<(Box<dyn Transport>, IpAddr), Error> {
    let addresses = checked_addresses(client, target, granted, log).await?;
    let (stream, address) = reach(&addresses, target.port).await.map_err(|error| {
        log.warn_once(format!(
            "HTTP to {}: no connection: {error}",
            target.host.text()
        ));
        connect_error(&error)
    })?;
    // Requests are written in one piece; waiting for more of it only costs time.
    // A system that can't do that still carries the request.
    if let Err(_unsupported) = stream.set_nodelay(true) {}
    let transport: Box<dyn Transport> = match target.scheme {
        Scheme::Http => Box::new(stream),
        Scheme::Https => {
            let name = match &target.host {
                Host::Name(name) => ServerName::try_from(name.clone())
                    .map_err(|_invalid| Error::HttpRequestUriInvalid)?,
                Host::Address(address) => ServerName::from(*address),
            };
            let connector = tokio_rustls::TlsConnector::from(client.tls().await);
            let stream = connector.connect(name, stream).await.map_err(|error| {
                log.warn_once(format!("HTTPS to {}: {error}", target.host.text()));
                tls_error(&error)
            })?;
            Box::new(stream)
        }
    };
    Ok((transport, address))
}

/// The addresses of the host that a connection may be made to.
async fn checked_addresses(
    client: &Client,
    target: &Target,
    granted: &Granted,
    log: &RequestLog,
) -> Result<Vec<IpAddr>, Error> {
    let found = match &target.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => client.resolver.resolve(name).await.map_err(|error| {
            log.warn_once(format!(
                "HTTP to {name}: the name can't be resolved: {error}"
            ));
            Error::DnsError {
                rcode: Some(error.kind().to_string()),
                info_code: None,
            }
        })?,
    };
    let host = target.host.text();
    let mut refusal = None;
    let mut allowed = Vec::new();
    for address in found.into_iter().take(MAX_ADDRESSES) {
        match granted.allows_address(&host, address) {
            Ok(()) => allowed.push(address),
            Err(denied) => refusal = refusal.or(Some(denied)),
        }
    }
    match refusal {
        Some(denied) if allowed.is_empty() => {
            log.denied(denied.to_string());
            Err(Error::DestinationIpProhibited)
        }
        None if allowed.is_empty() => Err(Error::DnsError {
            rcode: Some("no address".into()),
            info_code: None,
        }),
        // A name with a public and a private address may be harmless or not; the
        // private one is never tried.
        Some(_) | None => Ok(allowed),
    }
}

/// The first address that answers, tried in order.
async fn reach(addresses: &[IpAddr], port: u16) -> io::Result<(TcpStream, IpAddr)> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(*address, port)).await {
            Ok(stream) => return Ok((stream, *address)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_error(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::DestinationIpUnroutable
        }
        _other => Error::DestinationUnavailable,
    }
}

fn tls_error(error: &io::Error) -> Error {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}

/// Checks by hand that `Client` may be shared between attempts.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Arc<Client>>();
};
