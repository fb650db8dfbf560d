//! Compiled code, from the server: fetched over the way, believed for its
//! signature. Whatever goes wrong, the worker compiles the file itself.

use super::{Refused, Way, answered, whole};
use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use weft_core::{digest::Digest, id::TenantId};
use weft_sandbox::{CodeKey, CodeName, CodeSource, SignedCode};
use weft_worker::CodeStore;

/// How long code may be on its way, and be compiled before that if nobody had it yet.
const CODE_WITHIN: Duration = Duration::from_mins(5);
/// The most bytes of an answer that names the key.
const MOST_KEY_BYTES: usize = 4 << 10;

/// Whose signature is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trusted {
    /// This key's, which somebody named to the worker.
    Key(CodeKey),
    /// The key's that the server names, over a way that nobody else writes to.
    Server,
}

/// The installation's code.
pub(crate) struct FleetCode {
    way: Way,
    trusted: Trusted,
}

/// That of one tenant.
struct TenantCode {
    way: Way,
    trusted: Trusted,
    tenant: TenantId,
}

#[derive(Deserialize)]
struct Told {
    key: String,
}

impl FleetCode {
    pub(crate) const fn new(way: Way, trusted: Trusted) -> Self {
        Self { way, trusted }
    }
}

impl CodeStore for FleetCode {
    fn of(&self, tenant: &TenantId) -> Arc<dyn CodeSource> {
        Arc::new(TenantCode {
            way: self.way.clone(),
            trusted: self.trusted,
            tenant: tenant.clone(),
        })
    }
}

#[async_trait]
impl CodeSource for TenantCode {
    async fn code(&self, file: &Digest, name: &CodeName, most: u64) -> Option<SignedCode> {
        match self.fetch(file, name, most).await {
            Ok(code) => Some(code),
            // Of another version, or an older server: both are to be expected.
            Err(Refused::Told(StatusCode::NOT_FOUND, why)) => {
                tracing::debug!(component = %file, why, "the server has no code for this machine: it is compiled here");
                None
            }
            Err(refused) => {
                tracing::warn!(component = %file, why = %refused, "code can't be fetched: it is compiled here");
                None
            }
        }
    }
}

impl TenantCode {
    async fn fetch(
        &self,
        file: &Digest,
        name: &CodeName,
        most: u64,
    ) -> Result<SignedCode, Refused> {
        let key = match self.trusted {
            Trusted::Key(key) => key,
            Trusted::Server => self.key().await?,
        };
        let path = format!("blobs/{}/compiled/{}/{name}", self.tenant, file.hex());
        let response = self.way.blob(&path, Some(CODE_WITHIN)).await?;
        let bytes = whole(response, usize::try_from(most).unwrap_or(usize::MAX)).await?;
        Ok(SignedCode { bytes, key })
    }

    /// The key that the installation signs with now: it may change while a worker runs.
    async fn key(&self) -> Result<CodeKey, Refused> {
        let request = self.way.request(Method::GET, "code-key");
        let answer = whole(answered(request).await?, MOST_KEY_BYTES).await?;
        serde_json::from_slice::<Told>(&answer)
            .ok()
            .and_then(|told| told.key.parse().ok())
            .ok_or_else(|| Refused::Unanswered("the server names its key in another way".into()))
    }
}
