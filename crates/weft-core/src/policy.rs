//! What an operator allows: a request within the policy is granted.

/// What a task was granted: its request within the policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Granted {
    /// Hosts for outgoing HTTP.
    pub http: Vec<String>,
    /// Names of variables.
    pub variables: Vec<String>,
    /// Names of connections.
    pub connections: Vec<String>,
}
