//! A Redis that vanishes without closing its connections: no call waits without end, and work goes
//! on over new connections.

use crate::{
    crew::{Worker, load, options},
    server::Server,
    silent_relay::{SilentRelay, Target},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use weft_broker::{BrokerError, SchedulerBroker as _};
use weft_broker_redis::Redis;

/// Attempts of a load.
const ATTEMPTS: u32 = 1_000;
/// How long one takes to run.
const TAKES: Duration = Duration::from_millis(5);
/// How long the server is gone.
const SILENCE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn calls_to_a_vanished_server_end_and_work_goes_on_over_new_connections() {
    let server = Server::start(&[]);
    let relay = SilentRelay::to(Target::Port(server.port));
    let url = format!("redis://127.0.0.1:{}", relay.port);
    let redis = Redis::connect(&url, options()).await.unwrap();
    let scheduler = redis.scheduler(1).await.unwrap();
    let _crew = ["one", "two"].map(|id| Worker::start(redis.worker(), id, 20, TAKES));
    let mut silences = 0;
    let noticed = load(&scheduler, ATTEMPTS, async |ended| {
        if ended >= ATTEMPTS as usize / 2 && silences == 0 {
            silences += 1;
            relay.fall_silent();
            let began = Instant::now();
            let demand = scheduler.demand().await;
            assert!(
                matches!(demand, Err(BrokerError::Unavailable(_))),
                "{demand:?}"
            );
            assert!(
                began.elapsed() < options().call_timeout * 5,
                "{:?}",
                began.elapsed()
            );
            sleep(SILENCE).await;
            relay.accept_again();
        }
    })
    .await;
    assert_eq!((silences, noticed.finished.len()), (1, ATTEMPTS as usize));
}
