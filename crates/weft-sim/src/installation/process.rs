//! One place where a scheduler runs: its future is polled one step at a time,
//! dropped in the middle, suspended, stopped, and started anew.

use super::{broker::SimBrokers, documents, store::SimStore, truth::Shared};
use std::{
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use tokio::{sync::oneshot, task::coop::unconstrained, time::Instant};
use weft_blob::Blobs;
use weft_scheduler::{Deps, Handle, Planted, Scheduler, SchedulerError, SchedulerOptions};

/// How long the schedulers' leases are.
const LEASE: Duration = Duration::from_secs(5);

/// A scheduler that runs.
pub struct Process {
    future: Pin<Box<dyn Future<Output = Result<(), SchedulerError>> + Send>>,
    /// What others hold of it.
    pub handle: Handle,
    flag: Arc<Flag>,
    /// After how many more polls it crashes.
    pub(crate) crash_in: Option<u32>,
    /// Until when it gets no time.
    pub(crate) suspended_until: Option<Instant>,
    stop: Option<oneshot::Sender<()>>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("flag", &self.flag)
            .field("crash_in", &self.crash_in)
            .finish_non_exhaustive()
    }
}

/// How a scheduler is started.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Which place.
    pub who: usize,
    /// Which start, over all schedulers.
    pub number: u64,
    /// Fixes its numbers.
    pub seed: u64,
    /// Whether broker and workers are parts of the same process.
    pub embedded: bool,
    /// A bug to plant in it.
    pub bug: Option<Planted>,
}

/// What a poll came to.
#[derive(Debug)]
pub enum Polled {
    /// It waits for something.
    Waits,
    /// It crashed.
    Crashed,
    /// It ended, as it was asked to or for a reason of its own.
    Ended(Result<(), SchedulerError>),
    /// It panicked.
    Panicked,
}

/// Notes that a future was woken, and wakes the world.
#[derive(Debug, Default)]
struct Flag {
    woken: AtomicBool,
    world: Mutex<Option<Waker>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = &*world {
            world.wake_by_ref();
        }
    }
}

impl Process {
    /// Starts a scheduler over a world. Its name is the same at each start.
    pub fn start(world: &Shared, blobs: &Blobs, start: Start) -> Self {
        let id = format!("scheduler {}", start.who);
        let deps = Deps {
            store: Arc::new(SimStore {
                world: world.clone(),
                who: start.who,
                id: id.clone(),
                start: start.number,
            }),
            brokers: Arc::new(SimBrokers {
                world: world.clone(),
                who: start.who,
                embedded: start.embedded,
            }),
            blobs: blobs.clone(),
        };
        let mut options = SchedulerOptions::new(id);
        options.lease = LEASE;
        options.defaults = documents::defaults();
        options.seed = Some(start.seed);
        options.planted = start.bug;
        let (scheduler, handle) = Scheduler::new(options, deps);
        let (stop, stopped) = oneshot::channel();
        let run = scheduler.run(async move {
            // A dropped sender stops it as well.
            drop(stopped.await);
        });
        let flag = Arc::new(Flag::default());
        flag.woken.store(true, Ordering::Relaxed);
        Self {
            // Tokio would make it wait after so many steps, though the world has no other tasks.
            future: Box::pin(unconstrained(run)),
            handle,
            flag,
            crash_in: None,
            suspended_until: None,
            stop: Some(stop),
        }
    }

    /// Asks it to end.
    pub fn request_stop(&mut self) {
        self.stop = None;
    }

    /// Whether a poll would come to anything now.
    pub fn is_woken(&self, now: Instant) -> bool {
        self.flag.woken.load(Ordering::Relaxed)
            && self.suspended_until.is_none_or(|until| until <= now)
    }

    /// Lets it go on until it waits for something.
    pub fn poll(&mut self, world: &Context<'_>) -> Polled {
        {
            let mut waker = self
                .flag
                .world
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *waker = Some(world.waker().clone());
        }
        self.flag.woken.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.flag));
        let mut context = Context::from_waker(&waker);
        let future = self.future.as_mut();
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| future.poll(&mut context)));
        match polled {
            Err(_panic) => Polled::Panicked,
            Ok(Poll::Ready(result)) => Polled::Ended(result),
            Ok(Poll::Pending) => match &mut self.crash_in {
                Some(0) => Polled::Crashed,
                Some(left) => {
                    *left -= 1;
                    Polled::Waits
                }
                None => Polled::Waits,
            },
        }
    }
}
