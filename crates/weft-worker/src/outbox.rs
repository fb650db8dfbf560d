//! Reports that are not confirmed yet.
//!
//! Only [`Outbox::confirmed`] removes a report. A report that was sent and not confirmed in
//! time is due again, after delays that double. A full outbox never refuses a report: the
//! worker stops claiming ([`Outbox::is_full`]).

use crate::{
    backoff::{delays, next_delay},
    clock::BootInstant,
};
use backon::ExponentialBackoff;
use std::{collections::HashMap, mem, time::Duration};
use weft_broker::{AttemptKey, HeldClaim, Output, Report, ReportedOutcome};
use weft_core::asset::AssetUpdate;

/// With this many unconfirmed reports a worker stops claiming.
pub(crate) const MAX_REPORTS: usize = 8_192;
/// With this many bytes of unconfirmed reports a worker stops claiming.
pub(crate) const MAX_BYTES: usize = 64 << 20;
/// The most reports of one call.
pub(crate) const MAX_REPORTS_PER_CALL: usize = 1_024;

/// The unconfirmed reports.
#[derive(Debug)]
pub(crate) struct Outbox {
    resend_after: Duration,
    entries: HashMap<AttemptKey, Entry>,
    /// Attempts whose reports are due, in the order of their ends; includes confirmed ones.
    due: Vec<AttemptKey>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    report: Report,
    bytes: usize,
    /// The delays before it is sent again.
    delays: ExponentialBackoff,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In `due`.
    Due,
    /// In a call that has not returned.
    InCall,
    /// A call with it failed.
    Refused { again: BootInstant },
    /// The broker has it.
    Accepted { again: BootInstant },
}

impl Outbox {
    pub(crate) fn new(resend_after: Duration) -> Self {
        Self {
            resend_after,
            entries: HashMap::new(),
            due: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= MAX_REPORTS || self.bytes >= MAX_BYTES
    }

    pub(crate) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Adds a report, which is due at once.
    pub(crate) fn put(&mut self, report: Report) {
        let key = report.key;
        let bytes = size(&report);
        self.bytes += bytes;
        let entry = Entry {
            report,
            bytes,
            delays: delays(self.resend_after),
            stage: Stage::Due,
        };
        if let Some(before) = self.entries.insert(key, entry) {
            self.bytes -= before.bytes;
        }
        self.due.push(key);
    }

    /// Removes the report of an attempt whose outcome is committed or refused.
    pub(crate) fn confirmed(&mut self, key: &AttemptKey) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }

    /// Makes the attempt's report due again, since the broker lost it or another worker was
    /// given the attempt; whether there is one.
    pub(crate) fn remind(&mut self, key: &AttemptKey) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        if !matches!(entry.stage, Stage::Due | Stage::InCall) {
            entry.stage = Stage::Due;
            self.due.push(*key);
        }
        true
    }

    /// Copies the due reports, at most [`MAX_REPORTS_PER_CALL`], for one call.
    pub(crate) fn begin_call(&mut self) -> Vec<Report> {
        let rest = self.due.split_off(self.due.len().min(MAX_REPORTS_PER_CALL));
        mem::replace(&mut self.due, rest)
            .into_iter()
            .filter_map(|key| {
                let entry = self.entries.get_mut(&key)?;
                (entry.stage == Stage::Due).then(|| {
                    entry.stage = Stage::InCall;
                    entry.report.clone()
                })
            })
            .collect()
    }

    /// The call with these attempts' reports returned.
    pub(crate) fn end_call(&mut self, keys: &[AttemptKey], accepted: bool, now: BootInstant) {
        for key in keys {
            let Some(entry) = self.entries.get_mut(key) else {
                continue;
            };
            if entry.stage != Stage::InCall {
                continue;
            }
            let again = now + next_delay(&mut entry.delays);
            entry.stage = if accepted {
                Stage::Accepted { again }
            } else {
                Stage::Refused { again }
            };
        }
    }

    /// Reports that were sent and not confirmed in time are due again.
    pub(crate) fn tick(&mut self, now: BootInstant) {
        for (key, entry) in &mut self.entries {
            if let Stage::Refused { again } | Stage::Accepted { again } = entry.stage
                && again <= now
            {
                entry.stage = Stage::Due;
                self.due.push(*key);
            }
        }
    }

    /// The broker forgot everything: all reports are due.
    pub(crate) fn resend_all(&mut self) {
        for (key, entry) in &mut self.entries {
            if matches!(entry.stage, Stage::Refused { .. } | Stage::Accepted { .. }) {
                entry.stage = Stage::Due;
                self.due.push(*key);
            }
        }
    }

    /// Attempts whose reports the broker doesn't have, so that their leases
    /// have to be renewed as if they ran.
    pub(crate) fn unaccepted(&self) -> impl Iterator<Item = HeldClaim> {
        self.entries
            .values()
            .filter(|entry| !matches!(entry.stage, Stage::Accepted { .. }))
            .map(|entry| entry.report.claim())
    }
}

/// About what a report takes in memory.
fn size(report: &Report) -> usize {
    /// What every report takes.
    const BASE: usize = 512;
    let output = |output: &Output| match output {
        Output::Inline(text) => text.len(),
        Output::Blob { .. } => 0,
    };
    let outcome = match &report.outcome {
        ReportedOutcome::Success { output: value } => output(value),
        ReportedOutcome::Branch {
            tasks,
            output: value,
        } => output(value) + tasks.iter().map(|task| task.as_str().len()).sum::<usize>(),
        ReportedOutcome::Skipped { reason } => reason.as_ref().map_or(0, String::len),
        ReportedOutcome::Deferred { state, .. } => state.len(),
        // The details have at most 256 KiB of text and are rarely there at all.
        ReportedOutcome::Failed(failure) => {
            failure.message.len() + failure.backtrace.as_ref().map_or(0, String::len)
        }
    };
    let artifacts: usize = report.artifacts.iter().map(String::len).sum();
    let updates: usize = report.updates.iter().map(AssetUpdate::bytes).sum();
    BASE + outcome + artifacts + updates
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_broker::Usage;
    use weft_core::{
        document::TaskIndex,
        run::{Attempt, Instance},
        run_id::RunId,
    };

    const AFTER: Duration = Duration::from_secs(1);

    fn key(nonce: u64) -> AttemptKey {
        AttemptKey {
            shard: 0,
            run: RunId::from_i64(1).expect("not negative"),
            attempt: Attempt {
                instance: Instance {
                    task: TaskIndex(0),
                    index: 0,
                },
                number: 1,
                nonce,
            },
        }
    }

    fn report(nonce: u64, reason: &str) -> Report {
        Report {
            key: key(nonce),
            outcome: ReportedOutcome::Skipped {
                reason: Some(reason.to_owned()),
            },
            usage: Usage::default(),
            log: None,
            artifacts: Vec::new(),
            updates: Vec::new(),
            worker: "w".into(),
            secret: None,
            ahead: Vec::new(),
        }
    }

    fn keys(reports: &[Report]) -> Vec<AttemptKey> {
        reports.iter().map(|report| report.key).collect()
    }

    #[test]
    fn a_report_is_due_until_it_is_confirmed() {
        let now = BootInstant::now();
        let mut outbox = Outbox::new(AFTER);
        outbox.put(report(1, ""));
        outbox.put(report(2, ""));
        let sent = keys(&outbox.begin_call());
        assert_eq!(sent, [key(1), key(2)]);
        assert!(!outbox.has_due() && outbox.begin_call().is_empty());
        outbox.end_call(&sent, true, now);
        outbox.confirmed(&key(1));
        outbox.tick(now + AFTER / 2);
        assert!(!outbox.has_due());
        outbox.tick(now + 2 * AFTER);
        assert_eq!(keys(&outbox.begin_call()), [key(2)]);
        outbox.end_call(&[key(2)], true, now);
        outbox.tick(now + AFTER + AFTER / 2);
        assert!(!outbox.has_due(), "the second wait is longer");
        outbox.confirmed(&key(2));
        assert_eq!((outbox.len(), outbox.bytes), (0, 0));
    }

    #[test]
    fn what_the_broker_does_not_have_is_still_held() {
        let now = BootInstant::now();
        let mut outbox = Outbox::new(AFTER);
        outbox.put(report(1, ""));
        assert_eq!(outbox.unaccepted().collect::<Vec<_>>(), [key(1).into()]);
        let sent = keys(&outbox.begin_call());
        outbox.end_call(&sent, false, now);
        assert_eq!(outbox.unaccepted().count(), 1);
        outbox.resend_all();
        let sent = keys(&outbox.begin_call());
        outbox.end_call(&sent, true, now);
        assert_eq!(outbox.unaccepted().count(), 0);
        assert!(outbox.remind(&key(1)) && outbox.has_due());
        assert!(!outbox.remind(&key(2)));
    }

    #[test]
    fn a_confirmation_during_the_call_is_enough() {
        let mut outbox = Outbox::new(AFTER);
        outbox.put(report(1, ""));
        let sent = keys(&outbox.begin_call());
        outbox.confirmed(&key(1));
        outbox.end_call(&sent, false, BootInstant::now());
        assert_eq!(outbox.len(), 0);
    }

    #[test]
    fn it_is_full_by_bytes_too() {
        let mut outbox = Outbox::new(AFTER);
        let long = "x".repeat(MAX_BYTES / 4);
        for nonce in 0..4 {
            assert!(!outbox.is_full());
            outbox.put(report(nonce, &long));
        }
        assert!(outbox.is_full());
        outbox.confirmed(&key(0));
        assert!(!outbox.is_full());
    }
}
