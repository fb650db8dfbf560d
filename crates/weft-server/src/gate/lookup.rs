//! What attempts are that a worker claimed through a server before this one: their
//! tenant stands with their run, and what they were granted follows from the run's
//! version and the policy that holds.

use crate::{app::App, policies::policy_of, problem::Problem};
use weft_broker::{
    AttemptKey,
    gate::{HeldAttempt, SessionOwner},
};

/// Looks up all that the registration holds and the gate knows nothing of.
pub(super) async fn unknown(app: &App, owner: SessionOwner, session: &str) -> Result<(), Problem> {
    for attempt in app.gate().unknown(owner, session) {
        if let Some(is) = look(app, &attempt).await? {
            app.gate().learn(owner, session, &attempt, is);
        }
    }
    Ok(())
}

/// Nothing where it is not under way: a broker that lost what it knew believes whoever says
/// that they hold an attempt, and only who was given it knows its nonce.
async fn look(app: &App, attempt: &AttemptKey) -> Result<Option<HeldAttempt>, Problem> {
    let live = app.database().live_attempt(attempt.run, attempt.attempt);
    let Some(live) = live.await? else {
        return Ok(None);
    };
    let dag = app.documents().of(app.database(), live.version).await?;
    let Some(task) = dag.tasks.get(attempt.attempt.instance.task.as_usize()) else {
        return Ok(None);
    };
    let granted = policy_of(app, &live.tenant)
        .await?
        .evaluate(&task.request());
    Ok(Some(HeldAttempt {
        tenant: live.tenant,
        // A policy that became stricter grants nothing any more.
        variables: granted.map_or_else(
            |_refused| Vec::new(),
            |(granted, _limits)| granted.variables,
        ),
    }))
}
