//! How connections are made to a single server, a Cluster, or through Sentinels.

use crate::{
    address::{Address, Kind},
    connect_error::ConnectError,
};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, Pipeline, RedisResult, TlsCertificates,
    TlsMode, Value,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    io::tcp::TcpSettings,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use std::time::Duration;
use tokio::sync::{Mutex, Notify};

/// Retries of one call in the Cluster client, for slots that move between nodes, and the pauses
/// between them in milliseconds: together less than a second, within the time of a call.
const CLUSTER_RETRIES: u32 = 6;
const MIN_CLUSTER_RETRY_MS: u64 = 50;
const MAX_CLUSTER_RETRY_MS: u64 = 300;

/// Makes connections to one address.
pub(super) struct Endpoint {
    pub(super) address: Address,
    /// Notified when a connection attempt failed.
    pub(super) failed: Notify,
    client: Clients,
}

enum Clients {
    Single(Client),
    Cluster {
        calls: Box<ClusterClient>,
        blocking: Box<ClusterClient>,
    },
    Sentinel(Mutex<SentinelClient>),
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Calls that are answered at once; all of them share it.
    Calls,
    /// One call at a time, which may wait in the server.
    Blocking,
}

/// A connection; clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Endpoint {
    pub(super) fn new(
        address: Address,
        roots: Option<&[u8]>,
        call_timeout: Duration,
        max_wait: Duration,
    ) -> Result<Self, ConnectError> {
        let certificates = TlsCertificates {
            client_tls: None,
            root_cert: roots.map(<[u8]>::to_vec),
        };
        let client = make(&address, certificates, call_timeout, max_wait)
            .map_err(|error| ConnectError::Address(error.to_string()))?;
        Ok(Self {
            address,
            failed: Notify::new(),
            client,
        })
    }

    /// A new connection, made within the timeout.
    pub(super) async fn connect(
        &self,
        purpose: Purpose,
        timeout: Duration,
    ) -> RedisResult<Connection> {
        // The link limits the time of each call, since a blocking one takes longer.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(None);
        Ok(match &self.client {
            Clients::Single(client) => Connection::Single(
                client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await?,
            ),
            Clients::Cluster { calls, blocking } => Connection::Cluster(match purpose {
                Purpose::Calls => calls.get_async_connection().await?,
                Purpose::Blocking => blocking.get_async_connection().await?,
            }),
            Clients::Sentinel(client) => Connection::Single(
                client
                    .lock()
                    .await
                    .get_async_connection_with_config(&config)
                    .await?,
            ),
        })
    }
}

fn make(
    address: &Address,
    certificates: TlsCertificates,
    call_timeout: Duration,
    max_wait: Duration,
) -> RedisResult<Clients> {
    let tcp = TcpSettings::default().set_nodelay(true);
    let nodes: Vec<_> = address
        .nodes
        .iter()
        .map(|node| node.clone().set_tcp_settings(tcp.clone()))
        .collect();
    let settings = nodes[0].redis_settings().clone();
    Ok(match &address.kind {
        Kind::Single if address.is_secure => {
            let client = Client::build_with_tls(nodes[0].clone(), certificates)?;
            let info = client.get_connection_info().clone();
            Clients::Single(Client::open(info.set_tcp_settings(tcp))?)
        }
        Kind::Single => Clients::Single(Client::open(nodes[0].clone())?),
        Kind::Cluster => {
            let make = |response_timeout| {
                let mut builder = ClusterClient::builder(nodes.clone())
                    .tcp_settings(tcp.clone())
                    .retries(CLUSTER_RETRIES)
                    .min_retry_wait(MIN_CLUSTER_RETRY_MS)
                    .max_retry_wait(MAX_CLUSTER_RETRY_MS)
                    .connection_timeout(call_timeout)
                    .response_timeout(response_timeout);
                if address.is_secure {
                    builder = builder.tls(TlsMode::Secure).certs(certificates.clone());
                }
                builder.build()
            };
            Clients::Cluster {
                calls: Box::new(make(call_timeout)?),
                blocking: Box::new(make(call_timeout + max_wait)?),
            }
        }
        Kind::Sentinel { service } => {
            let sentinels: Vec<ConnectionAddr> =
                nodes.iter().map(|node| node.addr().clone()).collect();
            let mut builder =
                SentinelClientBuilder::new(sentinels, service.clone(), SentinelServerType::Master)?
                    .set_client_to_redis_db(settings.db())
                    .set_client_to_redis_tcp_settings(tcp.clone())
                    .set_client_to_sentinel_tcp_settings(tcp);
            if let Some(user) = settings.username() {
                builder = builder.set_client_to_redis_username(user);
            }
            if let Some(password) = settings.password() {
                builder = builder.set_client_to_redis_password(password);
            }
            if address.is_secure {
                builder = builder
                    .set_client_to_redis_tls_mode(TlsMode::Secure)
                    .set_client_to_sentinel_tls_mode(TlsMode::Secure)
                    .set_client_to_redis_certificates(certificates.clone())
                    .set_client_to_sentinel_certificates(certificates);
            }
            Clients::Sentinel(Mutex::new(builder.build()?))
        }
    })
}

impl Connection {
    pub(super) async fn call(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// Several commands at once, each with its own answer.
    pub(super) async fn call_all(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        match self {
            Self::Single(connection) => commands.query_async(connection).await,
            Self::Cluster(connection) => commands.query_async(connection).await,
        }
    }
}
