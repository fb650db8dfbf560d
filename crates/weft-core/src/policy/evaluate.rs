//! A task's request against the policy: everything granted, or every refusal.

use super::{DEFAULT_QUEUE, Granted, Policy, address, names};
use crate::{
    grant::{GrantRequest, HostPattern, HttpGrant, Scheme},
    limit::{Exceeded, LimitRequest, Limits},
    time::DurationMs,
};
use std::{fmt, net::IpAddr};

/// Everything that a task requests of the policy.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Hosts, variables, connections.
    pub grants: &'a GrantRequest,
    /// Limits beyond the defaults.
    pub limits: &'a LimitRequest,
    /// The longest an attempt may take.
    pub timeout: Option<DurationMs>,
    /// Where the task runs.
    pub queue: Option<&'a str>,
}

/// One request beyond the policy; the text names what to add to the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// HTTP that the policy doesn't allow.
    Http {
        /// The request.
        grant: HttpGrant,
        /// Why an exact public HTTPS host would have been allowed and this isn't.
        why: HttpRefusal,
    },
    /// A variable that the policy doesn't name.
    Variable(String),
    /// A connection that the policy doesn't name.
    Connection(String),
    /// A call of a DAG that the policy doesn't name.
    Dag(String),
    /// A queue that the policy doesn't name.
    Queue(String),
    /// More than the ceiling.
    Limit(Exceeded),
}

/// What about an HTTP request goes beyond the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpRefusal {
    /// Not over TLS.
    Plain,
    /// Many hosts at once.
    Wildcard,
    /// An address that isn't public.
    Address(IpAddr, address::Class),
    /// A name that only this machine or network knows: `localhost`, `*.local`, `*.internal`, a single label.
    LocalName,
    /// The policy allows nothing that it doesn't name.
    Unnamed,
}

impl Refusal {
    /// A stable name of the kind of refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Http { .. } => "refused.http",
            Self::Variable(_) => "refused.variable",
            Self::Connection(_) => "refused.connection",
            Self::Dag(_) => "refused.dag",
            Self::Queue(_) => "refused.queue",
            Self::Limit(_) => "refused.limit",
        }
    }

    /// What to add to the policy file, in TOML.
    pub fn remedy(&self) -> String {
        match self {
            Self::Http {
                grant,
                why: HttpRefusal::Address(address, _),
            } => {
                format!(
                    "[http.private] {:?} = [{:?}]{}",
                    address.to_string(),
                    address.to_string(),
                    and_plain(grant)
                )
            }
            Self::Http {
                grant,
                why: HttpRefusal::LocalName,
            } => {
                format!(
                    "[http.private] {:?} = [\"127.0.0.1\"] (or the network it lies in){}",
                    grant.host.to_string(),
                    and_plain(grant)
                )
            }
            Self::Http {
                grant,
                why: HttpRefusal::Plain | HttpRefusal::Wildcard | HttpRefusal::Unnamed,
            } => {
                format!("[http] allow = [{:?}]", grant.to_string())
            }
            Self::Variable(name) => format!("[variables] allow = [{name:?}]"),
            Self::Connection(name) => format!("[connections] allow = [{name:?}]"),
            Self::Dag(name) => format!("[dags] allow = [{name:?}]"),
            Self::Queue(name) => format!("[queues] allow = [{name:?}]"),
            Self::Limit(exceeded) => {
                if exceeded.requested > Limits::MAXIMUM.get(&exceeded.limit) {
                    format!(
                        "nothing: no policy can allow more than {}",
                        exceeded
                            .limit
                            .unit
                            .show(Limits::MAXIMUM.get(&exceeded.limit))
                    )
                } else {
                    format!(
                        "[limits] {} = {:?}",
                        exceeded.limit.key,
                        exceeded.limit.unit.show(exceeded.requested)
                    )
                }
            }
        }
    }
}

fn and_plain(grant: &HttpGrant) -> String {
    match grant.scheme {
        Scheme::Https => String::new(),
        Scheme::Http => format!(" and [http] allow = [{:?}]", grant.to_string()),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { grant, why } => match why {
                HttpRefusal::Plain => write!(f, "HTTP without TLS to {grant} is not allowed"),
                HttpRefusal::Wildcard => write!(f, "the wildcard {grant} is not allowed"),
                HttpRefusal::Address(_, class) => {
                    write!(f, "HTTP to {grant} is not allowed: it is {class}")
                }
                HttpRefusal::LocalName => write!(
                    f,
                    "HTTP to {grant} is not allowed: the name isn't a public one"
                ),
                HttpRefusal::Unnamed => write!(f, "HTTP to {grant} is not allowed"),
            },
            Self::Variable(name) => write!(f, "reading the variable {name:?} is not allowed"),
            Self::Connection(name) => write!(f, "using the connection {name:?} is not allowed"),
            Self::Dag(name) => write!(f, "calling the DAG {name:?} is not allowed"),
            Self::Queue(name) => write!(f, "the queue {name:?} is not allowed"),
            Self::Limit(exceeded) => exceeded.fmt(f),
        }?;
        write!(f, "; to allow it, add to the policy: {}", self.remedy())
    }
}

impl Policy {
    /// Grants the request, and resolves its limits.
    ///
    /// ```
    /// use weft_core::{
    ///     document::{Format, Source},
    ///     grant::GrantRequest,
    ///     limit::LimitRequest,
    ///     policy::{Policy, Request},
    /// };
    ///
    /// let text = "[queues]\nallow = [\"gpu\"]\n";
    /// let source = Source { name: "policy.toml", text, format: Format::Toml };
    /// let policy = Policy::parse(source).unwrap();
    /// let (grants, limits) = (GrantRequest::default(), LimitRequest::default());
    /// let request = |queue| Request {
    ///     grants: &grants,
    ///     limits: &limits,
    ///     timeout: None,
    ///     queue: Some(queue),
    /// };
    /// assert!(policy.evaluate(&request("gpu")).is_ok());
    /// let refusals = policy.evaluate(&request("arm")).unwrap_err();
    /// assert_eq!(refusals.len(), 1);
    /// ```
    ///
    /// # Errors
    /// Every refusal, in the order grants, queue, limits.
    pub fn evaluate(&self, request: &Request<'_>) -> Result<(Granted, Limits), Vec<Refusal>> {
        let mut refusals = Vec::new();
        for grant in &request.grants.http {
            if let Err(why) = self.check_http(grant) {
                refusals.push(Refusal::Http {
                    grant: grant.clone(),
                    why,
                });
            }
        }
        let refused = |names_: &[String],
                       patterns: &[String],
                       refusal: fn(String) -> Refusal|
         -> Vec<Refusal> {
            names_
                .iter()
                .filter(|name| !names(patterns, name))
                .cloned()
                .map(refusal)
                .collect()
        };
        refusals.extend(refused(
            &request.grants.variables,
            &self.variables,
            Refusal::Variable,
        ));
        refusals.extend(refused(
            &request.grants.connections,
            &self.connections,
            Refusal::Connection,
        ));
        refusals.extend(refused(&request.grants.dags, &self.dags, Refusal::Dag));
        if let Some(queue) = request
            .queue
            .filter(|queue| *queue != DEFAULT_QUEUE && !names(&self.queues, queue))
        {
            refusals.push(Refusal::Queue(queue.into()));
        }
        match Limits::resolve(request.limits, request.timeout, &self.ceiling) {
            Ok(limits) if refusals.is_empty() => Ok((self.granted(request.grants), limits)),
            Ok(_) => Err(refusals),
            Err(exceeded) => {
                refusals.extend(exceeded.into_iter().map(Refusal::Limit));
                Err(refusals)
            }
        }
    }

    fn granted(&self, grants: &GrantRequest) -> Granted {
        // A task learns only of the private hosts that it requested.
        let requested = |host: &HostPattern| {
            grants
                .http
                .iter()
                .any(|grant| grant.host.covers(host) || host.covers(&grant.host))
        };
        Granted {
            http: grants.http.clone(),
            variables: grants.variables.clone(),
            connections: grants.connections.clone(),
            private: self
                .private
                .iter()
                .filter(|private| requested(&private.host))
                .cloned()
                .collect(),
        }
    }

    fn check_http(&self, grant: &HttpGrant) -> Result<(), HttpRefusal> {
        let private = self
            .private
            .iter()
            .any(|private| private.host.covers(&grant.host));
        let allowed = self
            .http
            .iter()
            .any(|allow| allow.covers(grant.scheme, &grant.host, grant.port));
        match &grant.host {
            HostPattern::Address(ip) if !private => match address::class(*ip) {
                address::Class::Public => {}
                class => return Err(HttpRefusal::Address(*ip, class)),
            },
            HostPattern::Name(name) if !private && !allowed && is_local(name) => {
                return Err(HttpRefusal::LocalName);
            }
            HostPattern::Address(_) | HostPattern::Name(_) | HostPattern::Below(_) => {}
        }
        if allowed {
            return Ok(());
        }
        match (&grant.host, grant.scheme) {
            (HostPattern::Below(_), _) => Err(HttpRefusal::Wildcard),
            (_, Scheme::Http) => Err(HttpRefusal::Plain),
            (_, Scheme::Https) if self.public_https || private => Ok(()),
            (_, Scheme::Https) => Err(HttpRefusal::Unnamed),
        }
    }
}

/// Names that no public resolver answers (RFC 6761, RFC 6762, RFC 9476, ICANN's `internal`).
fn is_local(name: &str) -> bool {
    let top = name.rsplit('.').next().unwrap_or(name);
    top == name
        || matches!(
            top,
            "localhost" | "local" | "internal" | "test" | "invalid" | "alt"
        )
        || name.ends_with(".home.arpa")
}
