//! The wire format of credential requests and responses: JSON.
//!
//! New optional fields need no new version; a worker that does not know a response stays with
//! the gateway.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A worker's request for credentials, or for their renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRequest {
    /// Name of the worker.
    pub worker: String,
    /// The user name of the credentials to renew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The shards of those credentials, so that the server issues new ones when there are more;
    /// older workers omit it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<u32>,
}

/// The server's response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialResponse {
    /// New credentials. No log or store has them.
    #[serde(rename = "open")]
    Issued(RedisCredentials),
    /// The credentials were renewed.
    #[serde(rename = "prolonged")]
    Renewed,
    /// The worker uses the gateway.
    Refused {
        /// For people.
        why: String,
    },
}

/// Access to Redis for one worker.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisCredentials {
    /// The URL of Redis, without user and password.
    pub address: String,
    /// The user name.
    pub user: String,
    /// The password, a secret.
    pub password: String,
    /// Trusted root certificates (PEM); the system's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<String>,
    /// The first part of all keys.
    pub namespace: String,
    /// The first shard, for older workers.
    pub shard: u32,
    /// The shards; older servers name only the one above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<u32>,
    /// The worker's name in the installation.
    pub worker: String,
}

impl RedisCredentials {
    /// All shards; older servers name one.
    pub fn all_shards(&self) -> Vec<u32> {
        if self.shards.is_empty() {
            vec![self.shard]
        } else {
            self.shards.clone()
        }
    }
}

impl fmt::Debug for RedisCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCredentials")
            .field("address", &self.address)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = include_str!("corpus/asked-1.jsonl");
    const RESPONSES: &str = include_str!("corpus/told-1.jsonl");

    #[test]
    fn version_one_keeps_its_format() {
        for line in ASKED.lines() {
            let asked: CredentialRequest = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&asked).unwrap(), line);
        }
        for line in RESPONSES.lines() {
            let response: CredentialResponse = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&response).unwrap(), line);
        }
        assert_eq!((ASKED.lines().count(), RESPONSES.lines().count()), (3, 5));
    }

    #[test]
    fn debug_output_omits_the_password() {
        let response: CredentialResponse =
            serde_json::from_str(RESPONSES.lines().next().unwrap()).unwrap();
        let shown = format!("{response:?}");
        assert!(
            shown.contains("redis.example") && !shown.contains("hush"),
            "{shown}"
        );
    }
}
