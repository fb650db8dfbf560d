//! A run in memory again after a takeover, made from its stored events.

use super::{ActiveRun, AttemptFacts};
use crate::{limits::LAZY_COMMIT_DELAY, options::millis, versions::Version};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use weft_core::{
    plan::Plan,
    run::{Attempt, Event, Instance, Outcome, Run, record},
    time::Timestamp,
};
use weft_store::{ResumeState, StoredRun};

impl ActiveRun {
    /// A run as it is stored, with what its events say about its live attempts.
    pub(crate) fn recovered(stored: StoredRun, version: Arc<Version>, run: Run) -> Self {
        let mut queued: HashMap<Instance, Timestamp> = HashMap::new();
        let mut claimed: HashMap<Attempt, Timestamp> = HashMap::new();
        let mut deferred: BTreeSet<Instance> = BTreeSet::new();
        let mut began = None;
        let mut last = Timestamp::default();
        let entries = stored
            .events
            .iter()
            .flat_map(|chunk| record::decode(chunk).unwrap_or_default());
        for (at, event) in entries {
            last = at.now;
            match event {
                Event::Start => began = Some(at.now),
                Event::Dispatched { instance, nonce: _ } => drop(queued.insert(instance, at.now)),
                Event::Started { attempt } => drop(claimed.insert(attempt, at.now)),
                Event::Finished {
                    attempt,
                    outcome: Outcome::Deferred { until: _ },
                } => drop(deferred.insert(attempt.instance)),
                Event::Expanded { .. }
                | Event::ExpandFailed { .. }
                | Event::PreconditionChecked { .. }
                | Event::Finished { .. }
                | Event::Lost { .. }
                | Event::Due { .. }
                | Event::Woken { .. }
                | Event::Cancel
                | Event::Clear { .. }
                | Event::Mark { .. } => {}
            }
        }
        let ended = run
            .state()
            .is_ended()
            .then(|| end_of(&version.plan, &stored.events))
            .flatten();
        let mut active = Self::new(stored, version, run);
        active.has_begun = !active.is_queued();
        active.started = began;
        active.ended = ended;
        for instance in deferred {
            let state = active.run.instance(instance);
            if state.is_some_and(|state| !state.is_ended()) {
                active.unread_resume_states.push(instance);
            }
        }
        let attempts: Vec<_> = active.run.live_attempts().collect();
        for alive in attempts {
            let instance = alive.attempt.instance;
            let started = claimed.get(&alive.attempt).copied();
            // The row of every earlier start is written.
            if started.is_some_and(|started| started.plus(millis(LAZY_COMMIT_DELAY)) >= last) {
                active.unwritten_starts.push(instance);
            }
            active.record(instance).attempt = Some(AttemptFacts {
                number: alive.attempt.number,
                nonce: alive.attempt.nonce,
                queued: queued.get(&instance).copied(),
                started,
                ..AttemptFacts::default()
            });
        }
        active
    }

    /// Deferred instances whose resume states are to be read. A row is written whole, so that the
    /// next one would overwrite a state that is not in memory.
    pub(crate) fn take_unread_resume_states(&mut self) -> Vec<Instance> {
        std::mem::take(&mut self.unread_resume_states)
    }

    /// Adds a resume state that was read.
    pub(crate) fn set_resume_state(&mut self, left: ResumeState) {
        let record = self.record(left.instance);
        record.resume = Some(left.state);
        record.wait = left.wait;
        record.woken = left.woken;
    }

    /// Running instances whose rows may not be written.
    pub(crate) fn take_unwritten_starts(&mut self) -> Vec<Instance> {
        std::mem::take(&mut self.unwritten_starts)
    }
}

/// When an ended run ended: a second replay, which only commands to such runs pay for.
fn end_of(plan: &Arc<Plan>, chunks: &[String]) -> Option<Timestamp> {
    let mut run = Run::new(Arc::clone(plan));
    let mut ended = None;
    let mut ignored = Vec::new();
    for chunk in chunks {
        for (at, event) in record::decode(chunk).unwrap_or_default() {
            let had_ended = run.state().is_ended();
            ignored.clear();
            run.handle(at, event, &mut ignored).ok()?;
            if !had_ended && run.state().is_ended() {
                ended = Some(at.now);
            }
        }
    }
    ended
}
