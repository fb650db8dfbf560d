//! The operator's policy: a request within it is granted, anything else is refused with the line
//! to add to the policy.
//!
//! Without a policy a task may ask for exact public HTTPS hosts, and has
//! scratch space, clock and randomness, and may call the DAGs of its tenant that it names. Private addresses, plain HTTP,
//! wildcards, variables, connections and queues are allowed only where the
//! policy names them. Nothing here resolves names or opens connections: the
//! sandbox does, and asks [`Granted`].

pub mod address;
mod evaluate;
mod file;
mod granted;

pub use evaluate::{Refusal, Request};
pub use file::{POLICY_CONTRACT, PolicyError};
pub use granted::{Denied, Granted};

use crate::{
    grant::{HostPattern, HttpGrant},
    limit::Ceiling,
};
use ipnet::IpNet;

/// The name of the queue that every task may use, and does where it names none.
pub const DEFAULT_QUEUE: &str = "default";

/// What tasks may be granted; [`Policy::default`] is what holds without a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether any exact public HTTPS host may be requested.
    pub public_https: bool,
    /// Further HTTP that may be requested: plain HTTP, wildcards, other ports.
    pub http: Vec<HttpGrant>,
    /// Networks that aren't public, by the host that may lead into them.
    pub private: Vec<PrivateHost>,
    /// Names of variables that may be requested; `*` at the end matches anything.
    pub variables: Vec<String>,
    /// Names of connections that may be requested; `*` at the end matches anything.
    pub connections: Vec<String>,
    /// Ids of DAGs of the tenant that may be called; `*` at the end matches anything.
    pub dags: Vec<String>,
    /// Queues besides [`DEFAULT_QUEUE`]; `*` at the end matches anything.
    pub queues: Vec<String>,
    /// The most of each limit.
    pub ceiling: Ceiling,
}

/// A host whose addresses may lie in these networks although they aren't public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateHost {
    /// The host.
    pub host: HostPattern,
    /// Where its addresses may lie.
    pub networks: Vec<IpNet>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            public_https: true,
            http: Vec::new(),
            private: Vec::new(),
            variables: Vec::new(),
            connections: Vec::new(),
            dags: vec!["*".into()],
            queues: Vec::new(),
            ceiling: Ceiling::default(),
        }
    }
}

/// Whether one of the patterns is the name, or the name's beginning followed by `*`.
fn names(patterns: &[String], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => pattern == name,
        })
}
