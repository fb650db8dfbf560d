//! A relay between an installation and its Redis: it can be slow, and it can switch to another
//! server from one moment to the next.

use crate::patience::pass;
use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

struct Shared {
    to: Mutex<Way>,
    /// How long each piece waits before it is passed on, in milliseconds.
    delay_ms: AtomicU64,
}

/// Where it leads, and what goes there now.
struct Way {
    port: u16,
    open: Vec<TcpStream>,
}

/// A listener that passes everything on.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Relay {
    /// One that leads to a port of this machine.
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let way = Way {
            port,
            open: Vec::new(),
        };
        let shared = Arc::new(Shared {
            to: Mutex::new(way),
            delay_ms: AtomicU64::new(0),
        });
        let passing = Arc::clone(&shared);
        // It ends with the test's process.
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // Without a server behind it the connection is closed, as at a port without a listener.
                drop(passing.join(near));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on every piece waits so long, in each direction.
    pub(crate) fn delay(&self, delay: Duration) {
        let delay_ms = u64::try_from(delay.as_millis()).expect("it is short");
        self.shared.delay_ms.store(delay_ms, Ordering::Relaxed);
    }

    /// Cuts every connection; a client that reconnects finds the other server.
    pub(crate) fn lead_to(&self, port: u16) {
        let mut way = self.shared.way();
        way.port = port;
        for stream in way.open.drain(..) {
            // It may be over already.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

impl Shared {
    fn way(&self) -> MutexGuard<'_, Way> {
        self.to.lock().expect("no thread panics with it")
    }

    fn join(self: &Arc<Self>, near: TcpStream) -> std::io::Result<()> {
        let mut way = self.way();
        let far = TcpStream::connect(("127.0.0.1", way.port))?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        way.open.extend([near.try_clone()?, far.try_clone()?]);
        drop(way);
        for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
            let shared = Arc::clone(self);
            thread::spawn(move || shared.pass_on(from, to));
        }
        Ok(())
    }

    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = vec![0; 64 << 10];
        while let Ok(bytes) = from.read(&mut piece)
            && bytes > 0
        {
            let delay_ms = self.delay_ms.load(Ordering::Relaxed);
            if delay_ms > 0 {
                pass(Duration::from_millis(delay_ms));
            }
            if to.write_all(&piece[..bytes]).is_err() {
                break;
            }
        }
        // Both ends hear of it.
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    }
}
