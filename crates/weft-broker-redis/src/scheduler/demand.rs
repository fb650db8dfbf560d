//! The demand of queues: as the scheduler asks for it, and as notices bring it.

use crate::{operator::memory, reply::Reply};
use ::redis::Value;
use std::time::Duration;
use tokio::time::Instant;
use weft_broker::{BrokerError, Demand};

/// A demand that came with notices is used for so long: workers that leave without a claim are
/// not noticed.
const MAX_AGE: Duration = Duration::from_millis(50);

/// The demand at the time of a notice.
#[derive(Debug)]
pub(super) struct NoticedDemand {
    demand: Vec<Demand>,
    /// How often this shard was published to before.
    publishes: i64,
    received: Instant,
}

impl NoticedDemand {
    /// Reads the field of a notice: the answer of the script `demand`, and the number of
    /// publishes. `None` if a newer version wrote it in another form.
    pub(super) fn read(text: &str) -> Option<Self> {
        let values: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
        let (publishes, values) = values.split_last()?;
        let values = values.iter().map(|value| match value {
            serde_json::Value::String(text) => Some(Value::BulkString(text.clone().into_bytes())),
            other => Some(Value::Int(other.as_i64()?)),
        });
        let values = Value::Array(values.collect::<Option<_>>()?);
        Some(Self {
            demand: read(&mut Reply::list(values).ok()?).ok()?,
            publishes: publishes.as_i64()?,
            received: Instant::now(),
        })
    }

    /// The demand, if it is recent and counts all attempts up to this publish.
    pub(super) fn since(self, last_publish: i64) -> Option<Vec<Demand>> {
        let is_current = self.publishes >= last_publish && self.received.elapsed() < MAX_AGE;
        is_current.then_some(self.demand)
    }
}

/// Reads the answer of the script `demand`.
pub(super) fn read(reply: &mut Reply) -> Result<Vec<Demand>, BrokerError> {
    let mut demand = Vec::new();
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    while !reply.is_empty() {
        demand.push(Demand::new(
            reply.text()?.into(),
            count(reply.number()?),
            count(reply.number()?),
            count(reply.number()?),
            memory(reply.number()?),
        ));
    }
    demand.sort_by(|left, right| left.queue.cmp(&right.queue));
    Ok(demand)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"["gpu",4,1,2,"1073741824","default",0,7,1,"-1",5]"#;

    #[test]
    fn a_noticed_demand_is_what_the_script_answers() {
        let demand = NoticedDemand::read(TEXT).unwrap().since(5).unwrap();
        let expected = [
            Demand::new("default".into(), 0, 7, 1, None),
            Demand::new("gpu".into(), 4, 1, 2, Some(1 << 30)),
        ];
        assert_eq!(demand, expected);
    }

    #[test]
    fn a_demand_from_before_the_last_publish_is_not_used() {
        assert_eq!(NoticedDemand::read(TEXT).unwrap().since(6), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_demand_is_not_used() {
        let demand = NoticedDemand::read(TEXT).unwrap();
        tokio::time::advance(MAX_AGE).await;
        assert_eq!(demand.since(5), None);
    }

    #[test]
    fn another_form_is_ignored() {
        for text in [
            "",
            "{}",
            "[]",
            "[[]]",
            r#"["gpu",4,5]"#,
            r#"["gpu",4,1,2,{},5]"#,
        ] {
            assert!(NoticedDemand::read(text).is_none(), "{text}");
        }
    }
}
