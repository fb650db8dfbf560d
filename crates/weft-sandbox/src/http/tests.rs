//! Hosts that a guest can and can't reach, against servers on this machine.

use super::*;
use crate::{EventSink, GuestEvent, LogLevel, LogStream, log::LogBook};
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty, Full};
use rustls::ClientConfig;
use std::{
    net::{IpAddr, Ipv4Addr},
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use weft_core::{grant::HostPattern, policy::PrivateHost};
use weft_core::{limit::Limits, policy::Granted};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a server does after it has read a request's head.
#[derive(Clone)]
enum Then {
    /// Sends this and closes.
    Send(Vec<u8>),
    /// Sends this and then nothing.
    Stall(Vec<u8>),
    /// Sends this to each of so many requests of a connection, and closes at the next.
    Repeat(Vec<u8>, u32),
}

impl Then {
    fn send(text: impl Into<Vec<u8>>) -> Self {
        Self::Send(text.into())
    }
}

/// A server on a free port of this machine; gone when dropped.
struct Server {
    port: u16,
    /// How many connections there were.
    connections: Arc<AtomicU32>,
    /// The head of each request.
    heads: mpsc::UnboundedReceiver<String>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start(then: Then) -> Self {
        Self::start_with(then, None).await
    }

    async fn start_with(then: Then, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, heads) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let accepted = Arc::new(AtomicU32::new(0));
        let number = Arc::clone(&accepted);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _from)) = listener.accept().await {
                number.fetch_add(1, Ordering::Relaxed);
                let (then, seen, tls) = (then.clone(), seen.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => answer(stream, then, seen).await,
                        // A client that refuses the certificate ends it here.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream, then, seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            port,
            connections: accepted,
            heads,
            _tasks: tasks,
        }
    }

    fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    fn was_asked(&mut self) -> bool {
        self.heads.try_recv().is_ok()
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin), seen: &mpsc::UnboundedSender<String>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_closed) => break,
        }
    }
    seen.send(String::from_utf8_lossy(&head).into_owned()).ok();
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    then: Then,
    seen: mpsc::UnboundedSender<String>,
) {
    read_head(&mut stream, &seen).await;
    match then {
        Then::Repeat(bytes, requests) => {
            for _request in 0..requests {
                stream.write_all(&bytes).await.ok();
                read_head(&mut stream, &seen).await;
            }
        }
        Then::Send(bytes) => {
            // The client may have had enough before the end.
            stream.write_all(&bytes).await.ok();
            stream.shutdown().await.ok();
            // Closing before all was read would reset the connection.
            tokio::io::copy(&mut stream, &mut tokio::io::sink())
                .await
                .ok();
        }
        Then::Stall(bytes) => {
            stream.write_all(&bytes).await.ok();
            std::future::pending::<()>().await;
        }
    }
}

/// An attempt with these grants; `private` may lead to this machine.
struct Attempt {
    grants: Vec<String>,
    private: Vec<&'static str>,
    names: Vec<(&'static str, Vec<IpAddr>)>,
    limits: Limits,
    tls: Option<Arc<ClientConfig>>,
    client: Option<Arc<Client>>,
    task: &'static str,
}

impl Attempt {
    fn new(grants: &[&str]) -> Self {
        Self {
            grants: grants.iter().map(|grant| (*grant).to_owned()).collect(),
            private: Vec::new(),
            names: Vec::new(),
            limits: Limits::DEFAULT,
            tls: None,
            client: None,
            task: "load",
        }
    }

    /// This attempt and those that are made of it share their connections.
    fn with_client(mut self) -> Self {
        self.client = Some(Arc::new(Client::new(Arc::new(FixedResolver::default()))));
        self
    }

    /// Granted, and allowed by the policy, to reach this machine itself.
    fn local(server: &Server) -> Self {
        let mut attempt = Self::new(&[&format!("http://127.0.0.1:{}", server.port)]);
        attempt.private.push("127.0.0.1");
        attempt
    }

    fn start(&self) -> HttpState {
        self.start_with_log(EventSink::discard())
    }

    fn start_with_log(&self, events: EventSink) -> HttpState {
        let table = self
            .names
            .iter()
            .map(|(name, found)| ((*name).to_owned(), found.clone()));
        let resolver = Arc::new(FixedResolver(table.collect()));
        let client = match (&self.client, &self.tls) {
            (Some(client), _) => Arc::clone(client),
            (None, None) => Arc::new(Client::new(resolver)),
            (None, Some(tls)) => Arc::new(Client::with_tls(resolver, Arc::clone(tls))),
        };
        let private = |host: &&str| PrivateHost {
            host: match host.parse() {
                Ok(address) => HostPattern::Address(address),
                Err(_name) => HostPattern::Name((*host).to_owned()),
            },
            networks: vec!["127.0.0.0/8".parse().unwrap()],
        };
        let granted = Granted {
            http: self
                .grants
                .iter()
                .map(|grant| grant.parse().unwrap())
                .collect(),
            private: self.private.iter().map(private).collect(),
            ..Granted::default()
        };
        let log = Arc::new(LogBook::new(events, &self.limits));
        let scope = ConnectionScope::of_task("default", "flights", self.task);
        HttpState::new(client, Arc::new(granted), &self.limits, log, scope)
    }
}

fn body(bytes: &'static [u8]) -> WasiBody {
    Full::new(Bytes::from_static(bytes))
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn get(uri: &str) -> Request<WasiBody> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    Request::get(uri).body(body).unwrap()
}

async fn send_with(
    state: &mut HttpState,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<WasiBody>, Error> {
    let processed = Box::new(async { Ok(()) });
    let sent = state.hooks.send_request(request, Some(options), processed);
    Box::into_pin(sent).await.map(|(response, _io)| response)
}

async fn send(state: &mut HttpState, uri: &str) -> Result<Response<WasiBody>, Error> {
    send_with(state, get(uri), RequestOptions::default()).await
}

async fn text(response: Response<WasiBody>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn a_granted_request_arrives_and_is_counted() {
    let mut server = Server::start(Then::send(HELLO)).await;
    let mut state = Attempt::local(&server).start();
    let request = Request::post(format!("http://127.0.0.1:{}/a?b=c", server.port))
        .header("x-own", "yes")
        .body(body(b"question"))
        .unwrap();
    let response = send_with(&mut state, request, RequestOptions::default())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "hello");
    assert_eq!(state.bytes(), (5, 8));
    let head = server.heads.recv().await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("post /a?b=c http/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\nhost: 127.0.0.1:{}\r\n", server.port)),
        "{head}"
    );
    assert!(head.contains("\r\nx-own: yes\r\n"), "{head}");
}

#[tokio::test]
async fn each_request_has_a_line_without_its_path() {
    let server = Server::start(Then::send(HELLO)).await;
    let attempt = Attempt::local(&server);
    let (events, mut lines) = EventSink::channel(8);
    let mut state = attempt.start_with_log(events);
    let uri = format!("http://127.0.0.1:{}", server.port);
    let response = send(&mut state, &format!("{uri}/hook/secret?key=secret")).await;
    assert_eq!(text(response.unwrap()).await, "hello");
    drop(server);
    send(&mut state, &uri).await.unwrap_err();
    drop(state);
    let mut requests = Vec::new();
    while let Some(line) = lines.next().await {
        let GuestEvent::Log {
            stream: LogStream::Structured(LogLevel::Debug),
            message,
            fields,
            ..
        } = line
        else {
            // The warning that no address answered.
            continue;
        };
        requests.push((message, fields));
    }
    assert_eq!(requests.len(), 2, "{requests:?}");
    let expected = [(Some("200"), ": 200 after "), (None, " after ")];
    for ((message, fields), (status, words)) in requests.into_iter().zip(expected) {
        assert!(
            message.starts_with(&format!("GET {uri}: ")) && message.contains(words),
            "{message}"
        );
        assert!(!message.contains("secret") && !format!("{fields:?}").contains("secret"));
        let found = fields.iter().find(|(name, _)| name == "http.status");
        assert_eq!(found.map(|(_, value)| value.as_str()), status);
    }
}

/// A body that must not be read.
struct Unread;

impl Body for Unread {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        panic!("the body of a denied request was read");
    }
}

#[tokio::test]
async fn without_a_grant_nothing_is_read_or_sent_and_the_grant_is_named() {
    let mut server = Server::start(Then::send(HELLO)).await;
    let mut state = Attempt::new(&["example.org"]).start();
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let request = Request::post(&uri).body(Unread.boxed_unsync()).unwrap();
    let refused = send_with(&mut state, request, RequestOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::HttpRequestDenied), "{refused:?}");
    let denial = state.first_denial().unwrap();
    let grant = format!(
        "grants = {{ http = [\"http://127.0.0.1:{}\"] }}",
        server.port
    );
    assert!(denial.contains(&grant), "{denial}");
    assert!(!server.was_asked());
}

#[tokio::test]
async fn a_public_name_that_leads_to_a_private_address_is_refused() {
    let mut server = Server::start(Then::send(HELLO)).await;
    let grant = format!("http://public.example.org:{}", server.port);
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    for address in [
        LOCAL,
        mapped,
        "10.0.0.1".parse().unwrap(),
        "169.254.169.254".parse().unwrap(),
    ] {
        let mut attempt = Attempt::new(&[&grant]);
        attempt.names.push(("public.example.org", vec![address]));
        let mut state = attempt.start();
        let refused = send(&mut state, &format!("{grant}/")).await.unwrap_err();
        assert!(
            matches!(refused, Error::DestinationIpProhibited),
            "{address}: {refused:?}"
        );
        assert!(state.first_denial().unwrap().contains("[http.private]"));
    }
    assert!(!server.was_asked());
}

#[tokio::test]
async fn of_several_addresses_only_allowed_ones_are_tried() {
    let server = Server::start(Then::send(HELLO)).await;
    let grant = format!("http://intranet.example.org:{}", server.port);
    let mut attempt = Attempt::new(&[&grant]);
    attempt.private.push("intranet.example.org");
    attempt.names.push((
        "intranet.example.org",
        vec!["10.0.0.1".parse().unwrap(), LOCAL],
    ));
    let response = send(&mut attempt.start(), &format!("{grant}/"))
        .await
        .unwrap();
    assert_eq!(text(response).await, "hello");
}

#[tokio::test]
async fn a_redirect_is_the_guests_to_follow_and_is_checked_again() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(Then::send(redirect)).await;
    let mut state = Attempt::local(&server).start();
    let response = send(&mut state, &format!("http://127.0.0.1:{}/", server.port))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let refused = send(&mut state, &location).await.unwrap_err();
    assert!(matches!(refused, Error::HttpRequestDenied), "{refused:?}");
}

#[tokio::test]
async fn a_head_of_too_many_or_too_long_fields_is_refused() {
    let many = "x: y\r\n".repeat(10_000);
    let long = format!("x: {}\r\n", "y".repeat(1 << 20));
    for fields in [many, long] {
        let server = Server::start(Then::send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n"))).await;
        let mut state = Attempt::local(&server).start();
        let uri = format!("http://127.0.0.1:{}/", server.port);
        let refused = send(&mut state, &uri).await.unwrap_err();
        assert!(
            matches!(refused, Error::HttpResponseHeaderSectionSize(_)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_ends_with_an_error() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 4194304\r\n\r\n".to_vec();
    let server = Server::start(Then::Send([head, vec![7; 4 << 20]].concat())).await;
    let mut attempt = Attempt::local(&server);
    attempt.limits.http_body_bytes = 100_000;
    let mut state = attempt.start();
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let response = send(&mut state, &uri).await.unwrap();
    let error = response.into_body().collect().await.unwrap_err();
    assert!(
        matches!(error, Error::HttpResponseBodySize(Some(100_000))),
        "{error:?}"
    );
    assert!(state.bytes().0 <= 100_000);

    attempt.limits.http_body_bytes = 7;
    let mut state = attempt.start();
    let request = Request::post(&uri).body(body(b"question")).unwrap();
    let error = send_with(&mut state, request, RequestOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::HttpRequestBodySize(Some(8))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_stalls_is_not_waited_for_beyond_the_timeouts() {
    let soon = Some(Duration::from_millis(50));
    let server = Server::start(Then::Stall(b"HTTP/1.1 200 ".to_vec())).await;
    let mut state = Attempt::local(&server).start();
    let options = RequestOptions {
        first_byte_timeout: soon,
        ..RequestOptions::default()
    };
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let error = send_with(&mut state, get(&uri), options).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error:?}");

    let part = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhe".to_vec();
    let server = Server::start(Then::Stall(part)).await;
    let mut state = Attempt::local(&server).start();
    let options = RequestOptions {
        between_bytes_timeout: soon,
        ..RequestOptions::default()
    };
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let response = send_with(&mut state, get(&uri), options).await.unwrap();
    let error = response.into_body().collect().await.unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error:?}");
}

#[tokio::test]
async fn a_zero_timeout_is_refused_with_a_reason() {
    let mut server = Server::start(Then::send(HELLO)).await;
    let mut state = Attempt::local(&server).start();
    let options = RequestOptions {
        connect_timeout: Some(Duration::ZERO),
        ..RequestOptions::default()
    };
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let refused = send_with(&mut state, get(&uri), options).await.unwrap_err();
    let Error::InternalError(Some(reason)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        reason.contains("connect timeout") && reason.contains("zero"),
        "{reason}"
    );
    assert!(!server.was_asked());
}

#[tokio::test]
async fn a_connection_is_taken_until_its_body_is_dropped() {
    let server = Server::start(Then::send(HELLO)).await;
    let mut attempt = Attempt::local(&server);
    attempt.limits.connections = 1;
    let mut state = attempt.start();
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let first = send(&mut state, &uri).await.unwrap();
    let refused = send(&mut state, &uri).await.unwrap_err();
    assert!(
        matches!(refused, Error::ConnectionLimitReached),
        "{refused:?}"
    );
    drop(first);
    send(&mut state, &uri).await.unwrap();
}

#[tokio::test]
async fn tls_is_for_the_name_that_was_asked_for() {
    let certified = rcgen::generate_simple_self_signed(vec!["secure.example.org".into()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = Server::start_with(Then::send(HELLO), Some(acceptor)).await;

    let names = ["secure.example.org", "other.example.org"];
    let grants: Vec<_> = names
        .iter()
        .map(|name| format!("{name}:{}", server.port))
        .collect();
    let mut attempt = Attempt::new(&grants.iter().map(String::as_str).collect::<Vec<_>>());
    attempt.private = names.to_vec();
    attempt.names = names.iter().map(|name| (*name, vec![LOCAL])).collect();
    attempt.tls = Some(tls::config_with_roots(vec![certificate]));
    let mut state = attempt.start();
    let [secure, other] = names.map(|name| format!("https://{name}:{}/", server.port));
    assert_eq!(
        text(send(&mut state, &secure).await.unwrap()).await,
        "hello"
    );
    let refused = send(&mut state, &other).await.unwrap_err();
    assert!(matches!(refused, Error::TlsCertificateError), "{refused:?}");

    attempt.tls = Some(tls::system_config());
    let refused = send(&mut attempt.start(), &secure).await.unwrap_err();
    assert!(matches!(refused, Error::TlsCertificateError), "{refused:?}");
}

#[tokio::test]
async fn attempts_of_one_task_reuse_a_connection() {
    let server = Server::start(Then::Repeat(HELLO.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let attempt = Attempt::local(&server).with_client();
    for _attempt in 0..3 {
        let mut state = attempt.start();
        for _page in 0..3 {
            assert_eq!(text(send(&mut state, &uri).await.unwrap()).await, "hello");
        }
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn another_task_opens_a_connection_of_its_own() {
    let server = Server::start(Then::Repeat(HELLO.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let mut attempt = Attempt::local(&server).with_client();
    for task in ["load", "check"] {
        attempt.task = task;
        let response = send(&mut attempt.start(), &uri).await.unwrap();
        assert_eq!(text(response).await, "hello");
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_kept_connection_is_not_used_where_the_policy_forbids_its_address() {
    let server = Server::start(Then::Repeat(HELLO.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let mut attempt = Attempt::local(&server).with_client();
    let response = send(&mut attempt.start(), &uri).await.unwrap();
    assert_eq!(text(response).await, "hello");
    attempt.private.clear();
    let refused = send(&mut attempt.start(), &uri).await.unwrap_err();
    assert!(
        matches!(refused, Error::DestinationIpProhibited),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_get_is_sent_again_where_the_server_closed_the_connection() {
    let mut server = Server::start(Then::Repeat(HELLO.into(), 1)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let mut state = Attempt::local(&server).start();
    for _request in 0..3 {
        assert_eq!(text(send(&mut state, &uri).await.unwrap()).await, "hello");
    }
    assert_eq!(server.connections(), 3);
    // The two that found their connection closed were read twice.
    let mut heads = 0;
    while server.heads.try_recv().is_ok() {
        heads += 1;
    }
    assert_eq!(heads, 5);
}

#[tokio::test]
async fn a_request_that_has_an_effect_is_sent_over_a_new_connection() {
    let server = Server::start(Then::Repeat(HELLO.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let mut state = Attempt::local(&server).start();
    assert_eq!(text(send(&mut state, &uri).await.unwrap()).await, "hello");
    let post = Request::post(&uri).body(body(b"")).unwrap();
    let response = send_with(&mut state, post, RequestOptions::default());
    assert_eq!(text(response.await.unwrap()).await, "hello");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_whose_response_was_not_read_to_its_end_is_closed() {
    let large = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let server = Server::start(Then::Repeat(large.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let mut state = Attempt::local(&server).start();
    drop(send(&mut state, &uri).await.unwrap());
    drop(send(&mut state, &uri).await.unwrap());
    assert_eq!(server.connections(), 2);
}

/// An empty body that ends when its sender is dropped.
struct Late(oneshot::Receiver<()>);

impl Body for Late {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.0).poll(cx).map(|_ended| None)
    }
}

#[tokio::test]
async fn a_get_whose_body_is_ended_late_reuses_a_connection() {
    let mut server = Server::start(Then::Repeat(HELLO.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let mut state = Attempt::local(&server).start();
    for _request in 0..2 {
        let (sender, ended) = oneshot::channel();
        let body = Late(ended).boxed_unsync();
        let request = Request::get(&uri).body(body).unwrap();
        let (response, ()) = tokio::join!(
            send_with(&mut state, request, RequestOptions::default()),
            async move {
                tokio::task::yield_now().await;
                drop(sender);
            }
        );
        assert_eq!(text(response.unwrap()).await, "hello");
    }
    assert_eq!(server.connections(), 1);
    while let Ok(head) = server.heads.try_recv() {
        assert!(
            !head.to_ascii_lowercase().contains("transfer-encoding"),
            "{head}"
        );
    }
}

/// Sends so many requests at once, and reads all their responses.
async fn send_at_once(attempt: &Attempt, uri: &str, count: usize) {
    let mut state = attempt.start();
    let mut responses = Vec::new();
    for _request in 0..count {
        responses.push(send(&mut state, uri).await.unwrap());
    }
    for response in responses {
        assert_eq!(text(response).await, "hello");
    }
}

#[tokio::test]
async fn kept_connections_are_bounded_for_a_task_and_for_the_process() {
    let server = Server::start(Then::Repeat(HELLO.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let mut attempt = Attempt::local(&server).with_client();
    attempt.limits.connections = 64;
    let idle = Arc::clone(&attempt.client.as_ref().unwrap().idle);
    send_at_once(&attempt, &uri, idle::MAX_IDLE_OF_TASK + 4).await;
    assert_eq!(idle.count(), idle::MAX_IDLE_OF_TASK);
    for task in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        attempt.task = task;
        send_at_once(&attempt, &uri, idle::MAX_IDLE_OF_TASK).await;
    }
    assert_eq!(idle.count(), idle::MAX_IDLE);
}

#[tokio::test]
async fn a_connection_that_waits_too_long_is_closed() {
    let server = Server::start(Then::Repeat(HELLO.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let attempt = Attempt::local(&server).with_client();
    let idle = Arc::clone(&attempt.client.as_ref().unwrap().idle);
    send_at_once(&attempt, &uri, 1).await;
    assert_eq!(idle.count(), 1);
    tokio::time::pause();
    // The first look finds it too young.
    for _look in 0..2 {
        tokio::time::sleep(idle::IDLE_TIMEOUT / 2).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(idle.count(), 0);
}

#[tokio::test]
async fn an_old_connection_is_not_used_again() {
    let server = Server::start(Then::Repeat(HELLO.into(), 100)).await;
    let uri = format!("http://127.0.0.1:{}/", server.port);
    let attempt = Attempt::local(&server).with_client();
    let idle = Arc::clone(&attempt.client.as_ref().unwrap().idle);
    let mut state = attempt.start();
    let response = send(&mut state, &uri).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(idle::MAX_AGE).await;
    tokio::time::resume();
    assert_eq!(text(response).await, "hello");
    assert_eq!(idle.count(), 0);
}
