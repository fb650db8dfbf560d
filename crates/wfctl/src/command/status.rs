//! Where a service without an API says how it fares.

use std::net::SocketAddr;
use weft_server::{Listen, Protection};

/// Where it says so.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Where the status page listens: /health/live, /health/ready, /metrics, without a token
    #[arg(long, value_name = "ADDRESS", env = "WEFT_STATUS")]
    status: Option<SocketAddr>,
}

impl StatusArgs {
    pub(super) fn listen(&self) -> Option<Listen> {
        self.status.map(|address| Listen {
            address,
            // The status page shows nothing of tenants.
            protection: Protection::Insecure,
        })
    }
}
