//! Takeovers that the database no longer has.

use crate::{
    harness::{Installation, success},
    watched_store::WatchedStore,
};
use serde_json::json;
use std::sync::Arc;
use weft_core::run::RunState;
use weft_scheduler::{Deps, SchedulerOptions};

#[tokio::test]
async fn a_shard_whose_epoch_was_given_to_another_scheduler_is_leased_again() {
    let mut installation = Installation::new().await;
    let store = WatchedStore::new(installation.database.clone(), usize::MAX);
    store.share_epochs_once();
    let deps = Deps {
        store: Arc::new(store.clone()),
        ..installation.deps()
    };
    installation.start_scheduler_over(SchedulerOptions::new("first"), deps);
    installation.start_worker("worker", &["default"], 4, Arc::new(|_: &_| success("1")));
    let deployed = installation
        .deploy(&json!({ "id": "d", "tasks": { "one": {}, "two": { "after": ["one"] } } }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let shard = &installation.database.list_shards().await.unwrap()[0];
    assert_eq!(shard.epoch, 2, "nothing was committed under the first one");
    assert_eq!(shard.lost_turns, 0);
}
