//! A relay in front of a server that can fall silent, as a machine does that loses its power or
//! its network: nothing arrives any more, and no connection is closed.
//!
//! It knows nothing of Weft, so that tests of other crates put theirs before a server with it,
//! too.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

/// Where the server listens.
#[allow(
    dead_code,
    reason = "each crate's tests have servers of one of the kinds"
)]
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Port(u16),
    Socket(PathBuf),
}

/// A relay on a port of this machine.
pub(crate) struct SilentRelay {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Answers of connections that were made before this one are dropped.
    no_answers_before: AtomicU64,
    /// Requests, too.
    no_requests_before: AtomicU64,
    /// New connections are silent as well.
    is_down: AtomicBool,
    connections: AtomicU64,
    /// A request with this text and all that follows fall silent.
    last_before: OnceLock<&'static str>,
}

impl SilentRelay {
    pub(crate) fn to(target: Target) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let relay = Arc::clone(&shared);
        // It ends with the test's process.
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                drop(relay.connect(near, &target));
            }
        });
        Self { port, shared }
    }

    /// From now on nothing passes in either direction, over no connection.
    #[allow(dead_code, reason = "not every crate's tests use both")]
    pub(crate) fn fall_silent(&self) {
        self.shared.fall_silent();
    }

    /// As [`Self::fall_silent`], as soon as a request contains this text, which does not arrive.
    #[allow(dead_code, reason = "not every crate's tests use it")]
    pub(crate) fn fall_silent_before(&self, text: &'static str) {
        self.shared.last_before.set(text).unwrap();
    }

    /// Whether it fell silent.
    #[allow(dead_code, reason = "not every crate's tests use it")]
    pub(crate) fn is_silent(&self) -> bool {
        self.shared.is_down.load(Ordering::SeqCst)
    }

    /// From now on requests of open connections arrive, and their answers don't return.
    #[allow(dead_code, reason = "not every crate's tests use both")]
    pub(crate) fn drop_answers(&self) {
        let all = self.shared.connections.load(Ordering::SeqCst) + 1;
        self.shared.no_answers_before.store(all, Ordering::SeqCst);
    }

    /// New connections work again. Those that fell silent remain so.
    #[allow(dead_code, reason = "not every crate's tests use both")]
    pub(crate) fn accept_again(&self) {
        self.shared.is_down.store(false, Ordering::SeqCst);
    }

    /// Connections that were ever made.
    #[allow(dead_code, reason = "not every crate's tests count them")]
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn fall_silent(&self) {
        self.is_down.store(true, Ordering::SeqCst);
        let all = self.connections.load(Ordering::SeqCst) + 1;
        self.no_answers_before.store(all, Ordering::SeqCst);
        self.no_requests_before.store(all, Ordering::SeqCst);
    }

    /// Whether a request arrives.
    fn is_silent(&self, connection: u64, request: &[u8]) -> bool {
        let is_last = |text: &&str| {
            let mut parts = request.windows(text.len());
            parts.any(|part| part == text.as_bytes())
        };
        if !self.is_down.load(Ordering::SeqCst) && self.last_before.get().is_some_and(is_last) {
            self.fall_silent();
        }
        connection < self.no_requests_before.load(Ordering::SeqCst)
    }

    fn connect(self: &Arc<Self>, near: TcpStream, target: &Target) -> io::Result<()> {
        near.set_nodelay(true)?;
        let number = self.connections.fetch_add(1, Ordering::SeqCst) + 1;
        if self.is_down.load(Ordering::SeqCst) {
            // It stays open for as long as the other end keeps it.
            thread::spawn(move || swallow(near));
            return Ok(());
        }
        let near = (near.try_clone()?, near);
        match target {
            Target::Port(port) => {
                let far = TcpStream::connect(("127.0.0.1", *port))?;
                far.set_nodelay(true)?;
                self.pass_both(number, near, (far.try_clone()?, far));
            }
            Target::Socket(path) => {
                let far = std::os::unix::net::UnixStream::connect(path)?;
                self.pass_both(number, near, (far.try_clone()?, far));
            }
        }
        Ok(())
    }

    fn pass_both<F: Read + Write + Send + 'static>(
        self: &Arc<Self>,
        number: u64,
        near: (TcpStream, TcpStream),
        far: (F, F),
    ) {
        let shared = Arc::clone(self);
        thread::spawn(move || {
            pass(near.0, far.0, |request| shared.is_silent(number, request));
        });
        let shared = Arc::clone(self);
        thread::spawn(move || {
            pass(far.1, near.1, |_answer| {
                number < shared.no_answers_before.load(Ordering::SeqCst)
            });
        });
    }
}

/// Passes everything on until one end closes, except while it is silent.
fn pass(mut from: impl Read, mut to: impl Write, is_silent: impl Fn(&[u8]) -> bool) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(bytes) = from.read(&mut piece)
        && bytes > 0
    {
        if !is_silent(&piece[..bytes]) && to.write_all(&piece[..bytes]).is_err() {
            return;
        }
    }
    if is_silent(&[]) {
        // The end of a connection isn't heard either.
        loop {
            thread::park();
        }
    }
}

fn swallow(mut from: impl Read) {
    let mut piece = vec![0; 64 << 10];
    while from.read(&mut piece).is_ok_and(|bytes| bytes > 0) {}
}
