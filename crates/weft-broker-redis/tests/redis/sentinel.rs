//! The promises, by the server that Sentinels name, and what a failover costs.

use crate::{
    brokers::Brokers,
    command::command,
    crew::{Worker, load, options},
    server::Server,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};
use weft_broker::{
    SchedulerBroker as _, conformance::dispatch, direct_worker::DirectWorkerBroker as _,
};
use weft_broker_redis::{Redis, Shards};

/// Sentinels that need longer to agree never will.
const PATIENCE: Duration = Duration::from_secs(30);
/// Sentinels that must agree, of three.
const QUORUM: u32 = 2;
/// Between two looks at what Sentinels have found out.
const PAUSE: Duration = Duration::from_millis(100);

struct Watched {
    primary: Server,
    replica: Server,
    sentinels: [Server; 3],
}

impl Watched {
    async fn start() -> Self {
        let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
        let port = primary.port.to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
        let settings = format!(
            "sentinel monitor mymaster 127.0.0.1 {port} {QUORUM}\n\
             sentinel down-after-milliseconds mymaster 500\n\
             sentinel failover-timeout mymaster 3000\n"
        );
        let sentinels = [(); 3].map(|()| Server::start_sentinel(&settings));
        let watched = Self {
            primary,
            replica,
            sentinels,
        };
        watched.know_each_other().await;
        watched
    }

    /// Each Sentinel knows the two others and a replica that follows.
    async fn know_each_other(&self) {
        let begin = Instant::now();
        for sentinel in &self.sentinels {
            loop {
                let words = ["SENTINEL", "MASTER", "mymaster"];
                let answer = command(&sentinel.url(), &words).await.unwrap();
                let fields: std::collections::HashMap<String, String> =
                    redis::from_redis_value(answer).unwrap();
                if fields["num-other-sentinels"] == "2" && fields["num-slaves"] == "1" {
                    break;
                }
                assert!(begin.elapsed() < PATIENCE, "{fields:?}");
                sleep(PAUSE).await;
            }
        }
        while !self.is_following().await {
            assert!(begin.elapsed() < PATIENCE, "the replica does not follow");
            sleep(PAUSE).await;
        }
    }

    async fn is_following(&self) -> bool {
        let answer = command(&self.replica.url(), &["INFO", "replication"])
            .await
            .unwrap();
        let info: String = redis::from_redis_value(answer).unwrap();
        info.contains("master_link_status:up")
    }

    fn url(&self) -> String {
        let hosts: Vec<String> = self
            .sentinels
            .iter()
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port))
            .collect();
        format!("redis-sentinel://{}/mymaster/0", hosts.join(","))
    }
}

async fn sentinel() -> Brokers {
    static WATCHED: OnceCell<Watched> = OnceCell::const_new();
    let watched = WATCHED.get_or_init(Watched::start).await;
    Brokers::new(&watched.url(), None, 1).await
}

weft_broker::conformance_suite!(#[tokio::test], sentinel);

/// The replica that becomes the primary knows no guests, until their server is asked again.
#[tokio::test]
async fn renewal_creates_a_direct_workers_user_again_after_a_failover() {
    let mut watched = Watched::start().await;
    let redis = Redis::connect(&watched.url(), options()).await.unwrap();
    let shards = Shards::new(Arc::clone(&redis));
    let (guest, pass) = shards.issue_credentials(7, "near#7").await.unwrap();
    let near = Shards::connect_with_credentials(&pass, options())
        .await
        .unwrap();
    let scheduler = redis.scheduler(1).await.unwrap();
    let _worker = Worker::start(near.worker(), "near#7", 20, Duration::from_millis(5));
    load(&scheduler, 200, async |_ended| {}).await;
    watched.primary.kill();
    let begin = Instant::now();
    near.connection_failed().await;
    while shards.renew_credentials(&guest).await.is_err() {
        assert!(begin.elapsed() < PATIENCE, "there is no primary");
        sleep(PAUSE).await;
    }
    load(&scheduler, 200, async |_ended| {}).await;
}

/// The replica is suspended while the primary acknowledges its last writes, so
/// that they are lost with it.
#[tokio::test]
async fn a_failover_that_loses_acknowledged_writes_loses_no_work() {
    const ATTEMPTS: u32 = 2_000;
    let mut watched = Watched::start().await;
    let redis = Redis::connect(&watched.url(), options()).await.unwrap();
    let scheduler = redis.scheduler(1).await.unwrap();
    let _crew =
        ["one", "two"].map(|id| Worker::start(redis.worker(), id, 20, Duration::from_millis(5)));
    let mut step = 0;
    let noticed = load(&scheduler, ATTEMPTS, async |ended| {
        if step == 0 && ended >= ATTEMPTS as usize / 4 {
            step = 1;
            watched.replica.freeze();
        } else if step == 1 && ended >= ATTEMPTS as usize / 2 {
            step = 2;
            watched.primary.kill();
            watched.replica.thaw();
        }
    })
    .await;
    assert_eq!((step, noticed.finished.len()), (2, ATTEMPTS as usize));
    let one_more = dispatch(ATTEMPTS, "default", 0);
    scheduler.publish(vec![one_more]).await.unwrap();
}
