//! The control bus delivers messages through failures of the server.

use crate::{brokers::namespace, command::command, server::Server};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use weft_broker_redis::{
    Options, Redis,
    control_bus::{Event, Subscription, Topic},
};

async fn new_topic(server: &Server) -> Topic {
    let options = Options {
        namespace: namespace(),
        ..Options::default()
    };
    let redis: Arc<Redis> = Redis::connect(&server.url(), options).await.unwrap();
    redis.topic("news")
}

/// A subscription that receives from now on.
async fn subscribe_to(topic: &Topic) -> Subscription {
    let mut subscription = topic.subscribe();
    assert_eq!(subscription.recv().await, Ok(Event::Lagged));
    subscription
}

/// The next event; skips empty events and outages.
async fn next(subscription: &mut Subscription) -> Event {
    let received = async {
        loop {
            match subscription.recv().await {
                Ok(Event::Messages(messages)) if messages.is_empty() => {}
                Ok(received) => break received,
                Err(_unavailable) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(Duration::from_secs(20), received)
        .await
        .expect("an event arrives")
}

fn messages(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[tokio::test]
async fn every_subscriber_receives_all_messages_in_order_after_subscribing() {
    let server = Server::start(&[]);
    let topic = new_topic(&server).await;
    topic.publish(&messages(&["before"])).await.unwrap();
    let mut early = subscribe_to(&topic).await;
    topic.publish(&messages(&["one", "two"])).await.unwrap();
    let mut late = subscribe_to(&topic).await;
    topic.publish(&messages(&["three"])).await.unwrap();
    assert_eq!(
        next(&mut early).await,
        Event::Messages(messages(&["one", "two", "three"]))
    );
    assert_eq!(next(&mut late).await, Event::Messages(messages(&["three"])));
}

#[tokio::test]
async fn a_subscription_continues_after_its_connection_broke() {
    let server = Server::start(&[]);
    let topic = new_topic(&server).await;
    let mut subscription = subscribe_to(&topic).await;
    let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
    command(&server.url(), &kill).await.unwrap();
    // The connection for calls was cut as well.
    while topic.publish(&messages(&["meanwhile"])).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        next(&mut subscription).await,
        Event::Messages(messages(&["meanwhile"]))
    );
}

#[tokio::test]
async fn a_subscriber_of_a_trimmed_or_lost_topic_receives_lagged() {
    let server = Server::start(&[]);
    let topic = new_topic(&server).await;
    let mut subscription = subscribe_to(&topic).await;
    topic.publish(&messages(&["first"])).await.unwrap();
    assert_eq!(
        next(&mut subscription).await,
        Event::Messages(messages(&["first"]))
    );
    for _portion in 0..30 {
        topic.publish(&vec![b"more".to_vec(); 1_000]).await.unwrap();
    }
    assert_eq!(next(&mut subscription).await, Event::Lagged);
    assert!(matches!(next(&mut subscription).await, Event::Messages(_)));
    let mut other = topic.subscribe();
    assert_eq!(other.recv().await, Ok(Event::Lagged));
    command(&server.url(), &["FLUSHALL"]).await.unwrap();
    assert_eq!(next(&mut other).await, Event::Lagged);
    topic.publish(&messages(&["again"])).await.unwrap();
    assert_eq!(
        next(&mut other).await,
        Event::Messages(messages(&["again"]))
    );
}
