//! The brokers of the shards that a scheduler owns.

use async_trait::async_trait;
use std::sync::Arc;
use weft_broker::{BrokerError, SchedulerBroker};
use weft_store::ShardLease;

/// The brokers of an installation: one for each shard, or one for all.
#[async_trait]
pub trait Brokers: Send + Sync {
    /// The scheduler's end of a shard's broker, for the holder of this lease. The broker refuses
    /// every earlier holder from now on.
    ///
    /// # Errors
    /// [`BrokerError::Closed`] where the shard was taken over under a later epoch;
    /// [`BrokerError::Unavailable`].
    async fn take_over(&self, lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError>;
}

/// One broker for all shards, of which this process has the only scheduler.
#[derive(Clone)]
pub struct OneBroker<B>(pub Arc<B>);

#[async_trait]
impl<B: SchedulerBroker + 'static> Brokers for OneBroker<B> {
    async fn take_over(&self, _lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError> {
        Ok(Arc::clone(&self.0) as Arc<dyn SchedulerBroker>)
    }
}
