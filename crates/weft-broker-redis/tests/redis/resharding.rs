//! A Cluster whose slots move to other nodes while work goes on: nothing is lost, and nothing runs
//! twice but what was on its way to a worker.

use crate::{
    cluster::{meet, start_nodes},
    command::command,
    crew::{Worker, load, options},
    server::Server,
};
use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};
use tokio::{process::Command, time::sleep};
use weft_broker_redis::{Options, Redis};

/// Attempts of a load.
const ATTEMPTS: u32 = 2_000;
/// How long one takes to run.
const TAKES: Duration = Duration::from_millis(5);
/// Slots of a worker.
const SLOTS: u32 = 20;
/// Claims that may be on their way to a worker at once: for its slots and what it prefetches.
const MAX_ON_THE_WAY: u64 = 2 * SLOTS as u64;
/// How often the slot moves during a load.
const MOVES: u32 = 4;
/// How many slots `redis-cli` moves at a time, the first of the node.
const MOVED_SLOTS: u16 = 16;
/// How long a slot stays with a part of its keys on either node.
const DIVIDED: Duration = Duration::from_millis(700);

fn url(nodes: &[Server; 3]) -> String {
    let hosts: Vec<String> = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port))
        .collect();
    format!("redis-cluster://{}", hosts.join(","))
}

async fn slot_of(node: &Server, namespace: &str) -> u16 {
    let key = format!("{{{namespace}:0}}:meta");
    let slot = command(&node.url(), &["CLUSTER", "KEYSLOT", &key]).await;
    redis::from_redis_value(slot.unwrap()).unwrap()
}

async fn id_of(node: &Server) -> String {
    let id = command(&node.url(), &["CLUSTER", "MYID"]).await.unwrap();
    redis::from_redis_value(id).unwrap()
}

/// Runs a load during which `move_slot` is called [`MOVES`] times beside it.
async fn load_while_moving(options: Options, nodes: &[Server; 3], move_slot: impl AsyncFn(u32)) {
    let redis = Redis::connect(&url(nodes), options).await.unwrap();
    let scheduler = redis.scheduler(1).await.unwrap();
    let crew = ["one", "two"].map(|id| Worker::start(redis.worker(), id, SLOTS, TAKES));
    let moves = AtomicU32::new(0);
    let ended = AtomicU32::new(0);
    let moving = async {
        for number in 0..MOVES {
            while ended.load(Ordering::Relaxed) < ATTEMPTS * (number + 1) / (MOVES + 2) {
                sleep(Duration::from_millis(2)).await;
            }
            move_slot(number).await;
            moves.fetch_add(1, Ordering::Relaxed);
        }
    };
    let loading = load(&scheduler, ATTEMPTS, async |count| {
        ended.store(u32::try_from(count).unwrap(), Ordering::Relaxed);
    });
    let (noticed, ()) = tokio::join!(loading, moving);
    assert_eq!(moves.load(Ordering::Relaxed), MOVES);
    assert_eq!(noticed.finished.len(), ATTEMPTS as usize);
    let sum = |count: fn(&Worker) -> &AtomicU64| -> u64 {
        let counts = crew
            .iter()
            .map(|worker| count(worker).load(Ordering::Relaxed));
        counts.sum()
    };
    let expired = noticed.expired.len() as u64;
    // While the slot is divided, calls fail, and where its other half is answers as a node does
    // after a failover: workers register again, as often as that takes, and what was on its way to
    // one of them at that moment is noticed as lost and published again. Nothing else is.
    let registrations = sum(|worker| &worker.registrations);
    assert!(
        expired <= MAX_ON_THE_WAY * registrations,
        "{expired} expired, {registrations} registrations"
    );
    let ran = sum(|worker| &worker.ran);
    assert!(
        ran <= u64::from(ATTEMPTS) + expired,
        "{ran} ran, {expired} expired"
    );
    println!("{expired} expired, {registrations} registrations");
}

#[tokio::test]
async fn no_work_is_lost_while_redis_cli_reshards_the_cluster() {
    let nodes = start_nodes();
    meet(&nodes).await;
    // `redis-cli` moves the first slots of a node.
    let namespace = {
        let mut number = 0;
        loop {
            let namespace = format!("moved{number}");
            if slot_of(&nodes[0], &namespace).await < MOVED_SLOTS {
                break namespace;
            }
            number += 1;
        }
    };
    let ids = [id_of(&nodes[0]).await, id_of(&nodes[1]).await];
    let options = Options {
        namespace,
        ..options()
    };
    load_while_moving(options, &nodes, async |number| {
        let (from, to) = if number % 2 == 0 { (0, 1) } else { (1, 0) };
        let resharded = Command::new("redis-cli")
            .args(["--cluster", "reshard"])
            .arg(format!("127.0.0.1:{}", nodes[0].port))
            .args(["--cluster-from", &ids[from], "--cluster-to", &ids[to]])
            .args(["--cluster-slots", &MOVED_SLOTS.to_string(), "--cluster-yes"])
            .output()
            .await
            .unwrap();
        assert!(resharded.status.success(), "{resharded:?}");
    })
    .await;
}

#[tokio::test]
async fn no_work_is_lost_while_the_keys_of_a_slot_are_on_two_nodes() {
    let nodes = start_nodes();
    meet(&nodes).await;
    let options = options();
    let slot = slot_of(&nodes[0], &options.namespace).await;
    let ids = [
        id_of(&nodes[0]).await,
        id_of(&nodes[1]).await,
        id_of(&nodes[2]).await,
    ];
    let owner = usize::from(slot / (16_384 / 3 + 1));
    load_while_moving(options, &nodes, async |number| {
        let number = number as usize;
        let (from, to) = ((owner + number) % 3, (owner + number + 1) % 3);
        move_slowly(
            slot,
            (&nodes[from], &ids[from]),
            (&nodes[to], &ids[to]),
            &nodes,
        )
        .await;
    })
    .await;
}

/// Moves a slot key by key, with a pause when half of its keys have moved.
async fn move_slowly(
    slot: u16,
    from: (&Server, &String),
    to: (&Server, &String),
    nodes: &[Server; 3],
) {
    let slot = slot.to_string();
    let words = ["CLUSTER", "SETSLOT", &slot, "IMPORTING", from.1];
    command(&to.0.url(), &words).await.unwrap();
    let words = ["CLUSTER", "SETSLOT", &slot, "MIGRATING", to.1];
    command(&from.0.url(), &words).await.unwrap();
    sleep(DIVIDED / 2).await;
    let mut has_paused = false;
    loop {
        let words = ["CLUSTER", "GETKEYSINSLOT", &slot, "100"];
        let keys = command(&from.0.url(), &words).await.unwrap();
        let keys: Vec<String> = redis::from_redis_value(keys).unwrap();
        if keys.is_empty() {
            break;
        }
        let half = keys.len().div_ceil(2);
        for key in &keys[..if has_paused { keys.len() } else { half }] {
            let port = to.0.port.to_string();
            let words = ["MIGRATE", "127.0.0.1", &port, key, "0", "5000"];
            command(&from.0.url(), &words).await.unwrap();
        }
        if !has_paused {
            has_paused = true;
            sleep(DIVIDED / 2).await;
        }
    }
    for node in [to.0, from.0].into_iter().chain(nodes) {
        let words = ["CLUSTER", "SETSLOT", &slot, "NODE", to.1];
        command(&node.url(), &words).await.unwrap();
    }
}
