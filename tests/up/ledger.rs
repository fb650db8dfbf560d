//! The ledger that tasks write outside Weft: an HTTP server of the test, which
//! keeps every line that it received, and knows in which life of the server
//! under test each of them came.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Duration,
};

/// Threads that answer. A sender that is killed lets its thread go at once.
const READERS: usize = 4;

/// One line: an attempt did something.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) run: String,
    pub(crate) task: String,
    pub(crate) index: u32,
    pub(crate) attempt: u32,
    pub(crate) key: String,
    /// How often the server under test had been killed before.
    pub(crate) life: usize,
}

#[derive(Default)]
struct Book {
    lines: Vec<Line>,
    life: usize,
    /// Connections that were taken, and those of them that are done with.
    taken: usize,
    done: usize,
}

struct Shared {
    accepting: Mutex<()>,
    book: Mutex<Book>,
    changed: Condvar,
}

/// A running ledger.
#[derive(Clone)]
pub(crate) struct Ledger {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Ledger {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let ledger = Self {
            address: listener.local_addr().expect("it is bound"),
            shared: Arc::new(Shared {
                accepting: Mutex::default(),
                book: Mutex::default(),
                changed: Condvar::new(),
            }),
        };
        for _ in 0..READERS {
            let listener = listener.try_clone().expect("handles are left");
            let shared = Arc::clone(&ledger.shared);
            // They end with the test's process.
            thread::spawn(move || shared.serve(&listener));
        }
        ledger
    }

    /// Scheme, host and port: what a task asks to be granted.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many lines there are.
    pub(crate) fn len(&self) -> usize {
        self.shared.book().lines.len()
    }

    /// Everything that was written.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.shared.book().lines.clone()
    }

    /// Waits until there are so many lines, at most for so long.
    pub(crate) fn wait(&self, lines: usize, longest: Duration) -> bool {
        let book = self.shared.book();
        let few = |book: &mut Book| book.lines.len() < lines;
        let (book, waited) = self
            .shared
            .changed
            .wait_timeout_while(book, longest, few)
            .expect("no reader panics");
        drop(book);
        !waited.timed_out()
    }

    /// The server under test is dead: what it sent is taken first, then its next life begins.
    pub(crate) fn next_life(&self) {
        // Connections are taken in their order, so this one comes after all of the dead one's.
        let fence = TcpStream::connect(self.address).expect("the ledger listens");
        fence
            .shutdown(std::net::Shutdown::Write)
            .expect("it is connected");
        let end = BufReader::new(fence).lines().next();
        assert!(
            end.is_none_or(|line| line.is_err()),
            "a fence is not answered"
        );
        let open = |book: &mut Book| book.done < book.taken;
        let book = self.shared.book();
        let mut book = self
            .shared
            .changed
            .wait_while(book, open)
            .expect("no reader panics");
        book.life += 1;
    }
}

impl Line {
    /// Of `PUT /<run>/<task>/<index>/<attempt>/<key> HTTP/1.1`.
    fn read(request: &str, life: usize) -> Option<Self> {
        let path = request.strip_prefix("PUT /")?.split(' ').next()?;
        let mut parts = path.splitn(5, '/');
        Some(Self {
            run: parts.next()?.to_owned(),
            task: parts.next()?.to_owned(),
            index: parts.next()?.parse().ok()?,
            attempt: parts.next()?.parse().ok()?,
            key: parts.next()?.to_owned(),
            life,
        })
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no reader panics")
    }

    fn serve(&self, listener: &TcpListener) {
        loop {
            let stream = {
                // Counted before the next one is taken.
                let _turn = self.accepting.lock().expect("no reader panics");
                let (stream, _) = listener.accept().expect("the listener stays");
                self.book().taken += 1;
                stream
            };
            // A process that is killed in the middle of a line has not written it.
            drop(self.read(&stream));
            self.book().done += 1;
            self.changed.notify_all();
        }
    }

    fn read(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        // The head ends with an empty line, and so does the body, which has no chunk but the
        // last. All of it is read: closing before would cut off the answer.
        for _ in ["head", "body"] {
            let mut text = String::new();
            while !text.ends_with("\r\n\r\n") && text != "\r\n" {
                if reader.read_line(&mut text)? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        let mut book = self.book();
        let line = Line::read(&request, book.life).ok_or(io::ErrorKind::InvalidData)?;
        book.lines.push(line);
        drop(book);
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
    }
}
