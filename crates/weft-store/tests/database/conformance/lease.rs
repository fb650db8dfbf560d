//! Shards: leases, epochs, fencing.

use crate::setup::{at, one_dag, trigger_of, turn};
use weft_core::time::DurationMs;
use weft_store::{CommitError, Database, EventChunk, RunStore as _};

const LONG: DurationMs = DurationMs(60_000);
const NONE: DurationMs = DurationMs(0);

pub(crate) async fn a_shard_has_one_owner_until_its_lease_ends(database: &Database) {
    let first = database.lease_shards("a", LONG).await.unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(database.lease_shards("b", LONG).await.unwrap(), []);
    let renewed = database.lease_shards("a", LONG).await.unwrap();
    assert_eq!(renewed[0].epoch, first[0].epoch, "renewing is no takeover");
    assert!(renewed[0].until >= first[0].until);
    database.release_shards("a").await.unwrap();
    let second = database.lease_shards("b", NONE).await.unwrap();
    assert!(second[0].epoch > first[0].epoch);
    let third = database.lease_shards("c", LONG).await.unwrap();
    assert!(
        third[0].epoch > second[0].epoch,
        "a lease that ran out is taken over"
    );
}

pub(crate) async fn a_deposed_scheduler_writes_nothing(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let old = database.lease_shards("a", NONE).await.unwrap()[0];
    database.lease_shards("b", LONG).await.unwrap();
    let mut late = turn(old);
    late.events.push(EventChunk {
        run,
        seq: 0,
        at: at(1),
        body: "late".into(),
    });
    let error = database.commit(&late).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Fenced(shard) if shard == old.shard),
        "{error}"
    );
    assert_eq!(
        database.run(run).await.unwrap().unwrap().events,
        [] as [&str; 0]
    );
}

pub(crate) async fn a_turn_again_is_a_success_that_writes_nothing(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = database.lease_shards("a", LONG).await.unwrap()[0];
    let mut first = turn(lease);
    first.number = 1;
    first.events.push(EventChunk {
        run,
        seq: 0,
        at: at(1),
        body: "once".into(),
    });
    database.commit(&first).await.unwrap();
    // With the same events, which could not be written twice.
    database.commit(&first).await.unwrap();
    assert_eq!(database.run(run).await.unwrap().unwrap().events, ["once"]);
    let mut second = turn(lease);
    second.number = 2;
    database.commit(&second).await.unwrap();
    let error = database.commit(&first).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Store(_)),
        "turns don't go back: {error}"
    );
    database.release_shards("a").await.unwrap();
    let next = database.lease_shards("b", LONG).await.unwrap()[0];
    let mut first = turn(next);
    first.number = 1;
    database.commit(&first).await.unwrap();
}
