//! Errors where no usable Redis answers.

use crate::{
    command::command,
    crew::options,
    server::{Server, free_port},
};
use weft_broker_redis::{ConnectError, Redis};

#[tokio::test]
async fn connecting_to_a_closed_port_is_unavailable() {
    let url = format!("redis://user:secret@127.0.0.1:{}", free_port());
    let error = Redis::connect(&url, options())
        .await
        .expect_err("no server is there");
    let text = error.to_string();
    assert!(matches!(error, ConnectError::Unavailable { .. }), "{text}");
    assert!(!text.contains("secret") && !text.contains("user"), "{text}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let server = Server::start(&["--requirepass", "right"]);
    let url = format!("redis://:wrong-secret@127.0.0.1:{}", server.port);
    let error = Redis::connect(&url, options())
        .await
        .expect_err("it is wrong");
    let text = format!("{error} {error:?}");
    assert!(matches!(error, ConnectError::Unavailable { .. }), "{text}");
    assert!(!text.contains("wrong-secret"), "{text}");
    let url = format!("redis://:right@127.0.0.1:{}", server.port);
    let redis = Redis::connect(&url, options()).await.expect("it is right");
    assert!(!format!("{redis:?}").contains("right"), "{redis:?}");
}

#[tokio::test]
async fn a_newer_layout_is_refused() {
    let server = Server::start(&[]);
    let options = options();
    let meta = format!("{{{}:0}}:meta", options.namespace);
    command(&server.url(), &["HSET", &meta, "layout", "2"])
        .await
        .unwrap();
    let error = Redis::connect(&server.url(), options)
        .await
        .expect_err("it is newer");
    assert!(
        matches!(error, ConnectError::Newer { found: 2, .. }),
        "{error}"
    );
}
