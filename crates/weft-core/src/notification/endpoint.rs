//! How a destination is reached, with everything that is secret of it.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How a destination is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl DestinationKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Slack, Self::PagerDuty, Self::Email];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::PagerDuty => "pagerduty",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for DestinationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a destination is a webhook, slack, pagerduty or email")]
pub struct DestinationKindError;

impl FromStr for DestinationKind {
    type Err = DestinationKindError;

    fn from_str(text: &str) -> Result<Self, DestinationKindError> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        kind.ok_or(DestinationKindError)
    }
}

/// How SMTP is protected; in the clear it is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// TLS from the first byte, on port 465 most often.
    Implicit,
    /// `STARTTLS`, which the server must offer, on port 587 most often.
    StartTls,
}

impl SmtpTls {
    /// The port that goes with it.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls => 587,
        }
    }
}

/// Where messages go, and what proves that they may. It is sealed as JSON; `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Endpoint {
    /// See [`DestinationKind::Webhook`].
    Webhook {
        /// The whole URL.
        url: String,
        /// Signs each message (`Weft-Signature`); none leaves it unsigned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
    },
    /// See [`DestinationKind::Slack`].
    Slack {
        /// The whole URL, which is a secret itself.
        url: String,
    },
    /// See [`DestinationKind::PagerDuty`].
    PagerDuty {
        /// The whole URL.
        url: String,
        /// The key of the integration.
        routing_key: String,
    },
    /// See [`DestinationKind::Email`].
    Email {
        /// The SMTP server.
        host: String,
        /// Its port.
        port: u16,
        /// How it is protected.
        tls: SmtpTls,
        /// Who signs in; none doesn't.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        username: Option<String>,
        /// The password that goes with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
        /// The sender's mailbox.
        from: String,
        /// The receivers' mailboxes.
        to: Vec<String>,
    },
}

impl Endpoint {
    /// How it is reached.
    pub const fn kind(&self) -> DestinationKind {
        match self {
            Self::Webhook { .. } => DestinationKind::Webhook,
            Self::Slack { .. } => DestinationKind::Slack,
            Self::PagerDuty { .. } => DestinationKind::PagerDuty,
            Self::Email { .. } => DestinationKind::Email,
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_reads_back_and_shows_nothing() {
        let endpoint = Endpoint::PagerDuty {
            url: "https://events.pagerduty.com/v2/enqueue".into(),
            routing_key: "hush".into(),
        };
        let text = serde_json::to_string(&endpoint).unwrap();
        assert_eq!(serde_json::from_str::<Endpoint>(&text).unwrap(), endpoint);
        assert_eq!(format!("{endpoint:?}"), "Endpoint(pagerduty)");
        for kind in DestinationKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
