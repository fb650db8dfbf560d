//! Publishing: attempts go to Redis in calls of bounded size, several at once.

use super::{published::Item, session::SchedulerSession};
use crate::{
    broker::{MAX_ITEMS_PER_CALL, portion, unexpected},
    script::Script,
};
use futures_util::{StreamExt, TryStreamExt, future::ready, stream};
use weft_broker::{
    AttemptKey, BrokerError,
    message::{DISPATCH_VERSION, write_key},
};

/// Calls about attempts that are in progress at once: Redis executes the next one while this
/// process and the network still handle the one before.
const MAX_CALLS_IN_FLIGHT: usize = 8;

impl SchedulerSession {
    /// Publishes the items and returns, for each, why it was refused. Whether the items of a
    /// failed call were published is unknown; publishing them again is harmless.
    pub(super) async fn publish(&self, items: &[Item]) -> Vec<Option<BrokerError>> {
        self.publish_with(items, &[]).await.0
    }

    /// As [`Self::publish`]; the first call confirms these reports as well, at most
    /// [`MAX_ITEMS_PER_CALL`], and only if there are items. Returns its result beside the reasons.
    pub(super) async fn publish_with(
        &self,
        items: &[Item],
        confirmed: &[AttemptKey],
    ) -> (Vec<Option<BrokerError>>, Result<(), BrokerError>) {
        let mut calls = Vec::new();
        let mut rest = items;
        let mut with = confirmed;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(portion(rest, |item| item.dispatch.message.len()));
            let keys = std::mem::take(&mut with);
            calls.push(async move {
                let published = self.publish_portion(now, keys).await;
                let confirmed = match &published {
                    Err(error) if !keys.is_empty() => Err(error.clone()),
                    _ => Ok(()),
                };
                let reasons = published.unwrap_or_else(|error| vec![Some(error); now.len()]);
                (reasons, confirmed)
            });
            rest = later;
        }
        stream::iter(calls)
            .buffered(MAX_CALLS_IN_FLIGHT)
            .fold((Vec::new(), Ok(())), |(mut all, first), (reasons, next)| {
                all.extend(reasons);
                ready((all, first.and(next)))
            })
            .await
    }

    /// Confirms reports, in calls of their own.
    pub(super) async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        let calls: Vec<_> = attempts
            .chunks(MAX_ITEMS_PER_CALL)
            .map(|keys| self.call_with_keys(Script::Confirm, keys))
            .collect();
        stream::iter(calls)
            .buffered(MAX_CALLS_IN_FLIGHT)
            .try_for_each(|_reply| ready(Ok(())))
            .await
    }

    async fn publish_portion(
        &self,
        items: &[Item],
        confirmed: &[AttemptKey],
    ) -> Result<Vec<Option<BrokerError>>, BrokerError> {
        let bounds = self.redis.options.bounds;
        // Before the call: a notice of an attempt may arrive before the call returns.
        self.record_queued(
            items
                .iter()
                .map(|item| (item.attempt, item.dispatch.clone())),
        );
        let turns = self.turns_text();
        let confirmed: Vec<String> = confirmed.iter().map(write_key).collect();
        let mut reply = self
            .call(Script::Publish, |command| {
                command.arg(bounds.queue_length).arg(bounds.queues);
                command.arg(DISPATCH_VERSION).arg(bounds.notices);
                command.arg(&turns).arg(confirmed.len());
                for key in &confirmed {
                    command.arg(key);
                }
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
