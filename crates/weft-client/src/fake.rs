//! A server for tests: answers each request as the test scripted it, one connection
//! after the other, and remembers what it was received.

use crate::{Client, Server, Token};
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

/// The token that [`Fake::client`] has.
pub(crate) const TOKEN: &str = "weft_very_secret";

/// What was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// By their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// The bytes of an answer.
pub(crate) struct Reply(Vec<u8>);

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::raw(&format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ))
    }

    /// A problem as the server tells it.
    pub(crate) fn problem(status: u16, code: &str, exit_code: u8) -> Self {
        Self::json(
            status,
            &format!(
                r#"{{"type":"urn:weft:problem:{code}","title":"t","status":{status},"code":"{code}","detail":"what happened","help":"what to do","exit_code":{exit_code},"request":"0123"}}"#
            ),
        )
    }

    /// A stream that ends with these events.
    pub(crate) fn events(events: &str) -> Self {
        Self::raw(&format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{events}"
        ))
    }

    /// Exactly these bytes; none hang up.
    pub(crate) fn raw(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// A server that runs until the test's process ends.
pub(crate) struct Fake {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Fake {
    /// Answers by the request and how many there were before it.
    pub(crate) fn start(answer: impl Fn(&Received, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else {
                    continue;
                };
                let before = {
                    let mut list = remembered.lock().expect("no test panics with it");
                    list.push(request.clone());
                    list.len() - 1
                };
                let Reply(bytes) = answer(&request, before);
                // A client that went away has its answer already, or wants none.
                drop((&stream).write_all(&bytes));
            }
        });
        Self { url, received }
    }

    /// Refuses every request (401) before it has read the body, and closes the connection.
    pub(crate) fn refusing_unread_bodies() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let Reply(bytes) = Reply::problem(401, "unauthenticated", 4);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = [0; 1 << 10];
                drop(stream.read(&mut head));
                // The connection is reset as soon as the stream is dropped, since bytes are unread.
                drop(stream.write_all(&bytes));
            }
        });
        Self {
            url,
            received: Arc::new(Mutex::new(Vec::new())),
        }
    }

    /// What was received so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received
            .lock()
            .expect("no test panics with it")
            .clone()
    }

    /// A client of this server, with a token.
    pub(crate) fn client(&self) -> Client {
        client(&self.url)
    }
}

/// A client of any server.
pub(crate) fn client(url: &str) -> Client {
    let token = Token::new(TOKEN).expect("a token");
    let server = Server::at(url, Some(token)).expect("a URL");
    Client::new(server).expect("a client")
}

fn read(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        method,
        path,
        headers,
        body,
    })
}
