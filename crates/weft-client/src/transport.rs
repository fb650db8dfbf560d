//! How HTTP is set up: TLS, timeouts, headers, no redirects, no cookies.

use crate::{Server, server::is_loopback};
use reqwest::{
    Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use weft_api::problem::{Code, Problem};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The name that servers know this client by.
const USER_AGENT: &str = concat!("wfctl/", env!("CARGO_PKG_VERSION"));
const TENANT: HeaderName = HeaderName::from_static("weft-tenant");

/// A client that sends this server its token and tenant with every request.
///
/// # Errors
/// The token must not travel to this URL, or a value can't be put into a header.
pub fn authenticated(server: &Server) -> Result<reqwest::ClientBuilder, Problem> {
    server.check()?;
    let mut headers = HeaderMap::new();
    if let Some(token) = &server.token {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", token.value.reveal())).map_err(|_odd| {
                Problem::new(
                    Code::InvalidToken,
                    "the token can't be put into a header field",
                )
            })?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    if let Some(tenant) = &server.tenant {
        let value = HeaderValue::try_from(tenant.value.as_str()).map_err(|_odd| {
            Problem::new(
                Code::Usage,
                "the tenant's name can't be put into a header field",
            )
        })?;
        headers.insert(TENANT, value);
    }
    let mut builder = builder(tls_config(&server.url.value)?).default_headers(headers);
    if is_loopback(&server.url.value) {
        // A proxy knows another machine under that name.
        builder = builder.no_proxy();
    }
    Ok(builder)
}

/// A client for any server, which sends neither token nor tenant.
///
/// # Errors
/// TLS can't be set up.
pub fn anonymous() -> Result<reqwest::ClientBuilder, Problem> {
    Ok(builder(tls_with_roots(trusted_roots())?))
}

/// The problem of a client that can't be built.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that map_err takes"
)]
pub fn setup_failed(error: reqwest::Error) -> Problem {
    Problem::new(Code::Internal, format!("can't set up HTTP: {error}"))
}

fn builder(tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tls_backend_preconfigured(tls)
}

/// TLS for servers that are not known yet: trusts whom [`tls_config`] trusts.
///
/// # Errors
/// TLS can't be set up.
pub fn tls_to_any_server() -> Result<rustls::ClientConfig, Problem> {
    tls_with_roots(trusted_roots())
}

/// TLS for this URL: trusts Mozilla's roots and those that the machine's owner added.
///
/// # Errors
/// TLS can't be set up.
pub fn tls_config(url: &Url) -> Result<rustls::ClientConfig, Problem> {
    // Reading the machine's certificates takes milliseconds, which plain HTTP saves.
    let roots = if url.scheme() == "https" {
        trusted_roots()
    } else {
        rustls::RootCertStore::empty()
    };
    tls_with_roots(roots)
}

/// Read once: several parts of a process need them.
fn trusted_roots() -> rustls::RootCertStore {
    static ROOTS: LazyLock<rustls::RootCertStore> = LazyLock::new(|| {
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    ROOTS.clone()
}

fn tls_with_roots(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, Problem> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Problem::new(Code::Internal, format!("can't set up TLS: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
