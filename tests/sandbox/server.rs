//! A web server on the loopback address that misbehaves as its path says, and
//! remembers what reached it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A running server. Its thread ends with the test's process.
pub(crate) struct Server {
    pub(crate) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let server = Self {
            port,
            heads: heads.clone(),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let heads = heads.clone();
                thread::spawn(move || answer(stream, &heads));
            }
        });
        server
    }

    /// What came in before each body; one that only connected left an empty one.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads
            .lock()
            .expect("the server doesn't panic with its list")
            .clone()
    }
}

fn answer(stream: TcpStream, heads: &Mutex<Vec<String>>) {
    let index = {
        let mut heads = heads
            .lock()
            .expect("the server doesn't panic with its list");
        heads.push(String::new());
        heads.len() - 1
    };
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
    let mut head = String::new();
    // A client that closes early ends the head, as an empty line does.
    while reader.read_line(&mut head).is_ok_and(|bytes| bytes > 0) && !head.ends_with("\r\n\r\n") {}
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heads
        .lock()
        .expect("the server doesn't panic with its list")[index] = head;
    // Clients that go away in the middle are what many of these tests are about.
    respond(&path, stream, reader).ok();
}

fn respond(path: &str, mut stream: TcpStream, mut reader: impl Read) -> std::io::Result<()> {
    if let Some(location) = path.strip_prefix("/redirect?to=") {
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    }
    match path {
        "/header-bomb" => {
            write!(stream, "HTTP/1.1 200 OK\r\n")?;
            let value = "v".repeat(8_000);
            for header in 0..1_000_000u32 {
                write!(stream, "x-bomb-{header}: {value}\r\n")?;
            }
            Ok(())
        }
        "/endless-line" => {
            write!(stream, "HTTP/1.1 200 ")?;
            loop {
                stream.write_all(&[b'O'; 4096])?;
            }
        }
        "/endless-body" => {
            write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'b'; 4096])?;
            }
        }
        "/endless-chunks" => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            )?;
            loop {
                stream.write_all(b"1;extension=yes\r\nb\r\n")?;
            }
        }
        "/stalled-body" => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthe beginning"
            )?;
            stream.flush()?;
            loop {
                thread::park();
            }
        }
        "/silence" | "/never-reads" => {
            // Until the client gives up.
            let mut nothing = [0; 1];
            while path == "/silence" && reader.read(&mut nothing)? > 0 {}
            loop {
                thread::park();
            }
        }
        "/reads-all" => {
            std::io::copy(&mut reader, &mut std::io::sink())?;
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        }
        _ => write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
        ),
    }
}
