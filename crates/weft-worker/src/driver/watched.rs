//! Watched attempts: those that ran when a worker crashed. No two of them start close together.

use super::Driver;
use crate::{
    clock::BootInstant,
    held::{Held, Stage},
    journal::Suspect,
};
use std::collections::VecDeque;
use weft_broker::{AttemptKey, Failure};
use weft_core::suspicion::Evidence;

/// The watched attempt that started last, and those that wait for it.
#[derive(Default)]
pub(super) struct Watch {
    /// The one that started last, and until when no other one starts.
    begun: Option<(AttemptKey, BootInstant)>,
    /// In the order of their turn; some may no longer be held.
    pub(super) waiting: VecDeque<AttemptKey>,
}

impl Watch {
    fn is_free(&self, now: BootInstant) -> bool {
        self.begun.is_none_or(|(_, until)| until <= now)
    }

    pub(super) fn begins(&mut self, key: AttemptKey, until: BootInstant) {
        self.begun = Some((key, until));
    }

    pub(super) fn ended(&mut self, key: &AttemptKey) {
        if self.begun.is_some_and(|(begun, _)| begun == *key) {
            self.begun = None;
        }
    }
}

impl Driver {
    /// Reports the attempts that were in guest code when the previous process crashed. Until the
    /// broker has the reports the worker announces the attempts as held, so that none of them is
    /// started again before the scheduler knows of the suspicion.
    pub(super) fn report_suspects(&mut self, suspects: &[Suspect]) {
        if suspects.is_empty() {
            return;
        }
        let from_outside = suspects
            .iter()
            .all(|suspect| suspect.evidence == Evidence::Outside);
        tracing::warn!(worker = %self.info.id, attempts = suspects.len(), from_outside, operation = "read journal", "the previous process crashed; its running attempts are reported as suspects");
        for Suspect { claim, evidence } in suspects {
            let failure = Failure::crashed(&self.info.id, *evidence);
            self.outbox.put(self.deps.failed(*claim, failure));
        }
    }

    /// The attempt to start next if a slot and memory are free; `None` if all waiting attempts are
    /// watched and have to wait.
    pub(super) fn next_in_line(&mut self, now: BootInstant) -> Option<AttemptKey> {
        let is_free = self.watch.is_free(now);
        while is_free && let Some(&key) = self.watch.waiting.front() {
            if self.waits(&key).is_some() {
                return Some(key);
            }
            self.watch.waiting.pop_front();
        }
        while let Some(&key) = self.queued.front() {
            match self.waits(&key) {
                Some(false) => return Some(key),
                Some(true) if is_free => return Some(key),
                Some(true) => self.watch.waiting.push_back(key),
                // It was revoked or lost while it waited.
                None => {}
            }
            self.queued.pop_front();
        }
        None
    }

    /// Removes what [`Self::next_in_line`] returned from its queue.
    pub(super) fn leave_line(&mut self, key: &AttemptKey) {
        let line = if self.watch.waiting.front() == Some(key) {
            &mut self.watch.waiting
        } else {
            &mut self.queued
        };
        line.pop_front();
    }

    /// Whether an attempt that waits for a slot is watched; `None` where it doesn't wait.
    fn waits(&self, key: &AttemptKey) -> Option<bool> {
        match self.held.get(key) {
            Some(Held {
                stage: Stage::Waiting(dispatch, _),
                ..
            }) => Some(dispatch.watched),
            Some(_) | None => None,
        }
    }
}
