//! Settings that a replay needs beside the DAG's version, stored in a run's first chunk.

use super::{MACHINE, RecordError};
use crate::{plan::Defaults, retry::RetryPolicy, time::DurationMs};
use serde::{Deserialize, Serialize};

/// The machine's version and the installation's defaults. A wire type of its own, as that of the
/// events.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReplaySettings {
    machine: u32,
    retries: u32,
    /// In milliseconds.
    delay: u64,
    backoff: Exact,
    /// In milliseconds.
    max_delay: u64,
    jitter: Exact,
    /// In milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_timeout: Option<u64>,
    max_losses: u32,
    max_deferrals: u32,
}

/// A number with a fraction, as text: a parser of JSON may change its last bit, and a wait with it.
#[derive(Debug, Serialize, Deserialize)]
struct Exact(String);

impl ReplaySettings {
    /// Those of a run that begins with these defaults.
    pub(super) fn of(defaults: &Defaults) -> Self {
        let Defaults {
            retry,
            run_timeout,
            max_losses,
            max_deferrals,
        } = defaults;
        let RetryPolicy {
            retries,
            delay,
            backoff,
            max_delay,
            jitter,
        } = retry;
        Self {
            machine: MACHINE,
            retries: *retries,
            delay: delay.0,
            backoff: Exact::of(*backoff),
            max_delay: max_delay.0,
            jitter: Exact::of(*jitter),
            run_timeout: run_timeout.map(|timeout| timeout.0),
            max_losses: *max_losses,
            max_deferrals: *max_deferrals,
        }
    }

    /// The version of the machine that accepted the events.
    pub(super) const fn machine(&self) -> u32 {
        self.machine
    }

    /// The defaults that the run began with.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] for a text that is no number.
    pub(super) fn defaults(&self) -> Result<Defaults, RecordError> {
        Ok(Defaults {
            retry: RetryPolicy {
                retries: self.retries,
                delay: DurationMs(self.delay),
                backoff: self.backoff.get()?,
                max_delay: DurationMs(self.max_delay),
                jitter: self.jitter.get()?,
            },
            run_timeout: self.run_timeout.map(DurationMs),
            max_losses: self.max_losses,
            max_deferrals: self.max_deferrals,
        })
    }
}

impl Exact {
    fn of(number: f64) -> Self {
        Self(number.to_string())
    }

    fn get(&self) -> Result<f64, RecordError> {
        let number = self.0.parse();
        number.map_err(|_| RecordError::Malformed(format!("{:?} is no number", self.0)))
    }
}
