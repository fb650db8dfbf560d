//! Requests for grants, and the one normal form of a host that requests, policies and the
//! sandbox's checks are compared in.
//!
//! Hosts are normalised as browsers do it (the `url` crate: IDNA, case, odd
//! spellings of IPv4 addresses), so that two spellings of one host can't be
//! judged differently. Nothing here resolves a name.

use std::{fmt, net::IpAddr, str::FromStr};
use url::Host;

/// A task's requests; nothing that isn't requested is ever granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantRequest {
    /// Hosts for outgoing HTTP.
    pub http: Vec<HttpGrant>,
    /// Names of variables the task reads.
    pub variables: Vec<String>,
    /// Names of connections the task uses.
    pub connections: Vec<String>,
    /// Ids of DAGs the task calls.
    pub dags: Vec<String>,
}

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The port where none is named.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// As in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Which hosts a grant is for; names are lower-case ASCII without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// Exactly this name.
    Name(String),
    /// Exactly this address.
    Address(IpAddr),
    /// Every name that ends in a dot and this one (`*.example.org`), at any depth, without the name itself.
    Below(String),
}

/// One entry of a task's `grants.http`: `host`, `host:port`, or with
/// `https://` or `http://` in front (HTTPS without a scheme).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HttpGrant {
    /// How requests are sent.
    pub scheme: Scheme,
    /// Where to.
    pub host: HostPattern,
    /// The scheme's own where none was written.
    pub port: u16,
}

/// Why a text is no HTTP grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpGrantError {
    /// Nothing was given.
    #[error("a host is missing")]
    Empty,
    /// A scheme other than HTTP's.
    #[error("the scheme is {0:?}; only `https://` (the default) and `http://` can be granted")]
    Scheme(String),
    /// A path, query, user or fragment.
    #[error("a grant names a host and perhaps a port, and no more; {0:?} doesn't belong")]
    Extra(String),
    /// A port outside 1 to 65535.
    #[error("{0:?} is no port (1 to 65535)")]
    Port(String),
    /// A wildcard other than a leading `*.`.
    #[error("a wildcard matches whole labels at the front, as in `*.example.org`")]
    Wildcard,
    /// No name or address.
    #[error("{host:?} is no host name or address: {why}")]
    Host {
        /// What was given.
        host: String,
        /// What the parser met.
        why: String,
    },
}

/// A host in normal form: an address where it is one in any spelling, else a name.
///
/// # Errors
/// The text is no host.
pub fn normal_host(text: &str) -> Result<HostPattern, HttpGrantError> {
    let refuse = |why: &str| HttpGrantError::Host {
        host: text.chars().take(100).collect(),
        why: why.into(),
    };
    // A bare IPv6 address is what `http::Uri` and people may hand over; `url` wants brackets.
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(HostPattern::Address(address));
    }
    match Host::parse(text).map_err(|error| refuse(&error.to_string()))? {
        Host::Ipv4(address) => Ok(HostPattern::Address(address.into())),
        Host::Ipv6(address) => Ok(HostPattern::Address(address.into())),
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            if name.is_empty() || name.split('.').any(str::is_empty) {
                return Err(refuse("a label is empty"));
            }
            if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
                return Err(refuse("a name has at most 253 bytes, a label 63"));
            }
            if name.contains('*') {
                return Err(HttpGrantError::Wildcard);
            }
            Ok(HostPattern::Name(name.into()))
        }
    }
}

impl FromStr for HttpGrant {
    type Err = HttpGrantError;

    fn from_str(text: &str) -> Result<Self, HttpGrantError> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            None => (Scheme::Https, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((other, _rest)) => return Err(HttpGrantError::Scheme(other.into())),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(at) = rest.find(['/', '?', '#', '@', '\\']) {
            return Err(HttpGrantError::Extra(
                rest[at..].chars().take(100).collect(),
            ));
        }
        let (host, port) = split_port(rest)?;
        if host.is_empty() {
            return Err(HttpGrantError::Empty);
        }
        let host = match host.strip_prefix("*.") {
            None => normal_host(host)?,
            Some(parent) => match normal_host(parent)? {
                HostPattern::Name(name) => HostPattern::Below(name),
                HostPattern::Address(_) | HostPattern::Below(_) => {
                    return Err(HttpGrantError::Wildcard);
                }
            },
        };
        Ok(Self {
            scheme,
            host,
            port: port.unwrap_or(scheme.default_port()),
        })
    }
}

/// The host and the port behind its last colon, where that colon is no part of an IPv6 address.
fn split_port(text: &str) -> Result<(&str, Option<u16>), HttpGrantError> {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => match port.parse::<u16>() {
            Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok((host, Some(number)))
            }
            Ok(_) | Err(_) => Err(HttpGrantError::Port(port.chars().take(100).collect())),
        },
        Some(_) | None => Ok((text, None)),
    }
}

impl HttpGrant {
    /// Whether requests to this scheme, host and port are within the grant; `host` in normal form.
    pub fn covers(&self, scheme: Scheme, host: &HostPattern, port: u16) -> bool {
        self.scheme == scheme && self.port == port && self.host.covers(host)
    }
}

impl HostPattern {
    /// Whether every host of `other` is one of this pattern.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(mine), Self::Name(name)) => mine == name,
            (Self::Address(mine), Self::Address(address)) => mine == address,
            (Self::Below(parent), Self::Name(name)) => is_below(name, parent),
            (Self::Below(parent), Self::Below(other)) => parent == other || is_below(other, parent),
            (Self::Name(_), Self::Address(_) | Self::Below(_))
            | (Self::Address(_), Self::Name(_) | Self::Below(_))
            | (Self::Below(_), Self::Address(_)) => false,
        }
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent)
        .is_some_and(|front| front.len() > 1 && front.ends_with('.'))
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

impl fmt::Display for HttpGrant {
    /// The shortest text that reads back as this grant.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::Http {
            f.write_str("http://")?;
        }
        self.host.fmt(f)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}
