//! How the server is set up: every figure with its unit and default.

use crate::{BasePath, TraceUrl};
use std::{path::PathBuf, time::Duration};

/// How a [`crate::Server`] is set up.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Names that requests may name in their `Host` field, besides loopback's
    /// own. Empty: any on an address that isn't loopback, none besides on loopback.
    pub hosts: Vec<String>,
    /// The path that browsers reach the server under. Default: `/`.
    pub base_path: BasePath,
    /// Where the operator's tracing system shows a trace. Default: traces have no link.
    pub trace_url: Option<TraceUrl>,
    /// The largest file that is deployed, in bytes. Default: 256 MiB.
    pub max_deploy_bytes: u64,
    /// How many deploys are compiled at once; others wait. Default: 2.
    pub deploys_at_once: usize,
    /// Where files stand while they come in. Default: the system's temporary folder.
    pub temporary: PathBuf,
    /// How long a request may be handled, without its streams. Default: 60 s.
    pub request_timeout: Duration,
    /// How long a deploy may be handled, its upload included. Default: 15 min.
    pub deploy_timeout: Duration,
    /// How many live streams (server-sent events) are open at once. Default: 1000.
    pub max_streams: usize,
    /// A stream is ended after this long, so that a revoked token doesn't
    /// listen for ever; clients connect again. Default: 15 min.
    pub max_stream: Duration,
    /// How many connections are open at once; others wait. Default: 4096.
    pub max_connections: usize,
    /// How long the scheduler's loop may stand before the server is not ready. Default: 10 s.
    pub ready_within: Duration,
    /// How long requests in progress may go on after the shutdown began. Default: 10 s.
    pub drain: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            base_path: BasePath::default(),
            trace_url: None,
            max_deploy_bytes: 256 << 20,
            deploys_at_once: 2,
            temporary: std::env::temp_dir(),
            request_timeout: Duration::from_mins(1),
            deploy_timeout: Duration::from_mins(15),
            max_streams: 1_000,
            max_stream: Duration::from_mins(15),
            max_connections: 4_096,
            ready_within: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}
