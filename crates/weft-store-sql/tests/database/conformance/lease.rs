//! Shards: leases, epochs, fencing.

use crate::setup::{at, one_dag, trigger_of, turn};
use weft_core::time::DurationMs;
use weft_store::{CommitError, EventChunk, Lost, RunStore as _, ShardLease};
use weft_store_sql::{Database, TenantLimits};

const LONG: DurationMs = DurationMs(60_000);
const NONE: DurationMs = DurationMs(0);

pub(crate) async fn a_shard_has_one_owner_until_its_lease_ends(database: &Database) {
    let first = database.lease_shards("a", LONG, u32::MAX).await.unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(
        database.lease_shards("b", LONG, u32::MAX).await.unwrap(),
        []
    );
    let renewed = database.lease_shards("a", LONG, u32::MAX).await.unwrap();
    assert_eq!(renewed[0].epoch, first[0].epoch, "renewing is no takeover");
    assert!(renewed[0].until >= first[0].until);
    database.release_shards("a").await.unwrap();
    let second = database.lease_shards("b", NONE, u32::MAX).await.unwrap();
    assert!(second[0].epoch > first[0].epoch);
    let state = database.shard_state(second[0].shard).await.unwrap();
    assert_eq!(
        (state.epoch, state.turn),
        (second[0].epoch, second[0].turn),
        "the lease says where its turns begin"
    );
    let third = database.lease_shards("c", LONG, u32::MAX).await.unwrap();
    assert!(
        third[0].epoch > second[0].epoch,
        "a lease that ran out is taken over"
    );
}

/// What this scheduler owns after it released what is above its share.
async fn owned_by(database: &Database, scheduler: &str) -> Vec<i32> {
    let share = database.share_of_shards(scheduler, LONG).await.unwrap();
    let leases = database.lease_shards(scheduler, LONG, share).await.unwrap();
    let (kept, surplus) = leases.split_at(leases.len().min(share as usize));
    for lease in surplus {
        database.release_shard(*lease).await.unwrap();
    }
    kept.iter().map(|lease| lease.shard.0).collect()
}

pub(crate) async fn shards_are_shared_among_live_schedulers(database: &Database) {
    database.grow_shards(5, "test").await.unwrap();
    assert_eq!(owned_by(database, "a").await, [0, 1, 2, 3, 4]);
    assert_eq!(
        owned_by(database, "b").await,
        [] as [i32; 0],
        "none is free"
    );
    assert_eq!(owned_by(database, "a").await, [0, 1, 2]);
    assert_eq!(owned_by(database, "b").await, [3, 4]);
    assert_eq!(owned_by(database, "a").await, [0, 1, 2], "and stays so");
    assert_eq!(owned_by(database, "c").await, [] as [i32; 0]);
    assert_eq!(owned_by(database, "a").await, [0, 1]);
    assert_eq!(owned_by(database, "b").await, [3, 4]);
    assert_eq!(owned_by(database, "c").await, [2]);
    database.release_shards("b").await.unwrap();
    let after = (owned_by(database, "a").await, owned_by(database, "c").await);
    assert_eq!(after, (vec![0, 1, 3], vec![2, 4]));
}

pub(crate) async fn a_deposed_owner_does_not_release_a_shard(database: &Database) {
    let old = database.lease_shards("a", NONE, 1).await.unwrap()[0];
    let new = database.lease_shards("b", LONG, 1).await.unwrap()[0];
    database.release_shard(old).await.unwrap();
    let renewed = database.lease_shards("b", LONG, 1).await.unwrap()[0];
    assert_eq!(renewed.epoch, new.epoch);
    database.release_shard(new).await.unwrap();
    let next = database.lease_shards("c", LONG, 1).await.unwrap()[0];
    assert!(next.epoch > new.epoch);
}

pub(crate) async fn new_tenants_go_to_the_shard_with_the_fewest(database: &Database) {
    let add = async |name: &str| {
        let tenant = name.parse().unwrap();
        let limits = TenantLimits::default();
        database.put_tenant(&tenant, limits, "test").await.unwrap();
        let row = database.show_tenant(&tenant).await.unwrap().unwrap();
        row.shard.0
    };
    assert_eq!(add("alone").await, 0);
    database.grow_shards(3, "test").await.unwrap();
    database.grow_shards(2, "test").await.unwrap();
    assert_eq!(database.shards().await.unwrap().len(), 3, "never fewer");
    let shards = [
        add("a").await,
        add("b").await,
        add("c").await,
        add("d").await,
    ];
    assert_eq!(shards, [1, 2, 1, 2], "the first has two already");
    assert_eq!(add("alone").await, 0, "and stays where it is");
    let lease = database.lease_shards("s", LONG, 1).await.unwrap()[0];
    let rows = database.list_shards().await.unwrap();
    let shown = rows
        .iter()
        .map(|row| (row.id.0, row.scheduler.as_deref(), row.tenants));
    let shown: Vec<_> = shown.collect();
    assert_eq!(shown, [(0, Some("s"), 2), (1, None, 2), (2, None, 2)]);
    assert_eq!(rows[0].epoch, lease.epoch);
}

pub(crate) async fn a_deposed_scheduler_writes_nothing(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let old = database.lease_shards("a", NONE, u32::MAX).await.unwrap()[0];
    database.lease_shards("b", LONG, u32::MAX).await.unwrap();
    let mut late = turn(database, old).await;
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
        database.run(run).await.unwrap().unwrap().unwrap().events,
        [] as [&str; 0]
    );
}

pub(crate) async fn a_repeated_turn_succeeds_and_writes_nothing(database: &Database) {
    let dag = one_dag(database, "x").await;
    let run = database.trigger(&trigger_of(&dag)).await.unwrap().run();
    let lease = database.lease_shards("a", LONG, u32::MAX).await.unwrap()[0];
    let mut first = turn(database, lease).await;
    first.events.push(EventChunk {
        run,
        seq: 0,
        at: at(1),
        body: "once".into(),
    });
    database.commit(&first).await.unwrap();
    // With the same events, which could not be written twice.
    database.commit(&first).await.unwrap();
    assert_eq!(
        database.run(run).await.unwrap().unwrap().unwrap().events,
        ["once"]
    );
    let second = turn(database, lease).await;
    database.commit(&second).await.unwrap();
    let error = database.commit(&first).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Fenced(_)),
        "turns don't go back: {error}"
    );
    database.release_shards("a").await.unwrap();
    let next = database.lease_shards("b", LONG, u32::MAX).await.unwrap()[0];
    let first = turn(database, next).await;
    database.commit(&first).await.unwrap();
}

pub(crate) async fn a_turn_behind_a_gap_is_refused_and_the_shard_can_be_given_up(
    database: &Database,
) {
    let lease = database.lease_shards("a", LONG, 1).await.unwrap()[0];
    let renewed = database.lease_shards("a", LONG, 1).await.unwrap()[0];
    assert_eq!(renewed.epoch, lease.epoch);
    let first = turn(database, lease).await;
    let mut third = first.clone();
    third.number += 2;
    // As if the database had come back without the first and the second one.
    let error = database.commit(&third).await.unwrap_err();
    assert!(
        matches!(error, CommitError::TurnsLost(found) if found.turn == first.number - 1),
        "{error}"
    );
    database.commit(&first).await.unwrap();
    let error = database.commit(&third).await.unwrap_err();
    assert!(
        matches!(error, CommitError::TurnsLost(found) if found.turn == first.number),
        "{error}"
    );
    // As if it had come back without the last takeover.
    let later = ShardLease {
        epoch: lease.epoch + 1,
        ..lease
    };
    let mut unknown = first.clone();
    unknown.lease = later;
    let error = database.commit(&unknown).await.unwrap_err();
    assert!(
        matches!(error, CommitError::TurnsLost(found) if found.epoch == lease.epoch),
        "{error}"
    );
    let lost = |turns, epochs| Lost { turns, epochs };
    database.give_up_shard(later, lost(2, 0)).await.unwrap();
    let row = &database.list_shards().await.unwrap()[0];
    assert_eq!((row.scheduler.as_deref(), row.lost_turns), (None, 2));
    assert!(row.lost_at.is_some());
    let next = database.lease_shards("b", LONG, 1).await.unwrap()[0];
    assert_eq!(next.epoch, later.epoch + 1);
    // It is another scheduler's by now.
    database.give_up_shard(later, lost(0, 9)).await.unwrap();
    let row = &database.list_shards().await.unwrap()[0];
    assert_eq!(
        (row.scheduler.as_deref(), row.epoch),
        (Some("b"), next.epoch)
    );
    database.give_up_shard(next, lost(0, 9)).await.unwrap();
    let last = database.lease_shards("b", LONG, 1).await.unwrap()[0];
    assert_eq!(last.epoch, next.epoch + 10);
}
