//! Compiled code from the server, trusted for its signature. If anything fails, the
//! worker compiles the file itself.

use super::{CallError, GatewayClient, read_body, send};
use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use weft_core::{digest::Digest, id::TenantId};
use weft_sandbox::{CodeKey, CodeName, CodeSource, SignedCode};
use weft_worker::CodeStore;

/// How long a request for code may take, which may have to be compiled first.
const CODE_TIMEOUT: Duration = Duration::from_mins(5);
/// The most bytes of an answer that names the key.
const MAX_KEY_BYTES: usize = 4 << 10;

/// Whose signatures are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustedKey {
    /// This key's, given to the worker.
    Key(CodeKey),
    /// Those of the key that the server names, over an encrypted connection.
    Server,
}

/// The code of an installation, by tenant.
pub(crate) struct InstallationCode {
    client: GatewayClient,
    trusted: TrustedKey,
}

/// The code of one tenant.
struct TenantCode {
    client: GatewayClient,
    trusted: TrustedKey,
    tenant: TenantId,
}

#[derive(Deserialize)]
struct KeyAnswer {
    key: String,
}

impl InstallationCode {
    pub(crate) const fn new(client: GatewayClient, trusted: TrustedKey) -> Self {
        Self { client, trusted }
    }
}

impl CodeStore for InstallationCode {
    fn of(&self, tenant: &TenantId) -> Arc<dyn CodeSource> {
        Arc::new(TenantCode {
            client: self.client.clone(),
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
            // The server is of another version; that is expected.
            Err(CallError::Status(StatusCode::NOT_FOUND, why)) => {
                tracing::debug!(component = %file, why, operation = "fetch code", "server has no code for this machine; compiling it here");
                None
            }
            Err(error) => {
                tracing::warn!(component = %file, %error, operation = "fetch code", "gateway call failed; compiling the component here");
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
    ) -> Result<SignedCode, CallError> {
        let key = match self.trusted {
            TrustedKey::Key(key) => key,
            TrustedKey::Server => self.key().await?,
        };
        let path = format!("blobs/{}/compiled/{}/{name}", self.tenant, file.hex());
        let response = self.client.blob(&path, Some(CODE_TIMEOUT)).await?;
        let bytes = read_body(response, usize::try_from(most).unwrap_or(usize::MAX)).await?;
        Ok(SignedCode { bytes, key })
    }

    /// The key that the installation signs with now: it may change while a worker runs.
    async fn key(&self) -> Result<CodeKey, CallError> {
        let request = self.client.request(Method::GET, "code-key");
        let answer = read_body(send(request).await?, MAX_KEY_BYTES).await?;
        serde_json::from_slice::<KeyAnswer>(&answer)
            .ok()
            .and_then(|answer| answer.key.parse().ok())
            .ok_or_else(|| CallError::Unreachable("the server's answer names no key".into()))
    }
}
