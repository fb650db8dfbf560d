//! The operators' end: the survey of workers and queues, and drains.

use crate::{
    broker::{Redis, unexpected},
    reply::Reply,
    script::Script,
};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use weft_broker::{BrokerError, OperatorBroker, QueueLoad, RegisteredWorker, Survey, WorkerInfo};

#[async_trait]
impl OperatorBroker for Redis {
    async fn survey(&self) -> Result<Survey, BrokerError> {
        let (word, mut reply) = self.run(Script::Survey, |_none| {}).await?;
        if word != "ok" {
            return Err(unexpected(&word));
        }
        let count = reply.number()?;
        let mut survey = Survey::default();
        for _worker in 0..count {
            survey.workers.push(registered(&mut reply)?);
        }
        while !reply.is_empty() {
            survey.queues.push(QueueLoad {
                name: reply.text()?.into(),
                queued: u64::try_from(reply.number()?).unwrap_or(0),
                free_slots: natural(&mut reply)?,
                workers: natural(&mut reply)?,
            });
        }
        survey
            .workers
            .sort_by(|one, other| one.info.id.cmp(&other.info.id));
        survey
            .queues
            .sort_by(|one, other| one.name.cmp(&other.name));
        Ok(survey)
    }

    async fn drain(&self, worker: &str) -> Result<bool, BrokerError> {
        let (word, mut reply) = self
            .run(Script::Drain, |command| {
                command.arg(worker);
            })
            .await?;
        if word != "ok" {
            return Err(unexpected(&word));
        }
        Ok(reply.number()? == 1)
    }
}

fn registered(reply: &mut Reply) -> Result<RegisteredWorker, BrokerError> {
    Ok(RegisteredWorker {
        info: WorkerInfo {
            id: reply.text()?.into(),
            queues: json(reply)?,
            slots: natural(reply)?,
            prefetch: natural(reply)?,
            memory_bytes: memory(reply.number()?),
            labels: json(reply)?,
        },
        held: natural(reply)?,
        is_paused: reply.number()? == 1,
    })
}

/// A size in bytes; negative where it is unknown.
pub(super) fn memory(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

fn natural(reply: &mut Reply) -> Result<u32, BrokerError> {
    Ok(u32::try_from(reply.number()?).unwrap_or_default())
}

/// A JSON list, as the worker's handle wrote it.
fn json<T: DeserializeOwned>(reply: &mut Reply) -> Result<Vec<T>, BrokerError> {
    let text = reply.bytes()?;
    serde_json::from_slice(&text).map_err(|error| unexpected(&error.to_string()))
}
