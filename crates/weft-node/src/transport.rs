//! The broker of a process: in process, or Redis.

use crate::{broker_metrics::BrokerMetrics, service::unavailable};
use async_trait::async_trait;
use prometheus_client::registry::Registry;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::sleep;
use weft_api::problem::{Code, Problem};
use weft_broker::{
    BrokerError, ClaimKeys, OperatorBroker, SchedulerBroker, WorkerBroker,
    direct_worker::{DirectWorkerBroker, NoDirectWorkers},
    in_process::{self, InProcess},
};
use weft_broker_redis::{ConnectError, Redis, Shards};
use weft_gateway::WorkerSessions;
use weft_scheduler::{Brokers, OneBroker};
use weft_server::WorkerNamesTable;
use weft_store::{ShardLease, StoreError};
use weft_store_sql::{Database, secret::Keyring};

/// Where Redis is. The address is never shown, since it may hold a password.
#[derive(Clone)]
pub struct RedisLocation {
    /// URL of the Redis server.
    pub url: String,
    /// Root certificates (PEM); the system's where none are given.
    pub roots: Option<Vec<u8>>,
    /// The prefix of all keys.
    pub namespace: String,
}

/// How often new shards are looked for.
const SHARDS_INTERVAL: Duration = Duration::from_secs(5);

/// One of the two brokers.
#[derive(Clone)]
pub(super) enum Transport {
    InProcess(Arc<InProcess>),
    Redis(Arc<Shards>),
}

impl Transport {
    pub(super) async fn open(
        location: Option<&RedisLocation>,
        database: &Database,
    ) -> Result<Self, Problem> {
        Ok(match location {
            Some(location) => Self::Redis(connect(location, database).await?),
            None => Self::InProcess(InProcess::new(in_process::Options::default())),
        })
    }

    /// The scheduler's side, by shard.
    pub(super) fn brokers(&self) -> Arc<dyn Brokers> {
        match self {
            Self::InProcess(broker) => Arc::new(OneBroker::new(Arc::new(broker.scheduler()))),
            Self::Redis(shards) => Arc::new(RedisBrokers(Arc::clone(shards))),
        }
    }

    /// The side of one worker.
    pub(super) fn worker(&self) -> Arc<dyn WorkerBroker> {
        match self {
            Self::InProcess(broker) => Arc::new(broker.worker()),
            Self::Redis(shards) => Arc::new(shards.worker()),
        }
    }

    /// The operators' side.
    pub(super) fn operator(&self) -> Arc<dyn OperatorBroker> {
        match self {
            Self::InProcess(broker) => Arc::clone(broker) as Arc<dyn OperatorBroker>,
            Self::Redis(shards) => Arc::clone(shards) as Arc<dyn OperatorBroker>,
        }
    }

    /// The sessions of workers that come through the gateway, none of which may have a reserved name.
    pub(super) fn worker_sessions(
        &self,
        keyring: &Keyring,
        database: &Database,
        reserved: Vec<Arc<str>>,
    ) -> WorkerSessions {
        let transport = self.clone();
        let mut keys = keyring.claim_keys();
        let current = keys.next().expect("a keyring has a key");
        WorkerSessions::new(
            move || transport.worker(),
            ClaimKeys::new(current, keys),
            Arc::new(WorkerNamesTable::new(database.clone())),
            reserved,
        )
    }

    /// Issues credentials to direct workers.
    pub(super) fn direct_workers(&self) -> Arc<dyn DirectWorkerBroker> {
        match self {
            Self::InProcess(_) => Arc::new(NoDirectWorkers),
            Self::Redis(shards) => Arc::clone(shards) as Arc<dyn DirectWorkerBroker>,
        }
    }

    /// Registers metrics; Redis has an exporter of its own.
    pub(super) fn register(&self, registry: &mut Registry) {
        match self {
            Self::InProcess(broker) => {
                registry.register_collector(Box::new(BrokerMetrics(Arc::clone(broker))));
            }
            Self::Redis(_) => {}
        }
    }

    /// Stops the broker.
    pub(super) fn close(&self) {
        match self {
            Self::InProcess(broker) => broker.close(),
            // Its content is for the next process.
            Self::Redis(_) => {}
        }
    }
}

/// Connects to the Redis of the database's installation, with all its shards.
pub(super) async fn connect(
    location: &RedisLocation,
    database: &Database,
) -> Result<Arc<Shards>, Problem> {
    let options = weft_broker_redis::Options {
        namespace: location.namespace.clone(),
        shard: 0,
        roots: location.roots.clone(),
        ..weft_broker_redis::Options::default()
    };
    let unread = |error| unavailable("the database can't be read", &error);
    let installation = database.installation().await.map_err(unread)?;
    let redis = Redis::connect(&location.url, options)
        .await
        .map_err(|error| unfit(&error))?;
    let taken = redis.claim_namespace(&installation).await;
    taken.map_err(|error| unfit(&error))?;
    let shards = Shards::new(redis);
    shards.serve(&numbers(database).await.map_err(unread)?);
    tokio::spawn(follow(Arc::downgrade(&shards), database.clone()));
    Ok(shards)
}

/// Serves shards that are created while the process runs. Other processes read them from the
/// database at once, so work of a new shard waits at most one interval.
async fn follow(shards: Weak<Shards>, database: Database) {
    loop {
        sleep(SHARDS_INTERVAL).await;
        let Some(shards) = shards.upgrade() else {
            return;
        };
        match numbers(&database).await {
            Ok(numbers) => shards.serve(&numbers),
            Err(error) => {
                tracing::debug!(%error, operation = "list shards", "database call failed; new shards are served later");
            }
        }
    }
}

async fn numbers(database: &Database) -> Result<Vec<u32>, StoreError> {
    let shards = database.shards().await?;
    Ok(shards.iter().map(|shard| shard.0.cast_unsigned()).collect())
}

/// The brokers of shards, in Redis.
struct RedisBrokers(Arc<Shards>);

#[async_trait]
impl Brokers for RedisBrokers {
    async fn take_over(&self, lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError> {
        let shard = lease.shard.0.cast_unsigned();
        // Epochs are counted up from 0.
        let scheduler = self.0.scheduler(shard, lease.epoch.unsigned_abs()).await?;
        Ok(Arc::new(scheduler))
    }
}

fn unfit(error: &ConnectError) -> Problem {
    let problem = |code| Problem::new(code, error.to_string());
    match error {
        ConnectError::Address(_) => problem(Code::InvalidUrl),
        ConnectError::Unavailable { .. } => problem(Code::DataUnavailable)
            .help("start it, or see whether the address, the user and the password are right"),
        ConnectError::Foreign { .. } => problem(Code::DataUnavailable)
            .help("each installation that shares a Redis has a --redis-namespace of its own"),
        ConnectError::TooOld { .. } | ConnectError::Newer { .. } => problem(Code::DataUnavailable),
    }
}
