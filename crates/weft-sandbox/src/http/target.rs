//! Where a request goes, and whether it may.

use super::request_log::RequestLog;
use http::{HeaderValue, Method, Request, Uri, uri::PathAndQuery};
use std::{net::IpAddr, time::Duration};
use wasmtime_wasi_http::{Error, RequestOptions};
use weft_core::{
    grant::{HostPattern, Scheme, normal_host},
    policy::Granted,
};

/// The longest URI.
const MAX_URI_BYTES: usize = 16 << 10;

/// Timeouts of a request: what a guest may ask for at most, and what it has by default.
const CONNECT: Timeout = Timeout {
    name: "connect",
    default_s: 30,
    most_s: 120,
};
const FIRST_BYTE: Timeout = Timeout {
    name: "first-byte",
    default_s: 600,
    most_s: 3600,
};
const BETWEEN_BYTES: Timeout = Timeout {
    name: "between-bytes",
    default_s: 60,
    most_s: 600,
};

struct Timeout {
    name: &'static str,
    default_s: u64,
    most_s: u64,
}

/// How long each part of an exchange may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// Resolving the name, connecting, and TLS.
    pub(crate) connect: Duration,
    /// From there to the response's head; sending the request's body included.
    pub(crate) first_byte: Duration,
    /// Between two parts of the response's body.
    pub(crate) between_bytes: Duration,
}

impl Timeouts {
    /// The timeouts that a guest requested, within bounds. A zero is refused: it would fail every
    /// request, on some machines only.
    pub(crate) fn new(options: Option<RequestOptions>) -> Result<Self, String> {
        let options = options.unwrap_or_default();
        Ok(Self {
            connect: CONNECT.within(options.connect_timeout)?,
            first_byte: FIRST_BYTE.within(options.first_byte_timeout)?,
            between_bytes: BETWEEN_BYTES.within(options.between_bytes_timeout)?,
        })
    }
}

impl Timeout {
    fn within(&self, requested: Option<Duration>) -> Result<Duration, String> {
        let most = Duration::from_secs(self.most_s);
        match requested {
            None => Ok(Duration::from_secs(self.default_s)),
            Some(Duration::ZERO) => Err(format!(
                "the {} timeout of an HTTP request is zero; set a longer one, or none for the default of {} s",
                self.name, self.default_s
            )),
            Some(requested) => Ok(requested.min(most)),
        }
    }
}

/// Where a granted request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// A host in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// As [`Granted::allows_address`] takes it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Address(address) => address.to_string(),
        }
    }
}

impl Target {
    /// Where the request goes, if that was granted. A refusal goes to the guest and the log.
    pub(crate) fn of<B>(
        request: &Request<B>,
        granted: &Granted,
        log: &RequestLog,
    ) -> Result<Self, Error> {
        if request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let uri = request.uri();
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        // A user in front of the host is no part of HTTP, and a way to mislead.
        if authority.as_str().contains('@') {
            return Err(Error::HttpRequestUriInvalid);
        }
        let path_bytes = uri.path_and_query().map_or(0, |path| path.as_str().len());
        if authority.as_str().len() + path_bytes > MAX_URI_BYTES {
            return Err(Error::HttpRequestUriTooLong);
        }
        let scheme = uri.scheme_str().unwrap_or("https");
        // A port that is no number would otherwise count as none.
        let port = match authority.port() {
            Some(port) if port.as_str().is_empty() => None,
            Some(port) => Some(port.as_u16()),
            None => None,
        };
        if let Err(denied) = granted.allows_http(scheme, authority.host(), port) {
            log.denied(denied.to_string());
            return Err(Error::HttpRequestDenied);
        }
        let scheme = if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            Scheme::Https
        };
        let host = match normal_host(authority.host()) {
            Ok(HostPattern::Name(name)) => Host::Name(name),
            Ok(HostPattern::Address(address)) => Host::Address(address),
            Ok(HostPattern::Below(_)) | Err(_) => return Err(Error::HttpRequestUriInvalid),
        };
        Ok(Self {
            scheme,
            host,
            port: port.unwrap_or(scheme.default_port()),
        })
    }

    /// The `Host` field, in the form that was checked.
    pub(crate) fn host_field(&self) -> HeaderValue {
        HeaderValue::try_from(self.authority()).expect("a normal host is visible ASCII")
    }

    /// The host, and the port unless it is the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

/// The request's target in origin form: path and query only.
pub(crate) fn origin_form(uri: &Uri) -> Result<Uri, Error> {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Uri::builder()
        .path_and_query(path)
        .build()
        .map_err(|_| Error::HttpRequestUriInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventSink, log::LogBook};
    use std::sync::Arc;
    use weft_core::limit::Limits;

    fn target(uri: &str, grants: &[&str]) -> Result<Target, String> {
        let granted = Granted {
            http: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
            ..Granted::default()
        };
        let log = RequestLog::new(Arc::new(LogBook::new(
            EventSink::discard(),
            &Limits::DEFAULT,
        )));
        let request = Request::get(uri).body(()).unwrap();
        Target::of(&request, &granted, &log)
            .map_err(|error| log.first_denial().unwrap_or_else(|| format!("{error:?}")))
    }

    #[test]
    fn only_the_granted_scheme_host_and_port() {
        let grants = ["example.org", "http://plain.example.org:8080"];
        for uri in [
            "https://example.org/a?b",
            "https://EXAMPLE.org:443/",
            "https://example.org./",
        ] {
            assert_eq!(
                target(uri, &grants).unwrap().host,
                Host::Name("example.org".into()),
                "{uri}"
            );
        }
        for uri in [
            "http://example.org/",
            "https://example.org:444/",
            "https://www.example.org/",
            "https://example.org.evil.test/",
            "http://plain.example.org/",
            "https://plain.example.org:8080/",
        ] {
            let refused = target(uri, &grants).unwrap_err();
            assert!(refused.contains("grants = { http = ["), "{uri}: {refused}");
        }
        assert_eq!(
            target("https://example.org@evil.test/", &grants).unwrap_err(),
            "HttpRequestUriInvalid"
        );
    }

    #[test]
    fn the_host_field_is_what_was_checked() {
        let grants = ["http://[::1]:8080", "bücher.example"];
        let target = |uri| target(uri, &grants).unwrap().host_field();
        assert_eq!(target("http://[0:0::1]:8080/"), "[::1]:8080");
        assert_eq!(
            target("https://xn--bcher-kva.example/"),
            "xn--bcher-kva.example"
        );
    }

    #[test]
    fn a_zero_timeout_is_refused_and_a_long_one_shortened() {
        let zero = RequestOptions {
            first_byte_timeout: Some(Duration::ZERO),
            ..Default::default()
        };
        assert!(
            Timeouts::new(Some(zero))
                .unwrap_err()
                .contains("first-byte timeout")
        );
        let long = RequestOptions {
            connect_timeout: Some(Duration::MAX),
            ..Default::default()
        };
        assert_eq!(
            Timeouts::new(Some(long)).unwrap().connect,
            Duration::from_mins(2)
        );
    }

    #[test]
    fn the_wire_sees_path_and_query_alone() {
        for (uri, form) in [
            ("https://example.org", "/"),
            ("https://example.org/a?b=c", "/a?b=c"),
            ("https://example.org?b", "/?b"),
        ] {
            assert_eq!(
                origin_form(&uri.parse().unwrap()).unwrap().to_string(),
                form
            );
        }
    }
}
