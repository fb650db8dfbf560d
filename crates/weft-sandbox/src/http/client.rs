//! The HTTP client that all attempts share.

use super::{idle::IdleConnections, resolve::Resolve, tls};
use rustls::ClientConfig;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// How names are resolved, which certificates are trusted, and the connections that are kept.
pub(crate) struct Client {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) idle: Arc<IdleConnections>,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Client {
    pub(crate) fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self {
            resolver,
            idle: Arc::default(),
            tls: OnceCell::new(),
        }
    }

    /// Trusts other certificates.
    #[cfg(test)]
    pub(super) fn with_tls(resolver: Arc<dyn Resolve>, tls: Arc<ClientConfig>) -> Self {
        Self {
            resolver,
            idle: Arc::default(),
            tls: OnceCell::new_with(Some(tls)),
        }
    }

    /// Made at the first use, since it reads files.
    pub(super) async fn tls(&self) -> Arc<ClientConfig> {
        let made = self.tls.get_or_init(|| async {
            let config = wasmtime_wasi::runtime::spawn_blocking(tls::system_config);
            config.await
        });
        Arc::clone(made.await)
    }
}
