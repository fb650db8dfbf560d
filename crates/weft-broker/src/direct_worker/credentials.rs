//! What a worker asks of the server about the direct way and what it is told: JSON.
//!
//! A field that an old reader may ignore changes nothing; an answer that a worker
//! doesn't know keeps it on the server's way.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a worker asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRequest {
    /// What it is called.
    pub worker: String,
    /// The user that it was made before, to be prolonged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The shards whose keys that user has open, so that it is made anew where there are more
    /// by now; a worker of before doesn't say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<u32>,
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialResponse {
    /// This opens the way. The body of this answer is the only place where it stands.
    #[serde(rename = "open")]
    Issued(RedisCredentials),
    /// What it has stays good.
    #[serde(rename = "prolonged")]
    Renewed,
    /// It goes through the server.
    Refused {
        /// For people.
        why: String,
    },
}

/// Opens the transport for one worker.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisCredentials {
    /// Where the transport is: a URL without user and password.
    pub address: String,
    /// Whom to be there.
    pub user: String,
    /// The user's, a secret.
    pub password: String,
    /// Certificates (PEM) that the transport's must lead to; the system's where none are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<String>,
    /// What all keys begin with.
    pub namespace: String,
    /// The first of them, for workers of before.
    pub shard: u32,
    /// The shards whose keys are open; a server of before names the one above alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<u32>,
    /// The name under which the worker has to work.
    pub worker: String,
}

impl RedisCredentials {
    /// The shards whose keys are open; a server of before names one.
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
    const TOLD: &str = include_str!("corpus/told-1.jsonl");

    #[test]
    fn version_one_stays_as_it_is() {
        for line in ASKED.lines() {
            let asked: CredentialRequest = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&asked).unwrap(), line);
        }
        for line in TOLD.lines() {
            let told: CredentialResponse = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&told).unwrap(), line);
        }
        assert_eq!((ASKED.lines().count(), TOLD.lines().count()), (3, 5));
    }

    #[test]
    fn a_pass_is_shown_without_its_secret() {
        let told: CredentialResponse = serde_json::from_str(TOLD.lines().next().unwrap()).unwrap();
        let shown = format!("{told:?}");
        assert!(
            shown.contains("redis.example") && !shown.contains("hush"),
            "{shown}"
        );
    }
}
