//! What a task asks to be allowed to do.

/// A task's requests; nothing that isn't requested is ever granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantRequest {
    /// Hosts for outgoing HTTP: `host`, `host:port`, or with `http://` in front
    /// (HTTPS where no scheme stands).
    pub http: Vec<String>,
    /// Names of variables the task reads.
    pub variables: Vec<String>,
    /// Names of connections the task uses.
    pub connections: Vec<String>,
}
