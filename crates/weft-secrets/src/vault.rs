//! Vault's key-value engine, version 2, over its HTTP API: `GET /v1/MOUNT/data/PATH`
//! (developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2).
//!
//! The secrets of a tenant are below its name. What was read is kept for a short time, so that a
//! thousand attempts ask Vault once.

use crate::{MAX_VALUE_BYTES, sources::SourceError};
use reqwest::{StatusCode, header::HeaderValue};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;
use weft_core::id::TenantId;

/// How long a secret is used before Vault is asked again.
const KEPT: Duration = Duration::from_secs(30);
/// How many secrets are kept.
const MAX_KEPT: usize = 1_000;
/// The longest that one answer may take.
const MAX_TIME: Duration = Duration::from_secs(10);
/// The most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 16 * MAX_VALUE_BYTES;

/// How Vault is reached.
#[derive(Debug, Clone)]
pub struct VaultOptions {
    /// Its address, such as `https://vault.example.org:8200`.
    pub address: Url,
    /// The file that holds the token, which is read for each request, so that an agent may replace it.
    pub token_file: PathBuf,
    /// The path where the key-value engine is mounted, such as `secret`.
    pub mount: String,
    /// What the paths of all tenants begin with, such as `weft`.
    pub prefix: String,
    /// The namespace, where there are several.
    pub namespace: Option<String>,
}

/// A connection to Vault.
#[derive(Debug)]
pub(crate) struct Vault {
    options: VaultOptions,
    client: reqwest::Client,
    kept: Mutex<HashMap<String, Arc<AsyncMutex<Kept>>>>,
}

/// The fields of a secret, while they are used.
#[derive(Default)]
struct Kept {
    secret: Option<(Instant, Map<String, Value>)>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl Vault {
    pub(crate) fn new(
        options: VaultOptions,
        tls: &rustls::ClientConfig,
    ) -> Result<Self, SourceError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(MAX_TIME)
            .no_proxy()
            .tls_backend_preconfigured(tls.clone())
            .build()
            .map_err(|_error| SourceError::Unreadable("HTTP can't be set up".into()))?;
        Ok(Self {
            options,
            client,
            kept: Mutex::default(),
        })
    }

    /// A field of a tenant's secret: a text as it is, anything else as JSON.
    pub(crate) async fn read(
        &self,
        tenant: &TenantId,
        path: &str,
        key: &str,
    ) -> Result<String, SourceError> {
        let parts = [self.options.prefix.as_str(), tenant.as_str(), path];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        let path = parts.collect::<Vec<_>>().join("/");
        let kept = self.kept_at(&path);
        // One request for those who want the same secret at once.
        let mut kept = kept.lock().await;
        let is_fresh = |(at, _fields): &(Instant, _)| at.elapsed() < KEPT;
        if kept.secret.as_ref().is_none_or(|secret| !is_fresh(secret)) {
            kept.secret = None;
            kept.secret = Some((Instant::now(), self.fetch(&path).await?));
        }
        let fields = kept.secret.as_ref().map(|(_at, fields)| fields);
        match fields.and_then(|fields| fields.get(key)) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Ok(other.to_string()),
            None => Err(SourceError::Missing(format!(
                "field {key} of the secret {} in Vault",
                self.shown(&path)
            ))),
        }
    }

    fn kept_at(&self, path: &str) -> Arc<AsyncMutex<Kept>> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_KEPT && !all.contains_key(path) {
            all.clear();
        }
        Arc::clone(all.entry(path.to_owned()).or_default())
    }

    fn shown(&self, path: &str) -> String {
        format!("{}/{path}", self.options.mount)
    }

    async fn fetch(&self, path: &str) -> Result<Map<String, Value>, SourceError> {
        let shown = self.shown(path);
        let failed = |why: &str| SourceError::Unreadable(format!("Vault, {shown}: {why}"));
        let token = tokio::fs::read_to_string(&self.options.token_file).await;
        let token =
            token.map_err(|error| failed(&format!("its token file can't be read: {error}")))?;
        let mut token = HeaderValue::from_str(token.trim())
            .map_err(|_odd| failed("its token file holds no token"))?;
        token.set_sensitive(true);
        let mut url = self.options.address.clone();
        url.set_path(&format!("/v1/{}/data/{path}", self.options.mount));
        let mut request = self
            .client
            .get(url)
            .header("X-Vault-Request", "true")
            .header("X-Vault-Token", token);
        if let Some(namespace) = &self.options.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let mut answer = request.send().await.map_err(|error| failed(what(&error)))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(SourceError::Missing(format!("secret {shown} in Vault")));
            }
            StatusCode::FORBIDDEN => return Err(failed("the token may not read it")),
            other => return Err(failed(&format!("it answers {}", other.as_u16()))),
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| failed(what(&error)))? {
            if body.len() + part.len() > MAX_ANSWER_BYTES {
                return Err(failed("the secret is too large"));
            }
            body.extend_from_slice(&part);
        }
        let odd = || failed("its answer is none of the key-value engine, version 2");
        let mut body: Value = serde_json::from_slice(&body).map_err(|_odd| odd())?;
        match body.pointer_mut("/data/data").map(Value::take) {
            Some(Value::Object(fields)) => Ok(fields),
            Some(_) | None => Err(odd()),
        }
    }
}

/// What went wrong, without the URL.
fn what(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "there is no connection to it"
    } else {
        "the connection broke"
    }
}
