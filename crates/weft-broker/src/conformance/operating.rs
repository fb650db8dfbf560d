//! Operators' calls of a broker: survey and drain.

use super::{
    Fixture, dispatch,
    sample::{QUEUE, Sample, publish},
    soon, waits,
};
use crate::{QueueLoad, RegisteredWorker, Signal, Survey, WorkerInfo};

/// Workers as they announced themselves, what they hold, and what waits.
pub async fn survey_shows_workers_and_queues(fixture: &dyn Fixture) {
    let operator = fixture.operator();
    let look = || async { soon("survey", operator.survey()).await.expect("answered") };
    let scheduler = fixture.scheduler().await;
    assert_eq!(look().await, Survey::default());

    let broker = fixture.worker().await;
    let info = WorkerInfo {
        id: "a worker".into(),
        queues: vec![QUEUE.into(), "ssd".into()],
        slots: 2,
        prefetch: 1,
        memory_bytes: None,
        labels: vec![("architecture".into(), "x86_64".into())],
    };
    soon("register", broker.register(&info, &[]))
        .await
        .expect("answered");
    let drained = Sample::of_queues(fixture, "drained", 9, &[QUEUE]).await;
    soon("pause", drained.broker.pause())
        .await
        .expect("answered");
    publish(&*scheduler, &[1, 2, 3]).await;
    soon("publish", scheduler.publish(vec![dispatch(4, "gpu", 0)]))
        .await
        .expect("room");
    assert_eq!(
        soon("claim", broker.claim(1))
            .await
            .expect("answered")
            .len(),
        1
    );

    let queue = |name: &str, queued, free_slots, workers| QueueLoad {
        name: name.into(),
        queued,
        free_slots,
        workers,
    };
    let expected = Survey {
        workers: vec![
            RegisteredWorker {
                info,
                held: 1,
                is_paused: false,
            },
            RegisteredWorker {
                info: drained.info.clone(),
                held: 0,
                is_paused: true,
            },
        ],
        queues: vec![
            queue(QUEUE, 2, 0, 1),
            queue("gpu", 1, 0, 0),
            queue("ssd", 0, 2, 1),
        ],
    };
    assert_eq!(look().await, expected);
}

/// A worker is notified, by its name, and no other worker is.
pub async fn drain_signals_the_worker(fixture: &dyn Fixture) {
    let operator = fixture.operator();
    let drain = |name: &'static str| {
        let operator = &operator;
        async move { soon("drain", operator.drain(name)).await.expect("answered") }
    };
    let _scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    let other = Sample::new(fixture, "other", 3).await;
    assert!(!drain("unknown").await);
    assert!(drain("worker").await);
    let signals = soon("signals", worker.broker.signals(9)).await;
    assert_eq!(signals, Ok(vec![Signal::Drain]));
    waits(fixture, "signals", other.broker.signals(9)).await;
    soon("leave", worker.broker.leave())
        .await
        .expect("answered");
    assert!(!drain("worker").await);
}
