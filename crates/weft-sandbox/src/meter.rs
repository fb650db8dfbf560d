//! How long an attempt has run: CPU time and wall-clock time, and the bounds on both.
//!
//! CPU time is the thread's own (`CLOCK_THREAD_CPUTIME_ID`), taken around each
//! poll of the attempt's future. So it counts the guest and the host calls made
//! on its thread, and neither waiting nor the time that other threads took the
//! processor away. What a host call does on other threads (file access, name
//! resolution) is not counted; the wall-clock bound covers it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// One attempt's clocks. Shared between the future that is polled and the
/// callback that runs inside of it at each tick.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    wall_limit: Duration,
    cpu_limit: Option<Duration>,
    /// CPU time of the polls that ended, in nanoseconds.
    spent: AtomicU64,
    /// The thread's CPU time when the current poll began, in nanoseconds.
    poll_began: AtomicU64,
}

/// Why a running guest is interrupted; the error of the trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Interrupt {
    /// Out of CPU time.
    #[error("out of CPU time")]
    Cpu,
    /// Out of wall-clock time.
    #[error("out of time")]
    Wall,
}

impl Meter {
    /// Starts now. Without a CPU limit fuel bounds the computing.
    pub(crate) fn start(wall_limit: Duration, cpu_limit: Option<Duration>) -> Self {
        Self {
            started: Instant::now(),
            wall_limit,
            cpu_limit,
            spent: AtomicU64::new(0),
            poll_began: AtomicU64::new(0),
        }
    }

    /// Since the start.
    pub(crate) fn wall(&self) -> Duration {
        self.started.elapsed()
    }

    /// CPU time of all polls that ended.
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Called at each tick inside of a poll.
    pub(crate) fn check(&self) -> Result<(), Interrupt> {
        if let Some(limit) = self.cpu_limit {
            let poll = thread_cpu_ns().saturating_sub(self.poll_began.load(Ordering::Relaxed));
            if self.cpu() + Duration::from_nanos(poll) > limit {
                return Err(Interrupt::Cpu);
            }
        }
        if self.wall() > self.wall_limit {
            return Err(Interrupt::Wall);
        }
        Ok(())
    }

    fn begin_poll(&self) -> u64 {
        let now = thread_cpu_ns();
        self.poll_began.store(now, Ordering::Relaxed);
        now
    }

    fn end_poll(&self, began: u64) {
        self.spent
            .fetch_add(thread_cpu_ns().saturating_sub(began), Ordering::Relaxed);
    }
}

fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Polls a future under a meter. A panic inside of it becomes an error: one
/// guest must not take its neighbours down.
pub(crate) struct Metered<'a, F> {
    meter: &'a Meter,
    future: Pin<&'a mut F>,
}

/// The future panicked; its text if there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host panicked: {0}")]
pub(crate) struct Panicked(pub(crate) String);

impl<'a, F: Future> Metered<'a, F> {
    /// Nothing runs until it is polled.
    pub(crate) fn new(meter: &'a Meter, future: Pin<&'a mut F>) -> Self {
        Self { meter, future }
    }
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let began = self.meter.begin_poll();
        // After a panic the future is never polled again, and all it borrows is dropped with the attempt.
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(context)));
        self.meter.end_poll(began);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => {
                let text = panic
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned());
                Poll::Ready(Err(Panicked(
                    text.unwrap_or_else(|| "no message".to_owned()),
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[tokio::test]
    async fn computing_counts_and_waiting_does_not() {
        let meter = Meter::start(Duration::from_mins(1), None);
        let busy = async {
            let begin = thread_cpu_ns();
            while thread_cpu_ns() - begin < 2_000_000 {}
            tokio::task::yield_now().await;
        };
        Metered::new(&meter, pin!(busy)).await.unwrap();
        assert!(meter.cpu() >= Duration::from_millis(2), "{:?}", meter.cpu());
    }

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        let meter = Meter::start(Duration::from_mins(1), None);
        let failing = async { panic!("so it goes") };
        let result: Result<(), _> = Metered::new(&meter, pin!(failing)).await;
        assert_eq!(result, Err(Panicked("so it goes".into())));
    }

    #[test]
    fn the_check_says_which_bound_was_passed() {
        let wall = Meter::start(Duration::ZERO, None);
        assert_eq!(wall.check(), Err(Interrupt::Wall));
        let cpu = Meter::start(Duration::from_mins(1), Some(Duration::ZERO));
        cpu.end_poll(0);
        assert_eq!(cpu.check(), Err(Interrupt::Cpu));
    }
}
