//! Grants of one task, which the sandbox checks at every call.

use super::{PrivateHost, address};
use crate::grant::{HostPattern, HttpGrant, Scheme, normal_host};
use std::{fmt, net::IpAddr};

/// What a task was granted: its request, all of it within the policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Granted {
    /// Outgoing HTTP.
    pub http: Vec<HttpGrant>,
    /// Names of variables.
    pub variables: Vec<String>,
    /// Names of connections.
    pub connections: Vec<String>,
    /// Networks that aren't public, by the host that may lead into them.
    pub private: Vec<PrivateHost>,
}

/// A call that the task wasn't granted; the text says what to add, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No grant for this scheme, host and port.
    #[error("HTTP to {place} was not granted to this task; add {} to its grants: grants = {{ http = [{}] }}", Quoted(.grant), Quoted(.grant))]
    Http {
        /// Scheme, host and port of the guest's request.
        place: String,
        /// What to add.
        grant: String,
    },
    /// The host is no host.
    #[error("{0}")]
    Host(String),
    /// A scheme that no grant is for.
    #[error("only `http` and `https` can be granted, not {0:?}")]
    Scheme(String),
    /// The name leads to an address that isn't public.
    #[error(
        "{host} leads to {address}, which is {class}; only a policy can allow that: [http.private] \"{host}\" = [\"{address}\"]"
    )]
    Address {
        /// The host.
        host: String,
        /// Where it leads.
        address: IpAddr,
        /// What kind of address that is.
        class: address::Class,
    },
    /// No grant for this variable.
    #[error("the variable {} was not granted to this task; add it to its grants: grants = {{ variables = [{}] }}", Quoted(.0), Quoted(.0))]
    Variable(String),
    /// No grant for this connection.
    #[error("the connection {} was not granted to this task; add it to its grants: grants = {{ connections = [{}] }}", Quoted(.0), Quoted(.0))]
    Connection(String),
}

/// A name from a guest, in quotes, escaped and short enough for a message.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short: String = self.0.chars().take(100).collect();
        write!(f, "{short:?}")
    }
}

impl Denied {
    /// A stable name of the kind of refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Http { .. } => "denied.http",
            Self::Host(_) => "denied.host",
            Self::Scheme(_) => "denied.scheme",
            Self::Address { .. } => "denied.address",
            Self::Variable(_) => "denied.variable",
            Self::Connection(_) => "denied.connection",
        }
    }
}

impl Granted {
    /// Whether a request may be sent; `port` is the scheme's own where absent.
    /// The addresses that the host leads to are for [`Granted::allows_address`].
    ///
    /// # Errors
    /// The refusal to hand to the guest and the log.
    pub fn allows_http(&self, scheme: &str, host: &str, port: Option<u16>) -> Result<(), Denied> {
        let scheme = if scheme.eq_ignore_ascii_case("https") {
            Scheme::Https
        } else if scheme.eq_ignore_ascii_case("http") {
            Scheme::Http
        } else {
            return Err(Denied::Scheme(scheme.chars().take(30).collect()));
        };
        let host = normal_host(host).map_err(|error| Denied::Host(error.to_string()))?;
        let port = port.unwrap_or(scheme.default_port());
        if self
            .http
            .iter()
            .any(|grant| grant.covers(scheme, &host, port))
        {
            return Ok(());
        }
        let grant = HttpGrant { scheme, host, port };
        Err(Denied::Http {
            place: format!("{}://{}:{port}", scheme.as_str(), grant.host),
            grant: grant.to_string(),
        })
    }

    /// Whether a connection for this host may be made to this address.
    ///
    /// # Errors
    /// The address isn't public, and the policy doesn't allow it for this host.
    pub fn allows_address(&self, host: &str, address: IpAddr) -> Result<(), Denied> {
        let class = address::class(address);
        if class == address::Class::Public {
            return Ok(());
        }
        let host = normal_host(host).map_err(|error| Denied::Host(error.to_string()))?;
        let address = address::unmapped(address);
        let allowed = self.private.iter().any(|private| {
            private.host.covers(&host)
                && private
                    .networks
                    .iter()
                    .any(|network| network.contains(&address))
        });
        if allowed {
            Ok(())
        } else {
            Err(Denied::Address {
                host: bare(&host),
                address,
                class,
            })
        }
    }

    /// Whether the variable may be read.
    ///
    /// # Errors
    /// The refusal to hand to the guest and the log.
    pub fn allows_variable(&self, name: &str) -> Result<(), Denied> {
        if self.variables.iter().any(|granted| granted == name) {
            Ok(())
        } else {
            Err(Denied::Variable(name.into()))
        }
    }

    /// Whether the connection may be used.
    ///
    /// # Errors
    /// The refusal to hand to the guest and the log.
    pub fn allows_connection(&self, name: &str) -> Result<(), Denied> {
        if self.connections.iter().any(|granted| granted == name) {
            Ok(())
        } else {
            Err(Denied::Connection(name.into()))
        }
    }
}

/// A host as a policy's keys write it: IPv6 addresses without brackets.
fn bare(host: &HostPattern) -> String {
    match host {
        HostPattern::Address(address) => address.to_string(),
        HostPattern::Name(_) | HostPattern::Below(_) => host.to_string(),
    }
}
