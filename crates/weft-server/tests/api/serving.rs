//! Listening, health, metrics, the reference page, and how it ends.

use crate::world::World;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use weft_server::{Listen, ListenError, Listener, Protection, Server, ServerOptions};

fn loopback(protection: Protection) -> Listen {
    Listen {
        address: ([127, 0, 0, 1], 0).into(),
        protection,
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_answers_on_a_socket_until_it_is_shut_down() {
    let world = World::new().await;
    let listener = Listener::bind(&loopback(Protection::Loopback))
        .await
        .unwrap();
    let address = listener.address();
    assert_eq!(listener.url(), format!("http://{address}"));
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(Server::run(
        ServerOptions::default(),
        listener,
        world.deps.clone(),
        async {
            stopped.await.unwrap();
        },
    ));
    let answer = ask(TcpStream::connect(address).await.unwrap(), "/health/live").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    // A request in progress when the shutdown begins is still answered.
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET /health/live HTTP/1.1\r\nhost: loc")
        .await
        .unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), running)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_stream_ends_when_the_server_does() {
    let world = World::new().await;
    let listener = Listener::bind(&loopback(Protection::Loopback))
        .await
        .unwrap();
    let address = listener.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let options = ServerOptions {
        drain: Duration::from_hours(1),
        ..ServerOptions::default()
    };
    let running = tokio::spawn(Server::run(options, listener, world.deps.clone(), async {
        stopped.await.unwrap();
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
        world.admin
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), running)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_sends_a_large_body_first() {
    const BODY_BYTES: usize = 23 << 20;
    let world = World::new().await;
    let listener = Listener::bind(&loopback(Protection::Loopback))
        .await
        .unwrap();
    let address = listener.address();
    let running = tokio::spawn(Server::run(
        ServerOptions::default(),
        listener,
        world.deps.clone(),
        std::future::pending(),
    ));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/deployments HTTP/1.1\r\nhost: localhost\r\ncontent-length: {BODY_BYTES}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![0; BODY_BYTES]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("\"unauthenticated\""), "{answer}");
    running.abort();
}

#[tokio::test]
async fn elsewhere_than_on_loopback_it_wants_tls_or_a_word() {
    let open = Listen {
        address: ([0, 0, 0, 0], 0).into(),
        protection: Protection::Loopback,
    };
    assert!(matches!(
        Listener::bind(&open).await,
        Err(ListenError::Unprotected(_))
    ));
    Listener::bind(&Listen {
        protection: Protection::Insecure,
        ..open
    })
    .await
    .unwrap();
    let taken = Listener::bind(&loopback(Protection::Loopback))
        .await
        .unwrap();
    let again = Listen {
        address: taken.address(),
        protection: Protection::Loopback,
    };
    assert!(matches!(
        Listener::bind(&again).await,
        Err(ListenError::Bind { .. })
    ));
}

#[tokio::test]
async fn tls_by_pem_files() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let protection = Protection::Tls {
        certificate: certificate.clone(),
        key: key.clone(),
    };
    let listener = Listener::bind(&loopback(protection)).await.unwrap();
    let address = listener.address();
    assert!(listener.url().starts_with("https://"));
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(Server::run(
        ServerOptions::default(),
        listener,
        world.deps.clone(),
        async {
            stopped.await.unwrap();
        },
    ));
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .unwrap();
    let answer = ask(stream, "/health/live").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();

    let swapped = Protection::Tls {
        certificate: key,
        key: certificate,
    };
    assert!(matches!(
        Listener::bind(&loopback(swapped)).await,
        Err(ListenError::Pem { .. })
    ));
    let missing = Protection::Tls {
        certificate: folder.path().join("no.pem"),
        key: folder.path().join("no.pem"),
    };
    assert!(matches!(
        Listener::bind(&loopback(missing)).await,
        Err(ListenError::Pem { .. })
    ));
}

#[tokio::test]
async fn ready_means_that_the_loop_advances_and_the_database_answers() {
    let world = World::new().await;
    assert_eq!(
        world.get("/health/ready").anonymous().send().await.ok(),
        json!({ "status": "ready", "scheduler": "ok", "database": "ok" })
    );
    for (health, words) in [
        (None, "has not gone round"),
        (Some(Duration::from_mins(1)), "60 s ago"),
    ] {
        *world.scheduler.health.lock().unwrap() = health;
        let reply = world.get("/health/ready").anonymous().send().await;
        assert_eq!(reply.status.as_u16(), 503);
        assert!(reply.json()["scheduler"].as_str().unwrap().contains(words));
    }
    *world.scheduler.health.lock().unwrap() = Some(Duration::ZERO);
    world.database.close().await;
    let reply = world.get("/health/ready").anonymous().send().await;
    assert_eq!(reply.status.as_u16(), 503);
    world.get("/health/live").anonymous().send().await.ok();
    *world.scheduler.progress.lock().unwrap() = Some(Duration::from_mins(1));
    world.get("/health/live").anonymous().send().await.ok();
    *world.scheduler.progress.lock().unwrap() = Some(Duration::from_mins(3));
    let reply = world.get("/health/live").anonymous().send().await;
    assert_eq!(reply.status.as_u16(), 503);
    assert_eq!(
        reply.json()["why"],
        "the scheduler has made no progress for 180 s"
    );
    world.get("/dags").send().await.problem(503, "unavailable");
}

#[tokio::test]
async fn metrics_name_routes_and_nothing_that_callers_write() {
    let world = World::new().await;
    world.deploy("very-secret-name", json!({ "a": {} })).await;
    world.get("/dags/very-secret-name?x=1").send().await;
    world.get("/dags/no%0Asuch").send().await;
    world.get("/dags").token("weft_no").send().await;
    let reply = world.get("/metrics").send().await;
    let text = String::from_utf8(reply.body).unwrap();
    for line in [
        "weft_http_requests_total{method=\"GET\",route=\"/api/v1/dags/{dag}\",status=\"400\"} 1",
        "weft_http_requests_total{method=\"POST\",route=\"/api/v1/deployments\",status=\"200\"} 1",
        "weft_sign_ins_refused_total{code=\"token_unknown\"} 1",
        "weft_deployments_total 1",
        "weft_scheduler_turn_age_seconds 0.005",
        "weft_queue_places{queue=\"default\"} 6",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("very-secret-name") && text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_document_and_its_page_come_from_here_alone() {
    let world = World::new().await;
    let document = world.get("/api/v1/openapi.json").anonymous().send().await;
    assert_eq!(
        String::from_utf8(document.body).unwrap(),
        weft_server::openapi::document_text()
    );
    let page = world.get("/api/v1/docs/").anonymous().send().await;
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'self'")
    );
    let html = String::from_utf8(page.body).unwrap();
    assert!(
        html.contains("swagger-ui-bundle.js")
            && !html.contains("src=\"http")
            && !html.contains("href=\"http"),
        "{html}"
    );
    let script = world
        .get("/api/v1/docs/swagger-initializer.js")
        .anonymous()
        .send()
        .await;
    assert!(String::from_utf8_lossy(&script.body).contains("/api/v1/openapi.json"));
    world
        .get("/api/v1/docs/swagger-ui-bundle.js")
        .anonymous()
        .send()
        .await;
    world
        .get("/api/v1/docs/../../etc/passwd")
        .anonymous()
        .send()
        .await
        .problem(404, "not_found");
    assert_eq!(
        world
            .get("/api/v1/docs")
            .anonymous()
            .send()
            .await
            .header("location"),
        "/api/v1/docs/"
    );
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let world = World::new().await;
    world.get("/nothing").send().await.problem(404, "not_found");
    world.get("/").send().await.problem(404, "not_found");
    let reply = world.any("DELETE", "/runs").send().await;
    reply.problem(405, "method_not_allowed");
    assert!(reply.header("allow").contains("GET"));
    let long = format!("/dags?cursor={}", "0".repeat(9_000));
    world.get(&long).send().await.problem(413, "too_large");
    let big = format!("{{\"policy\":\"{}\"}}", "x".repeat(5 << 20));
    world
        .put("/policy")
        .header("content-type", "application/json")
        .body(big)
        .send()
        .await
        .problem(413, "too_large");
}
