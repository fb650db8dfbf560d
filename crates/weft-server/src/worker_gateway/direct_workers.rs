//! Direct workers, which take attempts from Redis themselves and use this gateway for
//! everything else.
//!
//! Redis proves nothing about the attempts that a direct worker holds, since the worker
//! can write there. The database decides: a direct worker holds an attempt if the database
//! has it running and first claimed under the worker's name, which contains the number of
//! its token and so is unique. Between a claim and the scheduler's record of it the gateway
//! trusts Redis: any direct worker could claim an attempt that no worker runs yet.
//!
//! A request for a blob often names a tenant and no attempt, so the gateway caches for some
//! seconds which tenants a direct worker serves. A secret is read for one attempt, which is
//! checked each time.

use super::lookup;
use crate::{
    app::App,
    problem::{Code, Problem},
};
use weft_broker::{
    AttemptKey, BrokerError,
    direct_worker::{CredentialRequest, CredentialResponse, DirectWorker, DirectWorkerError},
};
use weft_core::id::TenantId;
use weft_gateway::{HeldAttempt, SessionOwner};

/// The longest name of a worker, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Issues or renews a worker's credentials for Redis, or refuses them.
pub(super) async fn issue_credentials(
    app: &App,
    owner: SessionOwner,
    request: &CredentialRequest,
) -> Result<CredentialResponse, Problem> {
    let SessionOwner::Trusted(token) = owner else {
        return Ok(refused(
            "its token is not trusted with the installation's Redis; one that is has the role trusted_worker",
        ));
    };
    let name = owner.worker_name(&request.worker).unwrap_or_default();
    if request.worker.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Problem::new(
            Code::InvalidRequest,
            format!("a worker's name has 1 to {MAX_NAME_BYTES} bytes"),
        ));
    }
    if let Some(user) = &request.user
        && let Some(worker) = find(app, owner, user).await?
        && *worker.worker == *name
        && (request.shards.is_empty() || request.shards == app.direct_worker_broker().shards())
    {
        return match app.direct_worker_broker().renew_credentials(&worker).await {
            Ok(()) => {
                app.direct_workers().remember(worker);
                Ok(CredentialResponse::Renewed)
            }
            Err(error) => failed(error),
        };
    }
    if app.direct_workers().is_full() {
        return Ok(refused("the server has as many such workers as it takes"));
    }
    match app
        .direct_worker_broker()
        .issue_credentials(token, &name)
        .await
    {
        Ok((worker, credentials)) => {
            tracing::info!(
                worker = name,
                operation = "issue credentials",
                "credentials for Redis issued; the worker takes its tasks from there"
            );
            app.direct_workers().remember(worker);
            Ok(CredentialResponse::Issued(credentials))
        }
        Err(error) => failed(error),
    }
}

/// Revokes the credentials of a worker that ends or uses the gateway for everything.
pub(super) async fn revoke_credentials(
    app: &App,
    owner: SessionOwner,
    user: &str,
) -> Result<(), Problem> {
    if find(app, owner, user).await?.is_some() {
        app.direct_workers().remove(user);
        let revoked = app.direct_worker_broker().revoke_credentials(user).await;
        revoked.map_err(|error| unavailable(&error))?;
    }
    Ok(())
}

/// The direct worker with this user name, if the token is its own. An entry is valid until
/// it expires, even if Redis has lost the worker meanwhile.
pub(super) async fn find(
    app: &App,
    owner: SessionOwner,
    user: &str,
) -> Result<Option<DirectWorker>, Problem> {
    let SessionOwner::Trusted(token) = owner else {
        return Ok(None);
    };
    if !DirectWorker::is_user_name(user) {
        return Ok(None);
    }
    let known = app.direct_workers().find(user);
    let worker = if known.is_some() {
        known
    } else {
        let found = app.direct_worker_broker().find_direct_worker(user).await;
        let found = found.map_err(|error| unavailable(&error))?;
        found.inspect(|worker| app.direct_workers().remember(worker.clone()))
    };
    Ok(worker.filter(|worker| worker.token == token))
}

/// Whether the direct worker holds an attempt of this tenant.
pub(super) async fn serves(
    app: &App,
    worker: &DirectWorker,
    tenant: &TenantId,
) -> Result<bool, Problem> {
    if app.direct_workers().serves(worker, tenant) {
        return Ok(true);
    }
    let listed = app.direct_worker_broker().held_by(&worker.worker).await;
    for attempt in listed.map_err(|error| unavailable(&error))? {
        let Some(found) = lookup::find_running(app, &attempt).await? else {
            continue;
        };
        if found.may_be_held_by(&worker.worker) && found.is.tenant == *tenant {
            app.direct_workers().remember_tenant(worker, tenant);
            return Ok(true);
        }
    }
    Ok(false)
}

/// The attempt, if the direct worker holds it now.
pub(super) async fn held(
    app: &App,
    worker: &DirectWorker,
    attempt: &AttemptKey,
) -> Result<Option<HeldAttempt>, Problem> {
    let Some(found) = lookup::find_running(app, attempt).await? else {
        return Ok(None);
    };
    if !found.may_be_held_by(&worker.worker) {
        return Ok(None);
    }
    if found.worker.is_none() {
        let listed = app.direct_worker_broker().held_by(&worker.worker).await;
        let listed = listed.map_err(|error| unavailable(&error))?;
        if !listed.contains(attempt) {
            return Ok(None);
        }
    }
    Ok(Some(found.is))
}

fn refused(why: &str) -> CredentialResponse {
    CredentialResponse::Refused {
        why: why.to_owned(),
    }
}

fn failed(error: DirectWorkerError) -> Result<CredentialResponse, Problem> {
    match error {
        DirectWorkerError::Unsupported(why) => Ok(CredentialResponse::Refused { why }),
        DirectWorkerError::Broker(error) => Err(unavailable(&error)),
    }
}

fn unavailable(error: &BrokerError) -> Problem {
    Problem::new(Code::Unavailable, error.to_string())
}
