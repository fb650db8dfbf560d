//! Advances the engines' epochs while guests run, and sleeps while none does.

use super::Profile;
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle, Thread},
    time::Duration,
};
use wasmtime::Engine;

/// Ticks without a running guest before the thread sleeps: waking it costs more
/// than a few idle ticks, and one attempt is often followed by another.
const IDLE_TICKS: u32 = 100;

/// A thread of its own, since the runtime's threads are where guests run. Ends with the value.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
    handle: Option<JoinHandle<()>>,
}

struct Shared {
    /// At most one engine of each profile.
    engines: [OnceLock<Engine>; Profile::ALL.len()],
    running: AtomicUsize,
    is_asleep: AtomicBool,
    is_over: AtomicBool,
}

/// While this lives, the epochs advance.
pub(crate) struct Running<'a>(&'a Ticker);

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(tick: Duration) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engines: [const { OnceLock::new() }; Profile::ALL.len()],
            running: AtomicUsize::new(0),
            is_asleep: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let ticking = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("weft-ticker".into())
            .stack_size(256 << 10)
            .spawn(move || ticking.tick_until_over(tick))?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
            handle: Some(handle),
        })
    }

    /// Ticks for this engine too; for the first engine of each profile.
    pub(crate) fn add(&self, engine: &Engine) {
        for place in &self.shared.engines {
            if place.set(engine.clone()).is_ok() {
                return;
            }
        }
    }

    /// A guest begins to run.
    pub(crate) fn running(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.is_asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(self)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.shared.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.thread.unpark();
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            // The thread can't panic; if it did, there is nothing left to stop.
        }
    }
}

impl Shared {
    fn tick_until_over(&self, tick: Duration) {
        let mut idle = 0;
        while !self.is_over.load(Ordering::SeqCst) {
            if self.running.load(Ordering::SeqCst) > 0 {
                idle = 0;
            } else {
                idle += 1;
            }
            if idle > IDLE_TICKS {
                // Who begins to run either sees the flag, or is seen here.
                self.is_asleep.store(true, Ordering::SeqCst);
                while self.running.load(Ordering::SeqCst) == 0
                    && !self.is_over.load(Ordering::SeqCst)
                {
                    thread::park();
                }
                self.is_asleep.store(false, Ordering::SeqCst);
                idle = 0;
            }
            thread::park_timeout(tick);
            for engine in self.engines.iter().filter_map(OnceLock::get) {
                engine.increment_epoch();
            }
        }
    }
}
