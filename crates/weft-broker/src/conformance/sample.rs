//! Workers, attempts and reports to try a broker with.

use super::{Fixture, soon};
use crate::{
    AttemptKey, Claim, ClaimKeys, Dispatch, HeldClaim, Notice, Output, Report, ReportedOutcome,
    SchedulerBroker, Usage, WorkerBroker, WorkerInfo,
};
use std::sync::Arc;
use weft_core::{
    contract::{AttemptDocument, DataInterval},
    digest::Digest,
    document::{Code, TaskIndex},
    id::TenantId,
    limit::Limits,
    policy::Granted,
    run::{Attempt, Instance},
    run_id::RunId,
    time::Timestamp,
};

/// The queue that samples stand in where none is named.
pub(super) const QUEUE: &str = "default";

/// The attempt of this number; different numbers are different attempts.
pub fn key(number: u32) -> AttemptKey {
    AttemptKey {
        shard: 0,
        run: RunId::from_i64(i64::from(number / 4)).expect("not negative"),
        attempt: Attempt {
            instance: Instance {
                task: TaskIndex(0),
                index: number % 4,
            },
            number: 1,
            nonce: u64::from(number) << 32,
        },
    }
}

/// That attempt, to be published.
pub fn dispatch(number: u32, queue: &str, priority: i32) -> Dispatch {
    let at = Timestamp(0);
    Dispatch {
        key: key(number),
        tenant: TenantId::default(),
        queue: queue.into(),
        priority,
        digest: Digest([7; 32]),
        code: Arc::new(Code::Own {
            task: "task".into(),
        }),
        inputs: Vec::new(),
        document: Arc::new(AttemptDocument {
            tenant: TenantId::DEFAULT.to_owned(),
            dag: "dag".parse().expect("an id"),
            run: key(number).run.to_string(),
            task: "task".parse().expect("an id"),
            map_index: None,
            number: 1,
            logical_date: at,
            data_interval: DataInterval { start: at, end: at },
            params: serde_json::Map::new(),
            deadline: None,
            idempotency_key: "key".to_owned(),
            woken: None,
        }),
        resumed: None,
        granted: Arc::new(Granted::default()),
        limits: Limits::DEFAULT,
        deterministic: false,
        trace: None,
        watched: false,
        ahead: Vec::new(),
    }
}

/// A success of that attempt.
pub fn report(number: u32, worker: &str) -> Report {
    Report {
        key: key(number),
        outcome: ReportedOutcome::Success {
            output: Output::Inline(number.to_string().into()),
        },
        usage: Usage::default(),
        log: None,
        artifacts: Vec::new(),
        updates: Vec::new(),
        worker: worker.into(),
        secret: Some(claim_keys().secret(&key(number))),
        ahead: Vec::new(),
    }
}

/// The keys of samples: an implementation that verifies claims has these.
pub fn claim_keys() -> ClaimKeys {
    ClaimKeys::new([7; 32], [])
}

/// The claim of an attempt, with its proof.
pub fn held(key: AttemptKey) -> HeldClaim {
    HeldClaim {
        key,
        secret: Some(claim_keys().secret(&key)),
    }
}

/// Those of several attempts.
pub fn held_all(keys: &[AttemptKey]) -> Vec<HeldClaim> {
    keys.iter().copied().map(held).collect()
}

/// A registered worker.
pub struct Sample {
    /// Its end.
    pub broker: Arc<dyn WorkerBroker>,
    /// What it registered as.
    pub info: WorkerInfo,
}

impl Sample {
    /// One of the default queue.
    pub async fn new(fixture: &dyn Fixture, id: &str, slots: u32) -> Self {
        Self::of_queues(fixture, id, slots, &[QUEUE]).await
    }

    /// One of these queues.
    pub async fn of_queues(fixture: &dyn Fixture, id: &str, slots: u32, queues: &[&str]) -> Self {
        let sample = Self {
            broker: fixture.worker().await,
            info: WorkerInfo {
                id: id.into(),
                queues: queues.iter().map(|queue| Arc::from(*queue)).collect(),
                slots,
                prefetch: 0,
                memory_bytes: None,
                labels: Vec::new(),
            },
        };
        sample.register(&[]).await;
        sample
    }

    /// Registers, holding these.
    pub async fn register(&self, holding: &[AttemptKey]) {
        let holding = held_all(holding);
        let call = self.broker.register(&self.info, &holding);
        soon("register", call).await.expect("the broker answers");
    }

    /// Claims, which must return.
    pub async fn claim(&self, max: u32) -> Vec<AttemptKey> {
        let claims: Vec<Claim> = soon("claim", self.broker.claim(max))
            .await
            .expect("the broker answers");
        claims.iter().map(|claim| claim.dispatch.key).collect()
    }

    /// Reports the success of these.
    pub async fn report(&self, numbers: &[u32]) {
        let reports = numbers
            .iter()
            .map(|number| report(*number, &self.info.id))
            .collect();
        soon("report", self.broker.report(reports))
            .await
            .expect("the broker takes it");
    }

    /// Renews, and returns what is lost.
    pub async fn renew(&self, attempts: &[AttemptKey]) -> Vec<AttemptKey> {
        soon("renew", self.broker.renew(&held_all(attempts)))
            .await
            .expect("the broker answers")
    }
}

/// Publishes to the default queue.
pub(super) async fn publish(scheduler: &dyn SchedulerBroker, numbers: &[u32]) {
    let dispatches = numbers
        .iter()
        .map(|number| dispatch(*number, QUEUE, 0))
        .collect();
    soon("publish", scheduler.publish(dispatches))
        .await
        .expect("there is room");
}

/// The next notices but those of demand, at least `count`.
pub(super) async fn notices(scheduler: &dyn SchedulerBroker, count: usize) -> Vec<Notice> {
    let mut notices = Vec::new();
    while notices.len() < count {
        let received = soon("receive", scheduler.receive(100))
            .await
            .expect("the broker answers");
        notices.extend(
            received
                .into_iter()
                .filter(|notice| *notice != Notice::Demand),
        );
    }
    notices
}

/// Receives until this notice has come; it is the last one then.
pub(super) async fn expect_notice(
    scheduler: &dyn SchedulerBroker,
    expected: &Notice,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    while notices.last() != Some(expected) {
        let what = format!("{expected:?}, after {notices:?},");
        let received = soon(&what, scheduler.receive(1)).await;
        notices.extend(received.expect("the broker answers"));
    }
    notices
}

/// Receives for a short while, and expects nothing but demand.
pub(super) async fn no_notices(fixture: &dyn Fixture, scheduler: &dyn SchedulerBroker) {
    let rest = rest(fixture, scheduler).await;
    assert_eq!(rest, [], "nothing more is to be delivered");
}

/// Everything but demand that comes within a short while.
pub(super) async fn rest(fixture: &dyn Fixture, scheduler: &dyn SchedulerBroker) -> Vec<Notice> {
    let mut notices = Vec::new();
    while let Ok(received) = tokio::time::timeout(fixture.watch(), scheduler.receive(100)).await {
        let received = received.expect("the broker answers");
        notices.extend(
            received
                .into_iter()
                .filter(|notice| *notice != Notice::Demand),
        );
    }
    notices
}

/// That the attempt started there.
pub(super) fn started(number: u32, worker: &str) -> Notice {
    Notice::Started {
        key: key(number),
        worker: worker.into(),
    }
}

/// That the attempt ended there.
pub(super) fn finished(number: u32, worker: &str) -> Notice {
    Notice::Finished(Box::new(Report {
        secret: None,
        ..report(number, worker)
    }))
}

/// That the attempt was lost.
pub(super) fn expired(number: u32) -> Notice {
    Notice::Expired { key: key(number) }
}

/// That the attempt was given back.
pub(super) fn released(number: u32) -> Notice {
    Notice::Released { key: key(number) }
}

/// The attempts of these numbers.
pub(super) fn keys(numbers: &[u32]) -> Vec<AttemptKey> {
    numbers.iter().map(|number| key(*number)).collect()
}
