//! Calls to the broker. The outbox keeps what the broker does not accept; the next turn sends it
//! again.

use super::Driver;
use std::sync::Arc;
use weft_broker::BrokerError;
use weft_store::ShardId;

impl Driver<'_> {
    /// Sends revocations, then dispatches and confirmations at once.
    pub(super) async fn send_outbox(&mut self) {
        let broker = Arc::clone(&self.shard.broker);
        let shard = self.shard.id();
        let outbox = &mut self.shard.outbox;
        if !outbox.revocations().is_empty() {
            match broker.revoke(outbox.revocations()).await {
                Ok(()) => outbox.clear_revocations(),
                Err(error) => warn_of_failure(shard, "revoke", &error),
            }
        }
        outbox.drop_outdated_dispatches(&self.shard.runs);
        let dispatches = outbox.take_dispatches();
        if dispatches.is_empty() && outbox.confirmations().is_empty() {
            return;
        }
        let sent = broker.publish_and_confirm(dispatches, outbox.confirmations());
        let (published, confirmed) = sent.await;
        if let Err((refused, error)) = published {
            outbox.put_back_dispatches(refused);
            warn_of_failure(shard, "publish", &error);
        }
        match confirmed {
            Ok(()) => outbox.clear_confirmations(),
            Err(error) => warn_of_failure(shard, "confirm", &error),
        }
    }
}

fn warn_of_failure(shard: ShardId, operation: &'static str, error: &BrokerError) {
    tracing::warn!(%error, shard = shard.0, operation, "broker call failed; retrying next turn");
}
