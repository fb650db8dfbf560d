//! The API as bytes on a socket: one request, one answer, and whether there was one.
//!
//! HTTP/1.0 without an agent between, so that a connection that is cut in the
//! middle of an answer is seen as that, and so that requests can be sent which
//! no client would.

use serde_json::Value;
use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// No answer takes longer, on the busiest machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server and a token.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    address: String,
    token: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Api {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        let address = url.strip_prefix("http://").expect("it is not encrypted");
        Self {
            address: address.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The same server for somebody else.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            address: self.address.clone(),
            token: token.to_owned(),
        }
    }

    /// One request below `/api/v1`. An error means that there was no whole answer.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        more: &[&str],
        body: &[u8],
    ) -> io::Result<Answer> {
        let path = format!("/api/v1{path}");
        self.exchange(method, &path, more, body.len() as u64, body)
    }

    /// One request outside of the API.
    pub(crate) fn ask_outside(
        &self,
        method: &str,
        path: &str,
        more: &[&str],
        body: &[u8],
    ) -> io::Result<Answer> {
        self.exchange(method, path, more, body.len() as u64, body)
    }

    /// Whether the server says that it is of use.
    pub(crate) fn is_ready(&self) -> bool {
        self.readiness().expect("it answers")
    }

    /// The same; nothing if no server answers.
    pub(crate) fn readiness(&self) -> Option<bool> {
        let answer = self.exchange("GET", "/health/ready", &[], 0, b"");
        answer.ok().map(|answer| answer.status == 200)
    }

    /// A request that tells how long its body is, and then sends nothing of it.
    pub(crate) fn announce(&self, method: &str, path: &str, bytes: u64) -> io::Result<Answer> {
        self.exchange(method, &format!("/api/v1{path}"), &[], bytes, b"")
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        more: &[&str],
        length: u64,
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n",
            self.address, self.token,
        );
        for line in more {
            head.push_str(line);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        // A server that has answered need not read the rest.
        let sent = stream.write_all(body);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let answer = Answer::read(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
        if answer.status < 400 {
            sent?;
        }
        Ok(answer)
    }

    /// A JSON body to a path.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> io::Result<Answer> {
        self.ask(
            method,
            path,
            &["content-type: application/json"],
            body.to_string().as_bytes(),
        )
    }

    /// The value at a path, which must be there.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &[], b"").expect("it answers");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Every item of a list, page by page.
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let page = self.get(&format!("{path}{mark}limit=500{next}"));
            items.extend(page["items"].as_array().expect("a page").iter().cloned());
            match page["next"].as_str() {
                Some(cursor) => next = format!("&cursor={cursor}"),
                None => return items,
            }
        }
    }
}

impl Answer {
    /// `None` where the connection was cut before the end.
    fn read(bytes: &[u8]) -> Option<Self> {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..split].to_vec()).ok()?;
        let body = bytes[split + 4..].to_vec();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let answer = Self { status, head, body };
        let announced = answer.header("content-length").map(str::parse::<usize>);
        let whole =
            announced.is_none_or(|length| length.is_ok_and(|length| length == answer.body.len()));
        whole.then_some(answer)
    }

    /// A header field of the answer, by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The stable code of a refusal, which must be a problem document of the same status.
    pub(crate) fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.head
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        problem["code"]
            .as_str()
            .expect("a problem has a code")
            .to_owned()
    }
}
