//! The loop that owns a run.
//!
//! One turn: wait for an event, apply it and whatever else has come up
//! meanwhile, carry out what follows, dispatch while there are slots, draw.
//! The state machine receives events in the order in which they happened, so a run
//! can be followed line by line in its JSON events.

mod act;
mod finish;

use super::{
    attempt::{self, Done, Resume, Shared},
    folder::RunFolder,
    ready::Ready,
    step::{self, Answer},
    timers::Timers,
};
use crate::{
    clock::{Clock, Micros},
    display::{DRAWS_PER_SECOND, Display, Ended, Facts, Notice},
    history::{ErrorRecord, History},
    log::LogWriter,
    outputs::Outputs,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::Instant,
};
use weft_core::{
    inputs::Inputs,
    plan::Plan,
    run::{Action, Attempt, Event as RunEvent, Instance, Moment, Rejection, Run, RunState},
};
use weft_sandbox::{CancelSignal, GuestEvent};

/// How many guests' events wait for the loop before guests wait.
const EVENTS: usize = 1024;
/// How many events are applied before ready instances are dispatched and the display is updated.
const EVENTS_A_TURN: usize = 256;
/// How long an attempt may take to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How often log lines are written at least.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Log lines that are kept for the message of a failure.
const TAIL_LINES: usize = 10;
/// The most characters of each.
const TAIL_CHARS: usize = 300;

/// What a run is made of.
pub(crate) struct Setup {
    pub(crate) shared: Arc<Shared>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) run: Run,
    pub(crate) inputs: Inputs,
    pub(crate) outputs: Outputs,
    pub(crate) folder: RunFolder,
    pub(crate) display: Box<dyn Display>,
    pub(crate) clock: Clock,
    /// The most attempts at once.
    pub(crate) jobs: usize,
    /// Asks before each task; attempts then go one by one.
    pub(crate) step: bool,
    pub(crate) interrupts: mpsc::Receiver<()>,
}

/// What the loop waits for.
#[derive(Debug)]
enum Event {
    /// An attempt is over, or its task of the runtime panicked.
    Done(Result<(Id, Done), JoinError>),
    /// An attempt printed something or moved on.
    Guest(Attempt, GuestEvent),
    /// The user answered a question.
    Answered(Answer),
    /// Ctrl-C, for the first time.
    Interrupted,
    /// A timer is due, a grace is over, it is time to draw.
    Tick,
}

/// An attempt that the sandbox works on.
#[derive(Debug)]
struct Running {
    attempt: Attempt,
    started: Micros,
    cancel: CancelSignal,
    abort: AbortHandle,
    /// Its last log lines.
    tail: VecDeque<String>,
    /// Its outcome no longer counts; it is killed at this time.
    stop_at: Option<Instant>,
}

/// What `--step` is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stepping {
    Off,
    On,
    /// The user is thinking about this instance.
    Asking(Instance),
}

/// One run, while it goes on.
pub(crate) struct Runner {
    setup: Setup,
    ready: Ready,
    timers: Timers,
    history: History,
    log: LogWriter,
    log_broken: bool,
    /// Actions of the machine that were not applied yet.
    pending: VecDeque<Action>,
    /// Whether they are being applied right now.
    acting: bool,
    running: HashMap<Id, Running>,
    /// How many of them are being stopped.
    stopping: usize,
    /// Finds a running attempt by its instance.
    by_instance: HashMap<Instance, Id>,
    joins: JoinSet<Done>,
    guest_sender: mpsc::Sender<(Attempt, GuestEvent)>,
    guests: mpsc::Receiver<(Attempt, GuestEvent)>,
    answer_sender: mpsc::Sender<Answer>,
    answers: mpsc::Receiver<Answer>,
    /// What deferrals left, by instance.
    resumes: HashMap<Instance, Resume>,
    stepping: Stepping,
    began: Micros,
    interrupted: bool,
    /// How many failures kept their last log lines.
    tails: usize,
    last_draw: Instant,
    last_flush: Instant,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunResult {
    /// How it ended.
    pub state: RunState,
    /// Whether the user pressed Ctrl-C.
    pub interrupted: bool,
}

impl Runner {
    /// A run that has not begun.
    pub(crate) fn new(setup: Setup) -> Self {
        let (guest_sender, guests) = mpsc::channel(EVENTS);
        let (answer_sender, answers) = mpsc::channel(1);
        let dag = &setup.shared.dag;
        let mapped = dag
            .tasks
            .iter()
            .map(|task| !task.expand.is_empty())
            .collect();
        let included: Vec<bool> = setup.facts.tasks.iter().map(|task| task.included).collect();
        Self {
            ready: Ready::new(dag.tasks.iter().map(|task| task.priority.unwrap_or(0))),
            timers: Timers::default(),
            history: History::new(mapped, &included),
            log: LogWriter::new(setup.folder.logs()),
            log_broken: false,
            pending: VecDeque::new(),
            acting: false,
            running: HashMap::new(),
            stopping: 0,
            by_instance: HashMap::new(),
            joins: JoinSet::new(),
            guest_sender,
            guests,
            answer_sender,
            answers,
            resumes: HashMap::new(),
            stepping: if setup.step {
                Stepping::On
            } else {
                Stepping::Off
            },
            began: setup.clock.now(),
            interrupted: false,
            tails: 0,
            last_draw: Instant::now(),
            last_flush: Instant::now(),
            setup,
        }
    }

    /// Runs to the end.
    pub(crate) async fn run(mut self) -> RunResult {
        self.began = self.setup.clock.now();
        self.notify(&Notice::RunStarted { at: self.began });
        self.apply(RunEvent::Start);
        loop {
            self.dispatch();
            if self.setup.run.state().is_ended() && self.running.is_empty() {
                break;
            }
            self.draw();
            let event = self.next_event().await;
            self.handle(event);
            for _ in 0..EVENTS_A_TURN {
                let Some(event) = self.next_event_now() else {
                    break;
                };
                self.handle(event);
            }
            // Under load no event is ever missing, so the clock is looked at in every turn.
            self.tick();
        }
        self.end()
    }

    async fn next_event(&mut self) -> Event {
        let wake = self.wake_at();
        tokio::select! {
            // What guests printed comes before the end of their attempts.
            biased;
            Some(()) = self.setup.interrupts.recv() => Event::Interrupted,
            Some((attempt, event)) = self.guests.recv() => Event::Guest(attempt, event),
            Some(done) = self.joins.join_next_with_id() => Event::Done(done),
            Some(answer) = self.answers.recv() => Event::Answered(answer),
            () = tokio::time::sleep_until(wake) => Event::Tick,
        }
    }

    fn next_event_now(&mut self) -> Option<Event> {
        if let Ok((attempt, event)) = self.guests.try_recv() {
            return Some(Event::Guest(attempt, event));
        }
        self.joins.try_join_next_with_id().map(Event::Done)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Done(Ok((id, done))) => {
                // Events of this attempt that others' stand before in the channel.
                while let Ok((attempt, event)) = self.guests.try_recv() {
                    self.guest(attempt, &event);
                }
                self.done(id, done);
            }
            Event::Done(Err(error)) => self.broken(&error),
            Event::Guest(attempt, event) => self.guest(attempt, &event),
            Event::Answered(answer) => self.answered(answer),
            Event::Interrupted => {
                self.interrupted = true;
                let at = self.setup.clock.now();
                self.notify(&Notice::Cancelling { at });
                self.apply(RunEvent::Cancel);
            }
            // Each turn looks at the clock.
            Event::Tick => {}
        }
    }

    /// When the loop has something to do even if nothing happens.
    fn wake_at(&self) -> Instant {
        let now = Instant::now();
        let mut wake = self.last_flush + FLUSH_EVERY;
        if self.setup.display.animated() {
            wake = wake.min(self.last_draw + Duration::from_secs(1) / DRAWS_PER_SECOND);
        }
        if let Some(at) = self.timers.next() {
            wake = wake.min(now + self.setup.clock.until(at));
        }
        if self.stopping > 0 {
            wake = self
                .running
                .values()
                .filter_map(|running| running.stop_at)
                .fold(wake, Instant::min);
        }
        wake
    }

    fn tick(&mut self) {
        if self.timers.next().is_some() {
            let now = self.setup.clock.timestamp();
            while let Some(timer) = self.timers.due(now) {
                self.apply(RunEvent::Due { timer });
            }
        }
        let now = Instant::now();
        if self.stopping > 0 {
            for running in self.running.values() {
                if running.stop_at.is_some_and(|at| at <= now) {
                    running.abort.abort();
                }
            }
        }
        if now >= self.last_flush + FLUSH_EVERY {
            self.last_flush = now;
            self.flush_log();
        }
    }

    fn draw(&mut self) {
        if !self.setup.display.animated() {
            self.setup.display.refresh();
        } else if self.last_draw.elapsed() >= Duration::from_secs(1) / DRAWS_PER_SECOND {
            self.last_draw = Instant::now();
            self.setup.display.refresh();
        }
    }

    fn notify(&mut self, notice: &Notice<'_>) {
        self.setup.display.notice(notice);
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.setup.clock.timestamp(),
            entropy: fastrand::u64(..),
        }
    }
}
