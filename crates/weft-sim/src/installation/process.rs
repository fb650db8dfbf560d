//! A process of a simulated scheduler: its tasks are polled one step at a time,
//! dropped in the middle, suspended, stopped, and started anew.

use super::{blobs::SimBlobs, broker::SimBrokers, documents, store::SimStore, truth::Shared};
use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use tokio::{sync::oneshot, task::coop::unconstrained, time::Instant};
use weft_scheduler::{
    Deps, Executor, Handle, Planted, Scheduler, SchedulerError, SchedulerOptions, SchedulerTask,
    TaskGuard,
};

/// How long the schedulers' leases are.
pub(super) const LEASE: Duration = Duration::from_secs(5);

/// Name of the scheduler in a process.
pub(super) fn scheduler_name(who: usize) -> String {
    format!("scheduler {who}")
}

/// A scheduler that runs.
pub struct Process {
    supervisor: Pin<Box<dyn Future<Output = Result<(), SchedulerError>> + Send>>,
    flag: Arc<Flag>,
    tasks: Arc<Tasks>,
    /// What others hold of it.
    pub handle: Handle,
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

impl Drop for Process {
    fn drop(&mut self) {
        // A task may hold the executor that holds it.
        drop(self.tasks.clear());
    }
}

/// One step that a process can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The supervisor's.
    Supervisor,
    /// That of a task which the supervisor or another task started, by the order of starts.
    Task(u64),
}

/// The tasks that a scheduler started, in order. The world polls them.
#[derive(Default)]
struct Tasks(Mutex<TaskList>);

#[derive(Default)]
struct TaskList {
    started: u64,
    running: BTreeMap<u64, Task>,
}

struct Task {
    /// `None` while it is polled.
    future: Option<SchedulerTask>,
    flag: Arc<Flag>,
}

/// Removes a task from its list.
struct RemoveOnDrop {
    tasks: Weak<Tasks>,
    number: u64,
}

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, TaskList> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clear(&self) -> BTreeMap<u64, Task> {
        std::mem::take(&mut self.lock().running)
    }

    fn woken(&self) -> Vec<Step> {
        let tasks = self.lock();
        let woken = tasks.running.iter().filter(|(_, task)| task.flag.is_set());
        woken.map(|(number, _)| Step::Task(*number)).collect()
    }

    /// Polls a task, and removes it if it has ended.
    fn poll(&self, number: u64, world: &Context<'_>) {
        let Some((mut future, flag)) = self.take(number) else {
            return;
        };
        if flag.poll(world, future.as_mut()).is_pending() {
            self.put_back(number, future);
        } else {
            drop(self.remove(number));
        }
    }

    fn take(&self, number: u64) -> Option<(SchedulerTask, Arc<Flag>)> {
        let mut tasks = self.lock();
        let task = tasks.running.get_mut(&number)?;
        Some((task.future.take()?, Arc::clone(&task.flag)))
    }

    fn put_back(&self, number: u64, future: SchedulerTask) {
        let mut tasks = self.lock();
        if let Some(task) = tasks.running.get_mut(&number) {
            task.future = Some(future);
            return;
        }
        drop(tasks);
        // It was aborted while it was polled, and drops others in turn.
        drop(future);
    }

    fn remove(&self, number: u64) -> Option<Task> {
        self.lock().running.remove(&number)
    }
}

/// The executor of one process.
struct StepByStep(Weak<Tasks>);

impl Executor for StepByStep {
    fn spawn(&self, task: SchedulerTask) -> TaskGuard {
        let number = self.0.upgrade().map_or(0, |tasks| {
            let mut tasks = tasks.lock();
            tasks.started += 1;
            let number = tasks.started;
            let future = Some(unconstrained_task(task));
            let flag = Flag::new_set();
            tasks.running.insert(number, Task { future, flag });
            number
        });
        Box::new(RemoveOnDrop {
            tasks: self.0.clone(),
            number,
        })
    }
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let tasks = self.tasks.upgrade();
        // Dropped outside of the lock, since it may drop others in turn.
        drop(tasks.and_then(|tasks| tasks.remove(self.number)));
    }
}

/// Tokio would make it wait after so many steps, though the world has no other tasks.
fn unconstrained_task(task: SchedulerTask) -> SchedulerTask {
    Box::pin(unconstrained(task))
}

/// The bound on the rows of a turn of every third scheduler.
const SMALL_TURN: usize = 4;

/// How a scheduler is started.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Number of the process.
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

impl Flag {
    fn new_set() -> Arc<Self> {
        let flag = Self::default();
        flag.woken.store(true, Ordering::Relaxed);
        Arc::new(flag)
    }

    fn is_set(&self) -> bool {
        self.woken.load(Ordering::Relaxed)
    }

    /// Polls a future that wakes this.
    fn poll<F: Future + ?Sized>(
        self: &Arc<Self>,
        world: &Context<'_>,
        future: Pin<&mut F>,
    ) -> Poll<F::Output> {
        {
            let mut waker = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            *waker = Some(world.waker().clone());
        }
        self.woken.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(self));
        future.poll(&mut Context::from_waker(&waker))
    }
}

impl Process {
    /// Starts a scheduler over a world. Its name is the same at each start.
    pub fn start(world: &Shared, start: Start) -> Self {
        let id = scheduler_name(start.who);
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
            blobs: Arc::new(SimBlobs {
                world: world.clone(),
                who: start.who,
            }),
        };
        let mut options = SchedulerOptions::new(id);
        options.lease = LEASE;
        options.defaults = documents::defaults_of_start(start.number);
        options.seed = Some(start.seed);
        options.planted = start.bug;
        if start.number.is_multiple_of(3) {
            // Cancels and clears take several turns.
            options.max_rows_per_turn = SMALL_TURN;
        }
        let (scheduler, handle) = Scheduler::new(options, deps);
        let (stop, stopped) = oneshot::channel();
        let tasks = Arc::new(Tasks::default());
        let executor = Arc::new(StepByStep(Arc::downgrade(&tasks)));
        let run = scheduler.run_on(executor, async move {
            // A dropped sender stops it as well.
            drop(stopped.await);
        });
        Self {
            // As with the tasks.
            supervisor: Box::pin(unconstrained(run)),
            flag: Flag::new_set(),
            tasks,
            handle,
            crash_in: None,
            suspended_until: None,
            stop: Some(stop),
        }
    }

    /// Asks it to end.
    pub fn request_stop(&mut self) {
        self.stop = None;
    }

    /// The steps that it could take now.
    pub fn woken(&self, now: Instant) -> Vec<Step> {
        if self.suspended_until.is_some_and(|until| until > now) {
            return Vec::new();
        }
        let mut woken = self.tasks.woken();
        if self.flag.is_set() {
            woken.push(Step::Supervisor);
        }
        woken
    }

    /// Lets one of its tasks go on until it waits for something.
    pub fn poll(&mut self, step: Step, world: &Context<'_>) -> Polled {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| match step {
            Step::Supervisor => self.flag.poll(world, self.supervisor.as_mut()),
            Step::Task(number) => {
                self.tasks.poll(number, world);
                Poll::Pending
            }
        }));
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
