//! How attempts reach their workers: within this process, or by Redis.

use super::{broker_figures::BrokerFigures, failed};
use async_trait::async_trait;
use prometheus_client::registry::Registry;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::sleep;
use weft_api::problem::{Code, Problem};
use weft_broker::{
    BrokerError, OperatorBroker, SchedulerBroker, WorkerBroker,
    direct_worker::{DirectWorkerBroker, NoDirectWorkers},
    in_process::{self, InProcess},
};
use weft_broker_redis::{ConnectError, Redis, Shards};
use weft_gateway::WorkerSessions;
use weft_scheduler::{Brokers, OneBroker};
use weft_store::{ShardLease, StoreError};
use weft_store_sql::Database;

/// Where a Redis is; its address is never shown, since it may hold a password.
#[derive(Clone)]
pub(crate) struct RedisPlace {
    pub(crate) url: String,
    /// Certificates (PEM) that its own must lead to; the system's where none are given.
    pub(crate) roots: Option<Vec<u8>>,
    /// What all keys begin with.
    pub(crate) namespace: String,
}

/// How often it is looked whether there are more shards.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// One of the two ways.
#[derive(Clone)]
pub(super) enum Transport {
    InProcess(Arc<InProcess>),
    Redis(Arc<Shards>),
}

impl Transport {
    pub(super) async fn open(
        place: Option<&RedisPlace>,
        database: &Database,
    ) -> Result<Self, Problem> {
        Ok(match place {
            Some(place) => Self::Redis(connect(place, database).await?),
            None => Self::InProcess(InProcess::new(in_process::Options::default())),
        })
    }

    /// The scheduler's ends.
    pub(super) fn brokers(&self) -> Arc<dyn Brokers> {
        match self {
            Self::InProcess(broker) => Arc::new(OneBroker(Arc::new(broker.scheduler()))),
            Self::Redis(shards) => Arc::new(RedisBrokers(Arc::clone(shards))),
        }
    }

    /// The end of one worker.
    pub(super) fn worker(&self) -> Arc<dyn WorkerBroker> {
        match self {
            Self::InProcess(broker) => Arc::new(broker.worker()),
            Self::Redis(shards) => Arc::new(shards.worker()),
        }
    }

    /// The operators' end.
    pub(super) fn operator(&self) -> Arc<dyn OperatorBroker> {
        match self {
            Self::InProcess(broker) => Arc::clone(broker) as Arc<dyn OperatorBroker>,
            Self::Redis(shards) => Arc::clone(shards) as Arc<dyn OperatorBroker>,
        }
    }

    /// The way in for workers of other machines, none of which can have one of these names.
    pub(super) fn gate(&self, reserved: Vec<Arc<str>>) -> WorkerSessions {
        let transport = self.clone();
        WorkerSessions::new(move || transport.worker(), reserved)
    }

    /// Takes in workers of other machines that are trusted with everything.
    pub(super) fn guests(&self) -> Arc<dyn DirectWorkerBroker> {
        match self {
            Self::InProcess(_) => Arc::new(NoDirectWorkers),
            Self::Redis(shards) => Arc::clone(shards) as Arc<dyn DirectWorkerBroker>,
        }
    }

    /// Shows what it holds; of a Redis that is for its own exporter to do.
    pub(super) fn register(&self, registry: &mut Registry) {
        match self {
            Self::InProcess(broker) => {
                registry.register_collector(Box::new(BrokerFigures(Arc::clone(broker))));
            }
            Self::Redis(_) => {}
        }
    }

    /// Nothing goes this way any more.
    pub(super) fn close(&self) {
        match self {
            Self::InProcess(broker) => broker.close(),
            // What is in there is for the next process.
            Self::Redis(_) => {}
        }
    }
}

/// The Redis that is there, for the installation of this database alone, with all its shards.
pub(super) async fn connect(
    place: &RedisPlace,
    database: &Database,
) -> Result<Arc<Shards>, Problem> {
    let options = weft_broker_redis::Options {
        namespace: place.namespace.clone(),
        shard: 0,
        roots: place.roots.clone(),
        ..weft_broker_redis::Options::default()
    };
    let unread = |error| failed("the database can't be read", &error);
    let installation = database.installation().await.map_err(unread)?;
    let redis = Redis::connect(&place.url, options)
        .await
        .map_err(|error| unfit(&error))?;
    let taken = redis.claim_namespace(&installation).await;
    taken.map_err(|error| unfit(&error))?;
    let shards = Shards::new(redis);
    shards.serve(&numbers(database).await.map_err(unread)?);
    tokio::spawn(follow(Arc::downgrade(&shards), database.clone()));
    Ok(shards)
}

/// Serves shards that are made while the process works; those who look at the database see them
/// at once, so nothing of a new one waits for longer than this.
async fn follow(shards: Weak<Shards>, database: Database) {
    loop {
        sleep(LOOK_EVERY).await;
        let Some(shards) = shards.upgrade() else {
            return;
        };
        match numbers(&database).await {
            Ok(numbers) => shards.serve(&numbers),
            Err(error) => tracing::debug!(%error, "whether there are more shards is not known"),
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
