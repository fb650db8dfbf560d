//! Publishing: attempts go to Redis in calls of bounded size, several at once.

use super::{published::Item, session::SchedulerSession};
use crate::{
    broker::{portion, unexpected},
    script::Script,
};
use futures_util::{StreamExt, stream};
use weft_broker::{BrokerError, message::DISPATCH_VERSION};

/// Calls about attempts that are in progress at once: Redis executes the next one while this
/// process and the network still handle the one before.
pub(super) const MAX_CALLS_IN_FLIGHT: usize = 8;

impl SchedulerSession {
    /// Publishes the items and returns, for each, why it was refused. Whether the items of a
    /// failed call were published is unknown; publishing them again is harmless.
    pub(super) async fn publish(&self, items: &[Item]) -> Vec<Option<BrokerError>> {
        let mut calls = Vec::new();
        let mut rest = items;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(portion(rest, |item| item.dispatch.message.len()));
            calls.push(async {
                let reasons = self.publish_portion(now).await;
                reasons.unwrap_or_else(|error| vec![Some(error); now.len()])
            });
            rest = later;
        }
        stream::iter(calls)
            .buffered(MAX_CALLS_IN_FLIGHT)
            .concat()
            .await
    }

    async fn publish_portion(
        &self,
        items: &[Item],
    ) -> Result<Vec<Option<BrokerError>>, BrokerError> {
        let bounds = self.redis.options.bounds;
        // Before the call: a notice of an attempt may arrive before the call returns.
        self.record_queued(
            items
                .iter()
                .map(|item| (item.attempt, item.dispatch.clone())),
        );
        let turns = self.turns_text();
        let mut reply = self
            .call(Script::Publish, |command| {
                command.arg(bounds.queue_length).arg(bounds.queues);
                command.arg(DISPATCH_VERSION).arg(bounds.notices);
                command.arg(&turns);
                for Item { key, dispatch, .. } in items {
                    command
                        .arg(key)
                        .arg(&*dispatch.queue)
                        .arg(dispatch.priority)
                        .arg(dispatch.message.as_bytes())
                        .arg(dispatch.memory_bytes);
                }
            })
            .await?;
        self.record_publish(reply.number()?);
        items
            .iter()
            .map(|_item| {
                let (what, bound) = match reply.number()? {
                    0 => return Ok(None),
                    1 => ("a queue", bounds.queue_length),
                    2 => ("the broker's list of queues", bounds.queues),
                    other => return Err(unexpected(&other.to_string())),
                };
                Ok(Some(BrokerError::Full { what, bound }))
            })
            .collect()
    }
}
