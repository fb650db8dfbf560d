//! TLS for outgoing requests: which certificates are believed.
//!
//! What always holds: the server proves the name that the guest requested, by a
//! chain to Mozilla's roots or to one that the machine's owner added. There is no
//! switch to turn that off.

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::sync::Arc;

/// Mozilla's roots and the machine's own. Reads files, so it blocks.
pub(crate) fn system_config() -> Arc<ClientConfig> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    // A machine without a store of its own, or with broken entries, has Mozilla's roots.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    config(roots)
}

/// Only these roots.
#[cfg(test)]
pub(crate) fn config_with_roots(
    certificates: Vec<rustls::pki_types::CertificateDer<'static>>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    config(roots)
}

fn config(roots: RootCertStore) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows every default version of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
