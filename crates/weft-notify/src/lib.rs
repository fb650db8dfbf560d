//! Sends notifications: one attempt to hand one message to one destination.
//!
//! What always holds:
//!
//! - A message goes only where the tenant's policy would let a task go: every address is checked,
//!   and the connection goes to an address that was checked. No redirect is followed.
//! - A failure names no URL, no credential and nothing that the other side wrote but a number.
//! - Everything has a time limit. Retries are the caller's.

mod http;
mod mail;
mod reach;
pub mod signature;

use std::time::Duration;
use weft_core::{
    notification::{Endpoint, Notice},
    policy::Policy,
    time::Timestamp,
};

/// The longest that one attempt may take.
pub const MAX_SEND_TIME: Duration = Duration::from_secs(20);

/// A message for a destination.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Tenant of the destination.
    pub tenant: &'a str,
    /// The destination's name.
    pub destination: &'a str,
    /// Names the message: the same for each attempt.
    pub key: &'a str,
    /// What happened.
    pub notice: &'a Notice,
    /// One line.
    pub title: &'a str,
    /// More about it.
    pub text: &'a str,
    /// The time of this attempt, which signatures hold.
    pub now: Timestamp,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Another attempt may succeed.
    #[error("{0}")]
    Transient(String),
    /// The same message is refused again.
    #[error("{0}")]
    Refused(String),
}

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Sender {
    tls: rustls::ClientConfig,
}

impl Sender {
    /// `tls` says whom HTTPS trusts.
    pub const fn new(tls: rustls::ClientConfig) -> Self {
        Self { tls }
    }

    /// Hands a message to its destination, within [`MAX_SEND_TIME`].
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn send(
        &self,
        message: Message<'_>,
        endpoint: &Endpoint,
        policy: &Policy,
    ) -> Result<(), SendError> {
        let sent = async {
            match endpoint {
                Endpoint::Webhook { url, secret } => {
                    let request = http::webhook(&message, secret.as_deref());
                    http::post(&self.tls, url, request, policy).await
                }
                Endpoint::Slack { url } => {
                    http::post(&self.tls, url, http::slack(&message), policy).await
                }
                Endpoint::PagerDuty { url, routing_key } => {
                    let request = http::pager_duty(&message, routing_key);
                    http::post(&self.tls, url, request, policy).await
                }
                Endpoint::Email { .. } => mail::send(&message, endpoint, policy).await,
            }
        };
        let limit = tokio::time::timeout(MAX_SEND_TIME, sent).await;
        limit.unwrap_or_else(|_elapsed| {
            let limit = MAX_SEND_TIME.as_secs();
            Err(SendError::Transient(format!("no answer within {limit} s")))
        })
    }
}
