//! A shard whose task makes no progress: its call to the database never returns.

use crate::{
    harness::{Installation, success},
    watched_store::WatchedStore,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use weft_core::run::RunState;
use weft_scheduler::SchedulerOptions;

#[tokio::test]
async fn a_shard_without_progress_is_taken_over_and_its_runs_go_on() {
    let mut installation = Installation::new().await;
    let options = SchedulerOptions {
        lease: Duration::from_secs(3),
        max_without_progress: Duration::from_millis(500),
        ..SchedulerOptions::new("first")
    };
    let store = WatchedStore::start_scheduler(&mut installation, options, usize::MAX);
    installation.start_worker("worker", &["default"], 4, Arc::new(|_: &_| success("1")));
    let deployed = installation
        .deploy(&json!({ "id": "d", "tasks": { "one": {}, "two": { "after": ["one"] } } }))
        .await;
    let before = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(before).await, RunState::Success);
    let epoch = installation.database.list_shards().await.unwrap()[0].epoch;
    store.hang_once();
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let shard = &installation.database.list_shards().await.unwrap()[0];
    assert!(shard.epoch > epoch, "it was taken over");
    assert_eq!(shard.lost_turns, 0);
}
