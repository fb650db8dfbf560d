//! Where a service listens, and what protects it there: `wfctl up` and `wfctl server`.

use std::{net::SocketAddr, path::PathBuf};
use weft_server::{BasePath, Listen, Protection, TraceUrl};

/// Where the API listens.
#[derive(Debug, clap::Args)]
pub(crate) struct ListeningArgs {
    /// Where the API listens; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "WEFT_LISTEN"
    )]
    listen: SocketAddr,
    /// The certificate, with its chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen on other addresses than loopback without TLS; something else protects the network
    #[arg(long, conflicts_with = "tls_cert")]
    insecure: bool,
    /// The path that browsers reach the server under, behind a proxy that gives it only a part of a host
    #[arg(long, value_name = "PATH", default_value = "/", env = "WEFT_BASE_PATH")]
    pub(super) base_path: BasePath,
    /// Where your tracing system shows a trace, with `{trace_id}` in the place of the id: a run links there
    #[arg(long, value_name = "URL", env = "WEFT_TRACE_URL")]
    pub(super) trace_url: Option<TraceUrl>,
}

impl ListeningArgs {
    pub(super) fn listen(&self) -> Listen {
        let protection = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Protection::Tls {
                certificate: certificate.clone(),
                key: key.clone(),
            },
            _ if self.insecure => Protection::Insecure,
            _ => Protection::Loopback,
        };
        Listen {
            address: self.listen,
            protection,
        }
    }
}
