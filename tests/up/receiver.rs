//! An HTTP server of the tests that keeps what it is sent, and refuses as often as a test wants.

use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, Receiver as Channel},
    },
    thread,
    time::Duration,
};

/// A delivery that does not come within this time does not come at all.
const MAX_WAIT: Duration = Duration::from_mins(2);

/// A request that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    /// Header fields, names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// What was answered.
    pub(crate) status: u16,
}

/// The server; it ends with the test's process.
pub(crate) struct Receiver {
    port: u16,
    refusals: Arc<AtomicU32>,
    received: Channel<Received>,
}

impl Receiver {
    /// Listens from now on. The first `refusals` requests are answered with 503.
    pub(crate) fn start(refusals: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let left = Arc::new(AtomicU32::new(refusals));
        let (send, received) = mpsc::channel();
        let refusals = Arc::clone(&left);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("it listens");
                let refuse = left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok();
                let status = if refuse { 503 } else { 200 };
                // A client that was killed sends no whole request.
                let Some(received) = answer(stream, status) else {
                    continue;
                };
                if send.send(received).is_err() {
                    return;
                }
            }
        });
        Self {
            port,
            refusals,
            received,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Refuses so many more requests.
    pub(crate) fn refuse(&self, count: u32) {
        self.refusals.store(count, Ordering::Relaxed);
    }

    /// The next request.
    pub(crate) fn next(&self) -> Received {
        let next = self.received.recv_timeout(MAX_WAIT);
        next.expect("a request comes")
    }

    /// What came and was not looked at.
    pub(crate) fn rest(&self) -> Vec<Received> {
        self.received.try_iter().collect()
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("it is JSON")
    }
}

fn answer(mut stream: TcpStream, status: u16) -> Option<Received> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    Some(Received {
        path,
        headers,
        body,
        status,
    })
}
