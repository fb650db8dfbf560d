//! What attempts are that nobody at this gate handed out: their tenant stands with their
//! run, and what they were granted follows from the run's version and the policy that holds.

use crate::{app::App, policies::policy_of, problem::Problem};
use weft_broker::AttemptKey;
use weft_gateway::{HeldAttempt, SessionOwner};

/// Looks up all that the registration holds and the gate knows nothing of.
pub(super) async fn unknown(app: &App, owner: SessionOwner, session: &str) -> Result<(), Problem> {
    let Some(name) = app.gate().worker_name(owner, session) else {
        return Ok(());
    };
    for attempt in app.gate().unverified_attempts(owner, session) {
        if let Some(found) = look(app, &attempt).await?
            && found.may_be_held_by(&name)
        {
            app.gate()
                .record_attempt(owner, session, &attempt, found.is);
        }
    }
    Ok(())
}

/// An attempt that is under way, as the database has it.
pub(super) struct Found {
    pub(super) is: HeldAttempt,
    /// Who runs it; nothing while its scheduler has not heard of a claim.
    pub(super) worker: Option<String>,
}

impl Found {
    /// Whether nobody else is known to run it.
    pub(super) fn may_be_held_by(&self, name: &str) -> bool {
        self.worker.as_deref().is_none_or(|worker| worker == name)
    }
}

/// Nothing where it is not under way: a broker that lost what it knew believes whoever says
/// that they hold an attempt, and only who was given it knows its nonce.
pub(super) async fn look(app: &App, attempt: &AttemptKey) -> Result<Option<Found>, Problem> {
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
