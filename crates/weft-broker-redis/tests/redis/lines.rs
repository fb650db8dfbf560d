//! What processes tell each other at once, whatever happens to the server.

use crate::{brokers::namespace, command::command, server::Server};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use weft_broker_redis::{Heard, Line, Listener, Options, Redis};

async fn line(server: &Server) -> Line {
    let options = Options {
        namespace: namespace(),
        ..Options::default()
    };
    let redis: Arc<Redis> = Redis::connect(&server.url(), options).await.unwrap();
    redis.line("news")
}

/// Somebody who listens from now on.
async fn listener(line: &Line) -> Listener {
    let mut listener = line.listen();
    assert_eq!(listener.hear().await, Ok(Heard::Missed));
    listener
}

/// What is heard next, passing over silence and outages.
async fn next(listener: &mut Listener) -> Heard {
    let heard = async {
        loop {
            match listener.hear().await {
                Ok(Heard::Messages(messages)) if messages.is_empty() => {}
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
    line.say(&messages(&["before"])).await.unwrap();
    let mut early = listener(&line).await;
    line.say(&messages(&["one", "two"])).await.unwrap();
    let mut late = listener(&line).await;
    line.say(&messages(&["three"])).await.unwrap();
    assert_eq!(
        next(&mut early).await,
        Heard::Messages(messages(&["one", "two", "three"]))
    );
    assert_eq!(next(&mut late).await, Heard::Messages(messages(&["three"])));
}

#[tokio::test]
async fn who_was_cut_off_goes_on_where_it_was() {
    let server = Server::start(&[]);
    let line = line(&server).await;
    let mut listener = listener(&line).await;
    let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
    command(&server.url(), &kill).await.unwrap();
    // The connection for calls was cut as well.
    while line.say(&messages(&["meanwhile"])).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        next(&mut listener).await,
        Heard::Messages(messages(&["meanwhile"]))
    );
}

#[tokio::test]
async fn who_lags_too_far_or_meets_an_empty_server_is_told() {
    let server = Server::start(&[]);
    let line = line(&server).await;
    let mut listener = listener(&line).await;
    line.say(&messages(&["first"])).await.unwrap();
    assert_eq!(
        next(&mut listener).await,
        Heard::Messages(messages(&["first"]))
    );
    for _portion in 0..30 {
        line.say(&vec![b"more".to_vec(); 1_000]).await.unwrap();
    }
    assert_eq!(next(&mut listener).await, Heard::Missed);
    assert!(matches!(next(&mut listener).await, Heard::Messages(_)));
    let mut other = line.listen();
    assert_eq!(other.hear().await, Ok(Heard::Missed));
    command(&server.url(), &["FLUSHALL"]).await.unwrap();
    assert_eq!(next(&mut other).await, Heard::Missed);
    line.say(&messages(&["again"])).await.unwrap();
    assert_eq!(
        next(&mut other).await,
        Heard::Messages(messages(&["again"]))
    );
}
