//! A run made again from its record.

use super::{
    Rejection, Run,
    record::{self, RecordError},
};
use crate::{document::TaskIndex, plan::Plan};
use std::sync::Arc;

/// The most characters of an event in a message.
const SHOWN_CHARS: usize = 200;

/// Why a record is not one of a run of this plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A chunk can't be read.
    #[error("chunk {chunk} of the run's events: {error}")]
    Unreadable {
        /// Position of the chunk in the record, from 0 on.
        chunk: usize,
        /// Why the chunk can't be read.
        #[source]
        error: RecordError,
    },
    /// The machine refuses what it had accepted: another plan or other
    /// defaults, a chunk that is missing or occurs twice, or a changed machine.
    #[error("chunk {chunk} of the run's events: event {event} ({text}) is refused: {rejection}")]
    Refused {
        /// Position of the chunk in the record, from 0 on.
        chunk: usize,
        /// Position of the event in the chunk, from 0 on.
        event: usize,
        /// The event.
        text: String,
        /// Why the machine refuses the event.
        #[source]
        rejection: Rejection,
    },
}

impl Run {
    /// The run that these chunks are the record of, all of them, in order. The
    /// plan has to be the one that it ran with: the same version of the DAG,
    /// with the same defaults ([`record::defaults`]), since those say how long a retry waits and
    /// when an instance has failed for good. `included` is as for [`Run::partial`].
    ///
    /// Actions on the way are not returned; what of
    /// it still holds is [`Run::pending`] and [`Run::live_attempts`].
    ///
    /// # Errors
    /// See [`ReplayError`].
    pub fn replay<C: AsRef<str>>(
        plan: Arc<Plan>,
        included: Option<&[TaskIndex]>,
        chunks: impl IntoIterator<Item = C>,
    ) -> Result<Self, ReplayError> {
        let mut run = match included {
            None => Self::new(plan),
            Some(tasks) => Self::partial(plan, tasks),
        };
        run.replay_more(chunks)?;
        Ok(run)
    }

    /// Applies further chunks of its record to a run.
    ///
    /// # Errors
    /// See [`ReplayError`]; events before the refused one were applied.
    pub fn replay_more<C: AsRef<str>>(
        &mut self,
        chunks: impl IntoIterator<Item = C>,
    ) -> Result<(), ReplayError> {
        let mut ignored = Vec::new();
        for (chunk, text) in chunks.into_iter().enumerate() {
            let events = record::decode(text.as_ref())
                .map_err(|error| ReplayError::Unreadable { chunk, error })?;
            for (event, (at, happened)) in events.into_iter().enumerate() {
                ignored.clear();
                self.handle(at, happened, &mut ignored)
                    .map_err(|rejection| ReplayError::Refused {
                        chunk,
                        event,
                        text: shown(text.as_ref(), event),
                        rejection,
                    })?;
            }
        }
        Ok(())
    }
}

/// An event of a chunk for a message; read again, so that nothing is stored for
/// errors that never come.
fn shown(chunk: &str, event: usize) -> String {
    let events = record::decode(chunk).unwrap_or_default();
    let text = events.get(event).map(|(_, event)| format!("{event:?}"));
    text.unwrap_or_default().chars().take(SHOWN_CHARS).collect()
}
