//! How attempts reach their workers: within this process, or by Redis.

use super::{broker_figures::BrokerFigures, failed};
use crate::error::{Code, Problem};
use async_trait::async_trait;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use weft_broker::{
    BrokerError, OperatorBroker, SchedulerBroker, WorkerBroker,
    gate::Gate,
    guest::{GuestBroker, NoGuests},
    in_process::{self, InProcess},
    redis::{self, ConnectError, Redis},
};
use weft_scheduler::{Brokers, OneBroker};
use weft_store::{Database, ShardId, ShardLease};

/// Where a Redis is; its address is never shown, since it may hold a password.
#[derive(Clone)]
pub(crate) struct RedisPlace {
    pub(crate) url: String,
    /// Certificates (PEM) that its own must lead to; the system's where none are given.
    pub(crate) roots: Option<Vec<u8>>,
    /// What all keys begin with.
    pub(crate) namespace: String,
}

/// The only shard that there is so far; its number is part of every key in Redis.
const SHARD: ShardId = ShardId(0);

/// One of the two ways.
#[derive(Clone)]
pub(super) enum Transport {
    InProcess(Arc<InProcess>),
    Redis(Arc<Redis>),
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
            Self::Redis(redis) => Arc::new(RedisBrokers(Arc::clone(redis))),
        }
    }

    /// The end of one worker.
    pub(super) fn worker(&self) -> Arc<dyn WorkerBroker> {
        match self {
            Self::InProcess(broker) => Arc::new(broker.worker()),
            Self::Redis(redis) => Arc::new(redis.worker()),
        }
    }

    /// The operators' end.
    pub(super) fn operator(&self) -> Arc<dyn OperatorBroker> {
        match self {
            Self::InProcess(broker) => Arc::clone(broker) as Arc<dyn OperatorBroker>,
            Self::Redis(redis) => Arc::clone(redis) as Arc<dyn OperatorBroker>,
        }
    }

    /// The way in for workers of other machines, none of which can have one of these names.
    pub(super) fn gate(&self, reserved: Vec<Arc<str>>) -> Gate {
        let transport = self.clone();
        Gate::new(move || transport.worker(), reserved)
    }

    /// Takes in workers of other machines that are trusted with everything.
    pub(super) fn guests(&self) -> Arc<dyn GuestBroker> {
        match self {
            Self::InProcess(_) => Arc::new(NoGuests),
            Self::Redis(redis) => Arc::clone(redis) as Arc<dyn GuestBroker>,
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

/// The Redis that is there, for the installation of this database alone.
pub(super) async fn connect(
    place: &RedisPlace,
    database: &Database,
) -> Result<Arc<Redis>, Problem> {
    let options = redis::Options {
        namespace: place.namespace.clone(),
        shard: 0,
        roots: place.roots.clone(),
        ..redis::Options::default()
    };
    let installation = database
        .installation()
        .await
        .map_err(|error| failed("the database can't be read", &error))?;
    let redis = Redis::connect(&place.url, options)
        .await
        .map_err(|error| unfit(&error))?;
    let taken = redis.belongs_to(&installation).await;
    taken.map_err(|error| unfit(&error))?;
    Ok(redis)
}

/// The brokers of shards, in Redis.
struct RedisBrokers(Arc<Redis>);

#[async_trait]
impl Brokers for RedisBrokers {
    async fn take_over(&self, lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError> {
        if lease.shard != SHARD {
            let shard = lease.shard.0;
            return Err(BrokerError::Unavailable(format!(
                "this version of Weft has no queues for the shard {shard}"
            )));
        }
        // Epochs are counted up from 0.
        let scheduler = self.0.scheduler(lease.epoch.unsigned_abs()).await?;
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
