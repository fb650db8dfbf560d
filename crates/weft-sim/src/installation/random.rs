//! The random choices of a world: durations and faults.
//!
//! The rates of a world are drawn once, from gentle to awful, so that some
//! worlds suffer much of one thing. A world that was healed suffers nothing
//! more, and everything is fast.

use fastrand::Rng;
use std::time::Duration;

/// What becomes of a commit that the database would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFate {
    /// It is written, and answered.
    Written,
    /// It is not written, and the database reports that it does not answer.
    NotWritten,
    /// It is not written, since there is no space.
    Full,
    /// It is written, and the answer is lost.
    AnswerLost,
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskFate {
    /// It has an output.
    Succeeds,
    /// It fails; another attempt may help, or not.
    Fails {
        /// Whether it may.
        retryable: bool,
    },
    /// It skips itself.
    Skips,
    /// It gives its slot back for a while.
    Defers,
}

/// What a deferred task waits for, until its time at the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFate {
    /// Its time.
    Time,
    /// An event, by the number of its name.
    Event(u32),
    /// The end of a run, by a random number.
    Run(usize),
    /// The end of a run for a date, by a random number.
    Date(usize),
    /// The end of a task of a run, by a random number.
    Task {
        /// The run.
        pick: usize,
        /// Its task.
        task: usize,
        /// Whether it is named by its DAG and date.
        by_date: bool,
    },
    /// An update of an asset, by a random number.
    Asset(usize),
    /// The end of a run that it calls.
    Call {
        /// The DAG, by a random number.
        dag: usize,
        /// Whether it does not wait.
        is_detached: bool,
    },
    /// The answer to what it asks.
    Approval,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageFate {
    /// It arrives once.
    Arrives,
    /// It never arrives.
    Lost,
    /// It arrives, and once more later.
    Doubled,
}

/// How long an await takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// No time: not even another gets a turn.
    None,
    /// Others get a turn.
    Turn,
    /// Time passes.
    For(Duration),
}

/// The rates are in parts of a thousand.
#[derive(Debug, Clone)]
pub struct Randomness {
    /// Everything that is random in a world but the schedulers' own numbers.
    pub rng: Rng,
    /// For what is rare, so that it changes nothing of the worlds that it doesn't befall.
    rare: Rng,
    healed: bool,
    /// Whether tasks have conditions on other runs, and deadlines.
    pub has_conditions: bool,
    blob_read: Duration,
    slow: u32,
    stalled: u32,
    read_fails: u32,
    commit_fails: u32,
    call_fails: u32,
    message_lost: u32,
    message_doubled: u32,
    task_fails: u32,
    task_skips: u32,
    task_defers: u32,
    /// How often something bad happens to the world as a whole.
    fault_interval_ms: u64,
}

/// In worlds of seeds from this one on tasks have conditions on other runs, and deadlines.
pub const FIRST_WITH_CONDITIONS: u64 = 1_000_000;

impl Randomness {
    /// The randomness of one world.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut rate = |worst: u32| [0, worst / 10, worst / 3, worst][rng.usize(0..4)];
        let (slow, stalled) = (rate(300), rate(4));
        let (read_fails, commit_fails, call_fails) = (rate(30), rate(200), rate(60));
        let (message_lost, message_doubled) = (rate(100), rate(200));
        let (task_fails, task_skips, task_defers) = (rate(250), rate(100), rate(150));
        let fault_interval_ms = [700, 1500, 4000][rng.usize(0..3)];
        let mut rare = Rng::with_seed(!seed);
        let blob_read = Duration::from_millis([0, 0, 30, 300][rare.usize(0..4)]);
        Self {
            rng,
            rare,
            blob_read,
            healed: false,
            has_conditions: seed >= FIRST_WITH_CONDITIONS,
            slow,
            stalled,
            read_fails,
            commit_fails,
            call_fails,
            message_lost,
            message_doubled,
            task_fails,
            task_skips,
            task_defers,
            fault_interval_ms,
        }
    }

    /// From now on nothing goes wrong.
    pub fn heal(&mut self) {
        self.healed = true;
    }

    /// Whether something of this rate happens now.
    fn strikes(&mut self, rate: u32) -> bool {
        !self.healed && self.rng.u32(0..1000) < rate
    }

    /// One of two, with this chance in 100.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.rng.u32(0..100) < chance
    }

    /// A random span in milliseconds.
    pub fn span(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(self.rng.u64(from_ms..=to_ms))
    }

    /// How long an await takes.
    pub fn wait(&mut self) -> Wait {
        if self.healed {
            return Wait::None;
        }
        if self.strikes(self.stalled) {
            return Wait::For(self.span(1_000, 12_000));
        }
        if self.strikes(self.slow) {
            return Wait::For(self.span(1, 20));
        }
        if self.rng.bool() {
            Wait::Turn
        } else {
            Wait::None
        }
    }

    /// Whether a read of the database fails.
    pub fn read_fails(&mut self) -> bool {
        self.strikes(self.read_fails)
    }

    /// Whether a call to the broker fails.
    pub fn call_fails(&mut self) -> bool {
        self.strikes(self.call_fails)
    }

    /// What becomes of a commit.
    pub fn commit(&mut self) -> CommitFate {
        if !self.strikes(self.commit_fails) {
            return CommitFate::Written;
        }
        match self.rng.u32(0..5) {
            0 => CommitFate::Full,
            1 | 2 => CommitFate::NotWritten,
            _ => CommitFate::AnswerLost,
        }
    }

    /// Whether an operator triggers a run at this moment, with the id of a run of the turn.
    pub fn id_taken(&mut self) -> bool {
        !self.healed && self.rare.u32(0..50) == 0
    }

    /// Whether an output goes to the blob store.
    pub fn is_output_large(&mut self) -> bool {
        self.rare.u32(0..4) == 0
    }

    /// How long each read of the blob store takes in this world.
    pub const fn blob_read(&self) -> Duration {
        self.blob_read
    }

    /// For how long the blob store answers nothing from now on; none mostly.
    pub fn blobs_away(&mut self) -> Option<Duration> {
        let longest = if self.rare.bool() { 5_000 } else { 120_000 };
        let span = Duration::from_millis(self.rare.u64(100..longest));
        (!self.healed && self.rare.u32(0..12) == 0).then_some(span)
    }

    /// Whether a worker hands back what it just claimed.
    pub fn releases(&mut self) -> bool {
        !self.healed && self.rare.u32(0..30) == 0
    }

    /// Whether the deadly task takes its worker down this time.
    pub fn takes_down(&mut self) -> bool {
        !self.healed && self.rare.u32(0..5) > 0
    }

    /// What becomes of a message.
    pub fn message(&mut self) -> MessageFate {
        if self.strikes(self.message_lost) {
            MessageFate::Lost
        } else if self.strikes(self.message_doubled) {
            MessageFate::Doubled
        } else {
            MessageFate::Arrives
        }
    }

    /// What a task does; that is no fault, and goes on in a healed world.
    pub fn task(&mut self) -> TaskFate {
        let roll = self.rng.u32(0..1000);
        if roll < self.task_fails {
            TaskFate::Fails {
                retryable: self.rng.u32(0..4) > 0,
            }
        } else if roll < self.task_fails + self.task_skips {
            TaskFate::Skips
        } else if roll < self.task_fails + self.task_skips + self.task_defers {
            TaskFate::Defers
        } else {
            TaskFate::Succeeds
        }
    }

    /// Whether a worker has no more time to run tasks ahead.
    pub fn is_ahead_over(&mut self) -> bool {
        self.rare.u32(0..5) == 0
    }

    /// What a deferred task waits for.
    pub fn waits_for(&mut self) -> WaitFate {
        match self.rare.u32(0..12) {
            9 => WaitFate::Approval,
            10 => WaitFate::Task {
                pick: self.rare.usize(..),
                task: self.rare.usize(..),
                by_date: self.rare.bool(),
            },
            11 => WaitFate::Asset(self.rare.usize(..)),
            0..=1 => WaitFate::Time,
            2..=4 => WaitFate::Event(self.rare.u32(0..2)),
            5 => WaitFate::Run(self.rare.usize(..)),
            6 => WaitFate::Date(self.rare.usize(..)),
            _ => WaitFate::Call {
                dag: self.rare.usize(..),
                is_detached: self.rare.u32(0..4) == 0,
            },
        }
    }

    /// The number of the name of an event that an operator sends instead of a command, and whether
    /// it is one that is waited for.
    pub fn sends_event(&mut self) -> Option<(u32, bool)> {
        (self.rare.u32(0..2) == 0).then(|| (self.rare.u32(0..2), self.rare.u32(0..3) > 0))
    }

    /// How long a message is on its way.
    pub fn delay(&mut self) -> Duration {
        if self.healed {
            return Duration::ZERO;
        }
        match self.rng.u32(0..20) {
            0 => self.span(100, 3_000),
            1..=6 => self.span(1, 40),
            _ => Duration::ZERO,
        }
    }

    /// When the next mishap comes.
    pub fn next_fault(&mut self) -> Duration {
        self.span(1, 2 * self.fault_interval_ms)
    }
}
