//! The part of WASI that needs no grant: clocks, randomness, environment,
//! arguments and the standard streams.
//!
//! The context is made at the guest's first call into WASI, since most of the
//! cost of a small attempt would be making what it never uses. In a
//! deterministic attempt both clocks start at the logical date and advance only
//! by being read, and all randomness follows from the idempotency key.

use crate::event::LogStream;
use crate::log::{LogBook, LogOutput};
use rand_core::TryRng;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder,
    cli::{StdinStream, StdoutStream},
};
use weft_core::time::Timestamp;

/// The most random bytes that one call hands out.
const MAX_RANDOM_BYTES: u64 = 1 << 20;

/// How far a deterministic clock advances each time it is read.
const CLOCK_STEP: Duration = Duration::from_micros(1);

/// One attempt's WASI context, or what it will be made of.
#[derive(Default)]
pub(crate) struct Wasi {
    context: Option<WasiCtx>,
    determinism: Option<Determinism>,
    program: Option<ProgramStreams>,
}

/// The clock and the randomness of a deterministic attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Determinism {
    /// Where the clocks start.
    pub(crate) start: Timestamp,
    /// What all randomness follows from.
    pub(crate) seed: [u8; 32],
}

/// What a program is started with.
pub(crate) struct ProgramStreams {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) stdin: Box<dyn StdinSource>,
    pub(crate) stdout: Box<dyn StdoutSink>,
}

/// Standard input that a builder takes; a trait of its own, since the builder wants a sized type.
pub(crate) trait StdinSource: Send {
    fn apply_to(self: Box<Self>, builder: &mut WasiCtxBuilder);
}

impl<T: StdinStream + 'static> StdinSource for T {
    fn apply_to(self: Box<Self>, builder: &mut WasiCtxBuilder) {
        builder.stdin(*self);
    }
}

/// Standard output that a builder takes.
pub(crate) trait StdoutSink: Send {
    fn apply_to(self: Box<Self>, builder: &mut WasiCtxBuilder);
}

impl<T: StdoutStream + 'static> StdoutSink for T {
    fn apply_to(self: Box<Self>, builder: &mut WasiCtxBuilder) {
        builder.stdout(*self);
    }
}

impl Wasi {
    /// Nothing is made yet.
    pub(crate) fn new(determinism: Option<Determinism>) -> Self {
        Self {
            context: None,
            determinism,
            program: None,
        }
    }

    /// Arguments, environment and streams of a program; before the guest starts.
    pub(crate) fn set_program(&mut self, program: ProgramStreams) {
        self.program = Some(program);
    }

    /// The context, made now if this is the first use of it.
    pub(crate) fn context(&mut self, log: &Arc<LogBook>) -> &mut WasiCtx {
        if self.context.is_none() {
            self.context = Some(self.builder(log).build());
        }
        self.context.as_mut().expect("it was made one line above")
    }

    /// A builder with everything but a file system, for callers that make a context of
    /// its own. Takes the program's streams.
    pub(crate) fn builder(&mut self, log: &Arc<LogBook>) -> WasiCtxBuilder {
        let mut builder = WasiCtxBuilder::new();
        builder.max_random_size(MAX_RANDOM_BYTES);
        builder.stderr(LogOutput::new(Arc::clone(log), LogStream::Stderr));
        match self.program.take() {
            Some(program) => {
                builder.args(&program.args).envs(&program.env);
                program.stdin.apply_to(&mut builder);
                program.stdout.apply_to(&mut builder);
            }
            None => {
                builder.stdout(LogOutput::new(Arc::clone(log), LogStream::Stdout));
            }
        }
        if let Some(Determinism { start, seed }) = self.determinism {
            let base = Duration::from_millis(u64::try_from(start.0).unwrap_or(0));
            builder
                .wall_clock(SteppedClock::new(base))
                .monotonic_clock(SteppedClock::new(Duration::ZERO))
                .secure_random(SeededRandom::new(&seed, "secure"))
                .insecure_random(SeededRandom::new(&seed, "insecure"))
                .insecure_random_seed(u128::from_le_bytes(
                    *seed.first_chunk().expect("32 bytes have 16 first ones"),
                ));
        }
        builder
    }
}

/// A clock that advances only by being read, so that even a guest that waits for
/// it sees the same times in every attempt.
struct SteppedClock {
    base: Duration,
    reads: AtomicU64,
}

impl SteppedClock {
    fn new(base: Duration) -> Self {
        Self {
            base,
            reads: AtomicU64::new(0),
        }
    }

    fn read(&self) -> Duration {
        let steps = self.reads.fetch_add(1, Ordering::Relaxed);
        let since = u64::try_from(CLOCK_STEP.as_nanos())
            .unwrap_or(u64::MAX)
            .saturating_mul(steps);
        self.base + Duration::from_nanos(since)
    }
}

impl HostWallClock for SteppedClock {
    fn resolution(&self) -> Duration {
        CLOCK_STEP
    }

    fn now(&self) -> Duration {
        self.read()
    }
}

impl HostMonotonicClock for SteppedClock {
    fn resolution(&self) -> u64 {
        u64::try_from(CLOCK_STEP.as_nanos()).unwrap_or(u64::MAX)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.read().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Random bytes that follow from a seed: the extendable output of BLAKE3.
struct SeededRandom(blake3::OutputReader);

impl SeededRandom {
    fn new(seed: &[u8; 32], purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(seed);
        hasher.update(purpose.as_bytes());
        Self(hasher.finalize_xof())
    }
}

impl TryRng for SeededRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_bytes_and_others_do_not() {
        let draw = |seed: u8, purpose| {
            let mut bytes = [0; 40];
            let Ok(()) = SeededRandom::new(&[seed; 32], purpose).try_fill_bytes(&mut bytes);
            bytes
        };
        assert_eq!(draw(1, "secure"), draw(1, "secure"));
        assert_ne!(draw(1, "secure"), draw(2, "secure"));
        assert_ne!(draw(1, "secure"), draw(1, "insecure"));
    }

    #[test]
    fn a_stepped_clock_advances_by_being_read() {
        let clock = SteppedClock::new(Duration::from_secs(7));
        assert_eq!(HostWallClock::now(&clock), Duration::from_secs(7));
        assert_eq!(
            HostWallClock::now(&clock),
            Duration::from_secs(7) + CLOCK_STEP
        );
    }
}
