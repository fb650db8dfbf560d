//! How a task ends when it does not end with its output: it failed, it skips
//! itself, or it wants to be woken later.
//!
//! All three travel through `Result`, so that `?` and early `return` work
//! anywhere in a task. [`Error`] converts from every [`std::error::Error`]; to
//! make that possible it does not implement that trait itself.

use crate::wait::{Call, Wait};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::{fmt, time::Duration};

/// What a task returns: its output, or how else it ended.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, a skip or a deferral.
///
/// A failure follows the task's retry policy unless it is [permanent](Error::permanent).
/// Every other error becomes a retryable failure through `?`:
///
/// ```
/// use weft::prelude::*;
///
/// #[task(retries = 3)]
/// fn count(text: String) -> Result<u64> {
///     let number: u64 = text.trim().parse()?;
///     if number == 0 {
///         return Err(Error::permanent("there is nothing to count"));
///     }
///     Ok(number)
/// }
///
/// assert!(count("x".into()).unwrap_err().is_retryable());
/// assert!(!count("0".into()).unwrap_err().is_retryable());
/// ```
pub struct Error(Box<Ending>);

/// The kinds of [`Error`].
#[derive(Debug)]
pub(crate) enum Ending {
    Failure(Failure),
    Skip {
        reason: Option<String>,
    },
    /// Until a time.
    Defer {
        until: Until,
        state: Value,
    },
    /// Until something else, or for the timeout.
    Wait {
        wait: Wait,
        timeout: Option<Duration>,
        state: Value,
    },
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) retryable: bool,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) details: Option<Value>,
}

/// When a deferred task goes on, as the contract says it. A point in time is
/// text already, so that a component which names none carries no code for it.
#[derive(Debug)]
pub(crate) enum Until {
    After(Duration),
    At(String),
}

/// When a deferred task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// So long after the deferral was recorded.
    After(Duration),
    /// At this point in time, at once if it has passed.
    At(Timestamp),
}

impl Error {
    /// A failure that the task's retry policy applies to.
    pub fn retryable(message: impl fmt::Display) -> Self {
        Self::failure(true, message.to_string())
    }

    /// A failure that is not tried again: the next attempt would fail alike.
    pub fn permanent(message: impl fmt::Display) -> Self {
        Self::failure(false, message.to_string())
    }

    pub(crate) fn ended(ending: Ending) -> Self {
        Self(Box::new(ending))
    }

    fn failure(retryable: bool, message: String) -> Self {
        Self::ended(Ending::Failure(Failure {
            retryable,
            message,
            retry_after: None,
            details: None,
        }))
    }

    /// The task skips itself; see [`skip`].
    pub fn skip(reason: impl fmt::Display) -> Self {
        let reason = Some(reason.to_string()).filter(|reason| !reason.is_empty());
        Self::ended(Ending::Skip { reason })
    }

    /// The next attempt starts no earlier than this after the failure,
    /// whatever the retry policy says; makes the failure retryable. Without
    /// effect on a skip or a deferral.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        if let Ending::Failure(failure) = &mut *self.0 {
            failure.retryable = true;
            failure.retry_after = Some(wait);
        }
        self
    }

    /// Anything worth keeping with the failure, as JSON. What can't be
    /// serialised is left out. Without effect on a skip or a deferral.
    #[must_use]
    pub fn details(mut self, details: impl Serialize) -> Self {
        if let Ending::Failure(failure) = &mut *self.0 {
            failure.details = serde_json::to_value(details).ok();
        }
        self
    }

    /// Whether this is a failure that follows the retry policy.
    pub fn is_retryable(&self) -> bool {
        matches!(&*self.0, Ending::Failure(failure) if failure.retryable)
    }

    /// Whether the task skipped itself.
    pub fn is_skip(&self) -> bool {
        matches!(&*self.0, Ending::Skip { .. })
    }

    /// When the task goes on at the latest, if it deferred itself.
    pub fn wake(&self) -> Option<Wake> {
        match &*self.0 {
            Ending::Defer {
                until: Until::After(wait),
                ..
            } => Some(Wake::After(*wait)),
            Ending::Defer {
                until: Until::At(at),
                ..
            } => at.parse().ok().map(Wake::At),
            Ending::Wait { timeout, .. } => timeout.map(Wake::After),
            Ending::Failure(_) | Ending::Skip { .. } => None,
        }
    }

    fn wait(&self) -> Option<&Wait> {
        match &*self.0 {
            Ending::Wait { wait, .. } => Some(wait),
            _ => None,
        }
    }

    /// The event that the task waits for, if it does.
    pub fn event(&self) -> Option<&str> {
        match self.wait() {
            Some(Wait::Event(name)) => Some(name),
            _ => None,
        }
    }

    /// The id of the run that the task waits for, or whose task, if it does.
    pub fn awaited_run(&self) -> Option<&str> {
        match self.wait() {
            Some(Wait::Run { run, .. }) => Some(run),
            _ => None,
        }
    }

    /// The task of another run that the task waits for, if it does.
    pub fn awaited_task(&self) -> Option<&str> {
        match self.wait() {
            Some(Wait::Run { task, .. } | Wait::Dag { task, .. }) => task.as_deref(),
            _ => None,
        }
    }

    /// The asset whose update the task waits for, if it does.
    pub fn awaited_asset(&self) -> Option<&str> {
        match self.wait() {
            Some(Wait::Asset(wait)) => Some(&wait.asset),
            _ => None,
        }
    }

    /// The DAG whose run the task waits for, or a task of that run, and the run's logical date, if it does.
    pub fn awaited_dag(&self) -> Option<(&str, &str)> {
        match self.wait() {
            Some(Wait::Dag {
                dag, logical_date, ..
            }) => Some((dag, logical_date)),
            _ => None,
        }
    }

    /// The run that the task calls, if it does.
    pub fn called(&self) -> Option<&Call> {
        match self.wait() {
            Some(Wait::Call(call)) => Some(call),
            _ => None,
        }
    }

    /// What the task asks, if it does.
    pub fn asked(&self) -> Option<&str> {
        match self.wait() {
            Some(Wait::Approval(question)) => Some(&question.subject),
            _ => None,
        }
    }

    /// The state that was left, if the task deferred itself.
    pub fn state(&self) -> Option<&Value> {
        match &*self.0 {
            Ending::Defer { state, .. } | Ending::Wait { state, .. } => Some(state),
            Ending::Failure(_) | Ending::Skip { .. } => None,
        }
    }

    pub(crate) fn into_ending(self) -> Ending {
        *self.0
    }

    fn explained(mut self, what: &dyn fmt::Display) -> Self {
        if let Ending::Failure(failure) = &mut *self.0 {
            failure.message = format!("{what}: {}", failure.message);
        }
        self
    }

    fn made_permanent(mut self) -> Self {
        if let Ending::Failure(failure) = &mut *self.0 {
            failure.retryable = false;
        }
        self
    }
}

/// Every error is a retryable failure; its message names its causes too.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors repeat their cause in their own message.
            if !message.ends_with(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = error.source();
        }
        Self::failure(true, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Ending::Failure(failure) => f.write_str(&failure.message),
            Ending::Skip {
                reason: Some(reason),
            } => write!(f, "skipped: {reason}"),
            Ending::Skip { reason: None } => f.write_str("skipped"),
            Ending::Defer {
                until: Until::After(wait),
                ..
            } => write!(f, "deferred for {wait:?}"),
            Ending::Defer {
                until: Until::At(at),
                ..
            } => write!(f, "deferred until {at}"),
            Ending::Wait { wait, .. } => write!(f, "deferred until {wait}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Says more about an error on its way out of a task.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn read(line: String) -> Result<f64> {
///     Ok(line.parse::<f64>().explain(format_args!("the line {line:?}")).permanent()?)
/// }
///
/// let error = read("x".into()).unwrap_err();
/// assert_eq!(error.to_string(), "the line \"x\": invalid float literal");
/// assert!(!error.is_retryable());
/// ```
pub trait Explain<T> {
    /// Puts `what` and a colon before the message.
    fn explain(self, what: impl fmt::Display) -> Result<T>;
    /// Makes the failure one that is not tried again.
    fn permanent(self) -> Result<T>;
}

impl<T, E: Into<Error>> Explain<T> for std::result::Result<T, E> {
    fn explain(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| error.into().explained(&what))
    }

    fn permanent(self) -> Result<T> {
        self.map_err(|error| error.into().made_permanent())
    }
}

/// Ends the task as skipped; what is downstream follows its trigger rule.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn publish(rows: Vec<u64>) -> Result<usize> {
///     if rows.is_empty() {
///         return skip("nothing happened today");
///     }
///     Ok(rows.len())
/// }
///
/// assert!(publish(vec![]).unwrap_err().is_skip());
/// ```
pub fn skip<T>(reason: impl fmt::Display) -> Result<T> {
    Err(Error::skip(reason))
}

/// Ends the attempt without holding a slot; the task is run again after `wait`
/// with `state`, which [`Context::resumed`](crate::Context::resumed) returns.
///
/// ```
/// use std::time::Duration;
/// use weft::prelude::*;
///
/// #[derive(Serialize, Deserialize)]
/// struct Asked { times: u32 }
///
/// #[task]
/// fn wait_for_file(ctx: Context) -> Result<u32> {
///     let asked = ctx.resumed::<Asked>()?.map_or(0, |state| state.times) + 1;
///     if asked < 3 {
///         return defer_for(Duration::from_secs(60), &Asked { times: asked });
///     }
///     Ok(asked)
/// }
///
/// assert!(wait_for_file(Context::test()).unwrap_err().wake().is_some());
/// let resumed = Context::test().with_resumed(Asked { times: 2 });
/// assert_eq!(wait_for_file(resumed).unwrap(), 3);
/// ```
pub fn defer_for<T>(wait: Duration, state: &impl Serialize) -> Result<T> {
    defer(Until::After(wait), state)
}

/// Like [`defer_for`], until a point in time.
pub fn defer_until<T>(at: Timestamp, state: &impl Serialize) -> Result<T> {
    defer(Until::At(at.to_string()), state)
}

fn defer<T>(until: Until, state: &impl Serialize) -> Result<T> {
    let state = serde_json::to_value(state)
        .explain("the state of a deferral")
        .permanent()?;
    Err(Error::ended(Ending::Defer { until, state }))
}
