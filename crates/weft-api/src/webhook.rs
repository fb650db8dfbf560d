//! Webhooks: addresses by which other systems trigger runs.

use crate::Time;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// How a webhook's requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum WebhookForm {
    /// `Weft-Signature: t=<Unix seconds>,v1=<hex>`: HMAC-SHA-256 of the seconds, a full stop and the body.
    #[default]
    Weft,
    /// GitHub's `X-Hub-Signature-256: sha256=<hex>`: HMAC-SHA-256 of the body.
    GitHub,
    /// Stripe's `Stripe-Signature`, of the same form as Weft's.
    Stripe,
}

/// A webhook, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// Its name, unique within the DAG.
    pub name: String,
    /// DAG that it triggers.
    pub dag: String,
    /// The path of its URL.
    pub path: String,
    /// How its requests are signed.
    pub form: WebhookForm,
    /// Where each parameter comes from: a JSON Pointer into the payload.
    pub params: BTreeMap<String, String>,
    /// Only events of these types trigger a run; all if it is empty.
    pub events: Vec<String>,
    /// When it was made.
    pub created: Time,
    /// The token that made it.
    pub created_by: String,
}

/// A webhook to make.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Its name, unique within the DAG.
    pub name: String,
    /// How its requests are signed: `weft` if absent.
    #[serde(default)]
    pub form: WebhookForm,
    /// Where each parameter comes from: a JSON Pointer (RFC 6901) into the payload, such as `/repository/name`. What
    /// the payload lacks has the parameter's default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Only events of these types trigger a run: `X-GitHub-Event`, or `type` of the payload. All if it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The secret, where the other system has made it; at least 16 characters. A new one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub secret: Option<String>,
}

impl fmt::Debug for NewWebhook {
    /// Only what may be shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewWebhook({:?})", self.name)
    }
}

/// A secret that replaces a webhook's.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewWebhookSecret {
    /// The secret, where the other system has made it; at least 16 characters. A new one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(write_only))]
    pub secret: Option<String>,
}

impl fmt::Debug for NewWebhookSecret {
    /// Nothing of it may be shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewWebhookSecret(..)")
    }
}

/// A webhook with its secret, which is shown only this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// What signs its requests.
    pub secret: String,
}

impl fmt::Debug for CreatedWebhook {
    /// Only what may be shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CreatedWebhook({:?})", self.webhook)
    }
}
