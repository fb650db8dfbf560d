//! Where Redis is: a URL, read and shown again without its secrets.
//!
//! | URL | what it means |
//! |---|---|
//! | `redis://user:password@host:6379/0` | one server |
//! | `redis-cluster://host:6379,host:6380` | a Cluster, some of whose nodes are named |
//! | `redis-sentinel://host:26379,host:26379/mymaster/0` | the server that these Sentinels call `mymaster`, and its database |
//!
//! `rediss`, `rediss-cluster` and `rediss-sentinel` are the same over TLS. User
//! and password are those of the servers; Sentinels are asked without any.

use crate::connect_error::ConnectError;
use ::redis::{ConnectionInfo, IntoConnectionInfo as _};

/// The port of a Sentinel that names none.
const SENTINEL_PORT: u16 = 26_379;

/// A URL that was read.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) kind: Kind,
    pub(super) is_secure: bool,
    /// At least one; each with user, password and database.
    pub(super) nodes: Vec<ConnectionInfo>,
    shown: String,
}

/// What answers there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Cluster,
    Sentinel { service: String },
}

impl std::fmt::Display for Address {
    /// Without user and password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

fn refuse(why: impl Into<String>) -> ConnectError {
    ConnectError::Address(why.into())
}

impl Address {
    /// Reads a URL. No error holds a part of it that may be secret.
    pub(super) fn read(url: &str) -> Result<Self, ConnectError> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| refuse("it has no scheme, such as redis://"))?;
        let (is_secure, sort) = match scheme {
            "redis" => (false, "single"),
            "rediss" => (true, "single"),
            "redis-cluster" => (false, "cluster"),
            "rediss-cluster" => (true, "cluster"),
            "redis-sentinel" => (false, "sentinel"),
            "rediss-sentinel" => (true, "sentinel"),
            _other => {
                return Err(refuse(
                    "its scheme is none of redis, redis-cluster, redis-sentinel, and rediss, rediss-cluster, rediss-sentinel with TLS",
                ));
            }
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user), hosts),
            None => (None, authority),
        };
        let path = path.trim_end_matches('/');
        let (kind, database) = match sort {
            "single" => (Kind::Single, path),
            "cluster" if path.is_empty() || path == "0" => (Kind::Cluster, ""),
            "cluster" => return Err(refuse("a Cluster has no databases but 0")),
            _sentinel => {
                let (service, database) = path.split_once('/').unwrap_or((path, ""));
                if service.is_empty() {
                    return Err(refuse(
                        "it names no service: redis-sentinel://<hosts>/<service>",
                    ));
                }
                let service = service.to_owned();
                (Kind::Sentinel { service }, database)
            }
        };
        if kind == Kind::Single && hosts.contains(',') {
            return Err(refuse(
                "it names several hosts: use redis-cluster:// or redis-sentinel://",
            ));
        }
        let mut nodes = Vec::new();
        for host in hosts.split(',') {
            nodes.push(node(is_secure, &kind, user, host, database)?);
        }
        let shown = match path {
            "" => format!("{scheme}://{hosts}"),
            path => format!("{scheme}://{hosts}/{path}"),
        };
        Ok(Self {
            kind,
            is_secure,
            nodes,
            shown,
        })
    }
}

impl Address {
    /// The same, as another user.
    pub(super) fn signed_in(mut self, user: &str, password: &str) -> Self {
        for node in &mut self.nodes {
            let settings = node.redis_settings().clone();
            let settings = settings.set_username(user).set_password(password);
            *node = node.clone().set_redis_settings(settings);
        }
        self
    }

    /// The number of the database.
    pub(super) fn database(&self) -> i64 {
        let node = self.nodes.first();
        node.map_or(0, |node| node.redis_settings().db())
    }
}

/// One host, read by the client's own parser of plain URLs.
fn node(
    is_secure: bool,
    kind: &Kind,
    user: Option<&str>,
    host: &str,
    database: &str,
) -> Result<ConnectionInfo, ConnectError> {
    let scheme = if is_secure { "rediss" } else { "redis" };
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = match kind {
        Kind::Sentinel { .. } if !has_port => format!(":{SENTINEL_PORT}"),
        Kind::Single | Kind::Cluster | Kind::Sentinel { .. } => String::new(),
    };
    if host.is_empty() {
        return Err(refuse("it names no host"));
    }
    format!("{scheme}://{user}{host}{port}/{database}")
        .into_connection_info()
        .map_err(|_may_quote_the_url| refuse(format!("{host:?} with this path can't be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_every_kind_are_read_and_shown_without_secrets() {
        for (url, kind, nodes, shown) in [
            ("redis://localhost", Kind::Single, 1, "redis://localhost"),
            (
                "rediss://user:secret@redis.example:7000/3",
                Kind::Single,
                1,
                "rediss://redis.example:7000/3",
            ),
            (
                "redis-cluster://:p%40ss@a:1,b:2,[::1]:3",
                Kind::Cluster,
                3,
                "redis-cluster://a:1,b:2,[::1]:3",
            ),
            (
                "rediss-sentinel://:secret@a,b:2/mymaster/4",
                Kind::Sentinel {
                    service: "mymaster".to_owned(),
                },
                2,
                "rediss-sentinel://a,b:2/mymaster/4",
            ),
        ] {
            let address = Address::read(url).expect(url);
            assert_eq!(
                (address.kind.clone(), address.nodes.len()),
                (kind, nodes),
                "{url}"
            );
            assert_eq!(
                (address.to_string(), format!("{address:?}")),
                (shown.into(), shown.into())
            );
        }
        let sentinel = Address::read("redis-sentinel://a/m/4").expect("readable");
        assert_eq!(sentinel.nodes[0].addr().to_string(), "a:26379");
        assert_eq!(sentinel.nodes[0].redis_settings().db(), 4);
        let password = Address::read("redis://:p%40ss@a").expect("readable");
        assert_eq!(password.nodes[0].redis_settings().password(), Some("p@ss"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_secrets() {
        for url in [
            "localhost",
            "http://user:secret@host",
            "redis://user:secret@",
            "redis://user:secret@a,b",
            "redis://user:secret@host:99999999",
            "redis://user:secret@host/x",
            "redis-cluster://user:secret@a/1",
            "redis-sentinel://user:secret@a",
        ] {
            let error = Address::read(url).expect_err(url).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
