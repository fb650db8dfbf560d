//! What processes tell each other at once, whatever happens to the server.

use crate::{brokers::namespace, command::command, server::Server};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use weft_broker_redis::{
    Options, Redis,
    control_bus::{Event, Subscription, Topic},
};

async fn line(server: &Server) -> Topic {
    let options = Options {
        namespace: namespace(),
        ..Options::default()
    };
    let redis: Arc<Redis> = Redis::connect(&server.url(), options).await.unwrap();
    redis.topic("news")
}

/// Somebody who listens from now on.
async fn listener(line: &Topic) -> Subscription {
    let mut listener = line.subscribe();
    assert_eq!(listener.recv().await, Ok(Event::Lagged));
    listener
}

/// What is heard next, passing over silence and outages.
async fn next(listener: &mut Subscription) -> Event {
    let heard = async {
        loop {
            match listener.recv().await {
                Ok(Event::Messages(messages)) if messages.is_empty() => {}
                Ok(heard) => break heard,
                Err(_unavailable) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(Duration::from_secs(20), heard)
        .await
        .expect("something is heard")
}

fn messages(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[tokio::test]
async fn everybody_hears_everything_in_order_from_the_moment_they_listen() {
    let server = Server::start(&[]);
    let line = line(&server).await;
    line.publish(&messages(&["before"])).await.unwrap();
    let mut early = listener(&line).await;
    line.publish(&messages(&["one", "two"])).await.unwrap();
    let mut late = listener(&line).await;
    line.publish(&messages(&["three"])).await.unwrap();
    assert_eq!(
        next(&mut early).await,
        Event::Messages(messages(&["one", "two", "three"]))
    );
    assert_eq!(next(&mut late).await, Event::Messages(messages(&["three"])));
}

#[tokio::test]
async fn who_was_cut_off_goes_on_where_it_was() {
    let server = Server::start(&[]);
    let line = line(&server).await;
    let mut listener = listener(&line).await;
    let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
    command(&server.url(), &kill).await.unwrap();
    // The connection for calls was cut as well.
    while line.publish(&messages(&["meanwhile"])).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        next(&mut listener).await,
        Event::Messages(messages(&["meanwhile"]))
    );
}

#[tokio::test]
async fn who_lags_too_far_or_meets_an_empty_server_is_told() {
    let server = Server::start(&[]);
    let line = line(&server).await;
    let mut listener = listener(&line).await;
    line.publish(&messages(&["first"])).await.unwrap();
    assert_eq!(
        next(&mut listener).await,
        Event::Messages(messages(&["first"]))
    );
    for _portion in 0..30 {
        line.publish(&vec![b"more".to_vec(); 1_000]).await.unwrap();
    }
    assert_eq!(next(&mut listener).await, Event::Lagged);
    assert!(matches!(next(&mut listener).await, Event::Messages(_)));
    let mut other = line.subscribe();
    assert_eq!(other.recv().await, Ok(Event::Lagged));
    command(&server.url(), &["FLUSHALL"]).await.unwrap();
    assert_eq!(next(&mut other).await, Event::Lagged);
    line.publish(&messages(&["again"])).await.unwrap();
    assert_eq!(
        next(&mut other).await,
        Event::Messages(messages(&["again"]))
    );
}
