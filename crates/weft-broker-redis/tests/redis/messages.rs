//! Messages of a newer program: left where they are, and never lost.

use crate::{command::command, crew::options, server::Server};
use std::time::Duration;
use tokio::time::timeout;
use weft_broker::{
    Demand, SchedulerBroker as _, WorkerBroker as _, WorkerInfo,
    conformance::{dispatch, key},
};
use weft_broker_redis::Redis;

#[tokio::test]
async fn a_dispatch_of_a_newer_version_stays_for_a_newer_worker() {
    let server = Server::start(&[]);
    let options = options();
    let base = format!("{{{}:0}}", options.namespace);
    let redis = Redis::connect(&server.url(), options).await.unwrap();
    let scheduler = redis.scheduler(1).await.unwrap();
    let worker = redis.worker();
    let info = WorkerInfo {
        id: "worker".into(),
        queues: vec!["default".into()],
        slots: 4,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    };
    worker.register(&info, &[]).await.unwrap();
    scheduler
        .publish(vec![dispatch(1, "default", 5)])
        .await
        .unwrap();
    let queue = |version: u32| format!("{base}:queue:5,{version}:default");
    let index = format!("{base}:lanes:default");
    let relabel = async |from: u32, to: u32| {
        let [was, is] = [from, to].map(|version| format!("5,{version}"));
        for words in [
            vec!["RENAME", &queue(from), &queue(to)],
            vec!["ZREM", &index, &was],
            vec!["ZADD", &index, "-5", &is],
        ] {
            command(&server.url(), &words).await.unwrap();
        }
    };
    relabel(1, 2).await;
    scheduler
        .publish(vec![dispatch(2, "default", 0)])
        .await
        .unwrap();
    let claims = worker.claim(9).await.unwrap();
    let claimed: Vec<_> = claims.iter().map(|claim| claim.dispatch.key).collect();
    assert_eq!(
        claimed,
        [key(2)],
        "what it can read is behind what it can't"
    );
    let again = timeout(Duration::from_millis(100), worker.claim(9)).await;
    assert!(again.is_err(), "{again:?}");
    let waits = Demand::new("default".into(), 4, 2, 1, None);
    assert_eq!(scheduler.demand().await, Ok(vec![waits]), "it waits still");
    relabel(2, 1).await;
    let claims = worker.claim(9).await.unwrap();
    assert_eq!(claims[0].dispatch.key, key(1));
}
