//! Every connection is occupied by slow calls; schedulers renew their leases all the same.

use crate::{raw::Raw, setup};
use std::time::{Duration, Instant};
use tokio::{sync::mpsc, task::JoinSet, time::interval};
use weft_core::time::DurationMs;
use weft_store::{RunStore as _, StoreError};
use weft_sweeps::SATURATED_SECONDS;

/// Slow calls at any time: several times the connections of a process.
const SLOW_CALLS: usize = 40;
/// The least that fail for want of a connection before the renewals begin.
const REFUSED: usize = 3;
/// The pause between two renewals.
const RENEWAL_INTERVAL: Duration = Duration::from_millis(200);
/// The longest that a renewal may take: a fifth of the default lease, on a busy machine.
const PROMPTLY: Duration = Duration::from_secs(3);
const LEASE: DurationMs = DurationMs(15_000);
const SCHEDULER: &str = "renewing";

#[tokio::test]
async fn leases_are_renewed_while_slow_calls_occupy_every_connection() {
    let home = setup::postgres().await;
    let database = home.database;
    let leases = database.lease_shards(SCHEDULER, LEASE, 1).await.unwrap();
    // Lists of tenants wait for this lock until their time is over.
    let mut blocker = Raw::of(&home.place).await;
    let lock = "BEGIN; LOCK TABLE tenants IN ACCESS EXCLUSIVE MODE";
    blocker.run(lock).await.unwrap();
    let (refused, mut refusals) = mpsc::unbounded_channel();
    let mut calls = JoinSet::new();
    for _ in 0..SLOW_CALLS {
        let (database, refused) = (database.clone(), refused.clone());
        calls.spawn(async move {
            loop {
                let error = database.list_tenants(None, 1).await.unwrap_err();
                assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
                refused.send(()).unwrap();
            }
        });
    }
    for _ in 0..REFUSED {
        refusals.recv().await.unwrap();
    }
    let mut next = interval(RENEWAL_INTERVAL);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(SATURATED_SECONDS.size()) {
        next.tick().await;
        let renewal = Instant::now();
        let share = database.share_of_shards(SCHEDULER, LEASE).await.unwrap();
        let renewed = database.lease_shards(SCHEDULER, LEASE, share);
        let renewed = renewed.await.unwrap();
        database.now().await.unwrap();
        assert!(renewal.elapsed() < PROMPTLY, "{:?}", renewal.elapsed());
        assert_eq!(renewed[0].epoch, leases[0].epoch);
    }
    calls.shutdown().await;
}
