//! Looks up attempts that this gateway did not hand out itself: the tenant of an attempt is
//! its run's, and its grants follow from the run's version and the current policy.

use crate::{app::App, policies::policy_of, problem::Problem};
use weft_broker::AttemptKey;
use weft_gateway::{HeldAttempt, SessionOwner};

/// Looks up the attempts that a session holds and that the gateway has not verified yet.
pub(super) async fn verify_session(
    app: &App,
    owner: SessionOwner,
    session: &str,
) -> Result<(), Problem> {
    let Some(name) = app.worker_sessions().worker_name(owner, session) else {
        return Ok(());
    };
    for attempt in app.worker_sessions().unverified_attempts(owner, session) {
        if let Some(found) = find_running(app, &attempt).await?
            && found.may_be_held_by(&name)
        {
            app.worker_sessions()
                .record_attempt(owner, session, &attempt, found.is);
        }
    }
    Ok(())
}

/// A running attempt, as the database has it.
pub(super) struct Found {
    pub(super) is: HeldAttempt,
    /// The worker that runs it; `None` while the scheduler has not recorded a claim.
    pub(super) worker: Option<String>,
}

impl Found {
    /// Whether the worker may hold it: no other one is recorded.
    pub(super) fn may_be_held_by(&self, name: &str) -> bool {
        self.worker.as_deref().is_none_or(|worker| worker == name)
    }
}

/// The attempt if it is running. A broker that lost its state believes any worker that
/// names an attempt, but only the worker that was given the attempt knows its nonce.
pub(super) async fn find_running(
    app: &App,
    attempt: &AttemptKey,
) -> Result<Option<Found>, Problem> {
    let live = app.database().live_attempt(attempt.run, attempt.attempt);
    let Some(live) = live.await? else {
        return Ok(None);
    };
    if live.shard.0.cast_unsigned() != attempt.shard {
        return Ok(None);
    }
    let dag = app.documents().of(app.database(), live.version).await?;
    let Some(task) = dag.tasks.get(attempt.attempt.instance.task.as_usize()) else {
        return Ok(None);
    };
    let granted = policy_of(app, &live.tenant)
        .await?
        .evaluate(&task.request());
    let is = HeldAttempt {
        tenant: live.tenant,
        // A policy that became stricter grants nothing any more.
        variables: granted.map_or_else(
            |_refused| Vec::new(),
            |(granted, _limits)| granted.variables,
        ),
    };
    let worker = live.worker;
    Ok(Some(Found { is, worker }))
}
