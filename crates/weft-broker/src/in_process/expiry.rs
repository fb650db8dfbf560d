//! Expiry: leases and registrations end, unconfirmed reports are delivered again, and released
//! attempts that are not published again are forgotten.
//!
//! Deadlines are not ordered. [`State::due`] is a lower bound of all of them, since renewals only
//! move deadlines into the future; when it is reached, all are checked, and the earliest is the
//! next bound. With leases of seconds this is rare, and cheaper than an order that each claim and
//! report would maintain.

use super::{
    options::Bounds,
    state::{Pending, Phase, Session, State},
};
use crate::AttemptKey;
use tokio::time::Instant;

impl State {
    /// Expires what is due. Every call does this first.
    pub(super) fn pass_time(&mut self, now: Instant, bounds: &Bounds) {
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        self.due = None;
        let expired: Vec<AttemptKey> = self
            .attempts
            .iter()
            .filter(|(_key, phase)| matches!(phase, Phase::Claimed { lease_ends, .. } if *lease_ends <= now))
            .map(|(key, _phase)| *key)
            .collect();
        for key in expired {
            self.expire(key, bounds);
        }
        self.attempts
            .retain(|_key, phase| !matches!(phase, Phase::Released { until, .. } if *until <= now));
        let gone: Vec<Session> = self
            .workers
            .iter()
            .filter(|(_session, worker)| worker.registration_ends <= now)
            .map(|(session, _worker)| *session)
            .collect();
        for session in gone {
            self.drop_worker(session, bounds);
        }
        for (key, unconfirmed) in &mut self.reports {
            if unconfirmed.again.is_some_and(|again| again <= now) {
                unconfirmed.again = None;
                self.notices.push_back(Pending::Finished(*key));
                self.is_pressing = true;
            }
        }
        self.due = self.earliest();
    }

    fn earliest(&self) -> Option<Instant> {
        let leases = self.attempts.values().filter_map(|phase| match phase {
            Phase::Claimed { lease_ends, .. } => Some(*lease_ends),
            Phase::Released { until, .. } => Some(*until),
            Phase::Queued { .. } => None,
        });
        let registrations = self.workers.values().map(|worker| worker.registration_ends);
        let reports = self
            .reports
            .values()
            .filter_map(|unconfirmed| unconfirmed.again);
        leases.chain(registrations).chain(reports).min()
    }
}
