//! Which addresses of a host a message may go to.

use crate::SendError;
use std::net::SocketAddr;
use weft_core::{
    grant::{GrantRequest, HttpGrant},
    limit::LimitRequest,
    policy::{Granted, Policy, Request},
};

/// The most addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 16;

/// What the policy grants to a task that requests just this scheme, host and port.
pub(crate) fn granted_http(policy: &Policy, target: HttpGrant) -> Result<Granted, SendError> {
    let grants = GrantRequest {
        http: vec![target],
        ..GrantRequest::default()
    };
    let request = Request {
        grants: &grants,
        limits: &LimitRequest::default(),
        timeout: None,
        queue: None,
    };
    match policy.evaluate(&request) {
        Ok((granted, _limits)) => Ok(granted),
        Err(refusals) => {
            let why: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            let why = why.join("; ");
            // An operator may change the policy.
            Err(SendError::Transient(format!(
                "the policy refuses it: {why}"
            )))
        }
    }
}

/// What the policy grants besides HTTP: the networks that aren't public.
pub(crate) fn granted_networks(policy: &Policy) -> Granted {
    Granted {
        private: policy.private.clone(),
        ..Granted::default()
    }
}

/// The addresses of a host that the grant allows, at least one.
pub(crate) async fn addresses(
    host: &str,
    port: u16,
    granted: &Granted,
) -> Result<Vec<SocketAddr>, SendError> {
    // A bare IPv6 address: a URL has it in brackets.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|_error| SendError::Transient("the host's name can't be resolved".into()))?;
    let mut refusal = None;
    let mut allowed = Vec::new();
    for address in found.take(MAX_ADDRESSES) {
        match granted.allows_address(host, address.ip()) {
            Ok(()) => allowed.push(address),
            Err(denied) => refusal = refusal.or(Some(denied)),
        }
    }
    match refusal {
        Some(denied) if allowed.is_empty() => Err(SendError::Transient(denied.to_string())),
        None if allowed.is_empty() => Err(SendError::Transient(
            "the host's name has no address".into(),
        )),
        Some(_) | None => Ok(allowed),
    }
}
