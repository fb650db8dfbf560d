//! Destinations of notifications, and deliveries.

use crate::Time;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a destination is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DestinationKind {
    /// An HTTP POST of Weft's own JSON.
    Webhook,
    /// An incoming webhook of Slack, or of what accepts the same.
    Slack,
    /// PagerDuty's Events API v2, or what accepts the same.
    PagerDuty,
    /// SMTP over TLS.
    Email,
}

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotifyOn {
    /// A run succeeded.
    Success,
    /// A run failed.
    Failure,
    /// A run succeeded after a run of the same DAG had failed.
    Recovery,
    /// An attempt failed, and its task instance is tried again.
    Retry,
    /// A run or a task of it did not end by its deadline.
    Deadline,
    /// A task asks people, and waits for the answer.
    Approval,
    /// A test of the destination; no destination can be set to it.
    Test,
}

/// How SMTP is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// TLS from the first byte.
    Implicit,
    /// `STARTTLS`, which the server must offer.
    StartTls,
}

/// A destination, without what is secret of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Destination {
    /// Name of the destination, unique within a tenant.
    pub name: String,
    /// How it is reached.
    pub kind: DestinationKind,
    /// Scheme, host and port; of e-mail the server and the receivers.
    pub address: String,
    /// What it is notified of.
    pub on: Vec<NotifyOn>,
    /// Only these DAGs, and those with one of `tags`; all if both are empty.
    pub dags: Vec<String>,
    /// See `dags`.
    pub tags: Vec<String>,
    /// How long a failure waits for others of the same cause, in milliseconds.
    pub fold_wait_ms: u64,
    /// The least time between two messages about one cause, in milliseconds.
    pub fold_interval_ms: u64,
    /// The template of the title, if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The template of the text, if it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When it was last set.
    pub updated: Time,
    /// The token that set it last.
    pub updated_by: String,
}

/// A destination with everything that is secret of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDestination {
    /// How it is reached.
    pub kind: DestinationKind,
    /// What it is notified of; at least one.
    pub on: Vec<NotifyOn>,
    /// Only these DAGs, and those with one of `tags`; all if both are empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dags: Vec<String>,
    /// See `dags`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The URL of a webhook or of Slack; of PagerDuty its own if absent. It is kept secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub url: Option<String>,
    /// Signs the messages of a webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub secret: Option<String>,
    /// The integration's key of PagerDuty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub routing_key: Option<String>,
    /// The SMTP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port: 465 or 587, by `tls`, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How SMTP is protected: `implicit` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<SmtpTls>,
    /// Who signs in to the SMTP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub password: Option<String>,
    /// The sender's mailbox, such as `Weft <weft@example.org>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The receivers' mailboxes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// How long a failure waits for others of the same cause, in milliseconds: 10,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold_wait_ms: Option<u64>,
    /// The least time between two messages about one cause, in milliseconds: 300,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold_interval_ms: Option<u64>,
    /// A template of the title, in the language of Jinja.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A template of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl NewDestination {
    /// One without any setting of its kind.
    pub const fn new(kind: DestinationKind, on: Vec<NotifyOn>) -> Self {
        Self {
            kind,
            on,
            dags: Vec::new(),
            tags: Vec::new(),
            url: None,
            secret: None,
            routing_key: None,
            host: None,
            port: None,
            tls: None,
            username: None,
            password: None,
            from: None,
            to: Vec::new(),
            fold_wait_ms: None,
            fold_interval_ms: None,
            title: None,
            text: None,
        }
    }
}

impl fmt::Debug for NewDestination {
    /// Only what may be shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewDestination({:?})", self.kind)
    }
}

/// How a delivery fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It will be sent, or sent again.
    Waiting,
    /// The destination took it.
    Delivered,
    /// It is sent no more.
    GivenUp,
}

/// A notification on its way to a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// Number of the delivery; later ones are greater.
    pub id: i64,
    /// The destination's name.
    pub destination: String,
    /// Its `Idempotency-Key`: the same for each attempt.
    pub key: String,
    /// What it is about.
    pub on: NotifyOn,
    /// How many times that happened.
    pub count: u64,
    /// The DAGs, the first 20.
    pub dags: Vec<String>,
    /// The runs, the first 10.
    pub runs: Vec<String>,
    /// Why a failure or a retry happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How it fares.
    pub state: DeliveryState,
    /// When it was made.
    pub created: Time,
    /// When it is sent next, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was sent last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt: Option<Time>,
    /// When it was delivered or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
