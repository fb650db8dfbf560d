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
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use weft_broker::{
    AttemptKey, BrokerError,
    direct_worker::{
        CREDENTIALS_LIFETIME, CredentialRequest, CredentialResponse, DirectWorker,
        DirectWorkerError,
    },
};
use weft_core::id::TenantId;
use weft_gateway::{HeldAttempt, SessionOwner};

/// Direct workers that one server admits at once.
const MAX_DIRECT_WORKERS: usize = 10_000;
/// The longest name of a worker, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// How long a direct worker may reach a tenant's blobs after the gateway has found one of the
/// tenant's attempts with it: the log and the output of a short task arrive together.
const TENANT_CACHE_TTL: Duration = Duration::from_secs(5);

/// The direct workers that this server knows, including those that another server admitted.
#[derive(Default)]
pub(crate) struct DirectWorkers(Mutex<HashMap<Arc<str>, Known>>);

struct Known {
    worker: DirectWorker,
    /// When its credentials expire unless they are renewed.
    until: Instant,
    /// Tenants that it serves, each with the end of its entry.
    serves: HashMap<TenantId, Instant>,
}

impl DirectWorkers {
    /// Issues or renews a worker's credentials for Redis, or refuses them.
    pub(super) async fn issue_credentials(
        &self,
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
            && let Some(worker) = self.find(app, owner, user).await?
            && *worker.worker == *name
            && (request.shards.is_empty() || request.shards == app.direct_worker_broker().shards())
        {
            return match app.direct_worker_broker().renew_credentials(&worker).await {
                Ok(()) => {
                    self.remember(worker);
                    Ok(CredentialResponse::Renewed)
                }
                Err(error) => failed(error),
            };
        }
        if self.is_full() {
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
                    "credentials for Redis issued; the worker takes its tasks from there"
                );
                self.remember(worker);
                Ok(CredentialResponse::Issued(credentials))
            }
            Err(error) => failed(error),
        }
    }

    /// Revokes the credentials of a worker that ends or uses the gateway for everything.
    pub(super) async fn revoke_credentials(
        &self,
        app: &App,
        owner: SessionOwner,
        user: &str,
    ) -> Result<(), Problem> {
        if self.find(app, owner, user).await?.is_some() {
            self.known().remove(user);
            let revoked = app.direct_worker_broker().revoke_credentials(user).await;
            revoked.map_err(|error| unavailable(&error))?;
        }
        Ok(())
    }

    /// The direct worker with this user name, if the token is its own. An entry is valid until
    /// it expires, even if Redis has lost the worker meanwhile.
    pub(super) async fn find(
        &self,
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
        let known = {
            let known = self.known();
            let known = known.get(user);
            known
                .filter(|known| Instant::now() < known.until)
                .map(|known| known.worker.clone())
        };
        let worker = if known.is_some() {
            known
        } else {
            let found = app.direct_worker_broker().find_direct_worker(user).await;
            let found = found.map_err(|error| unavailable(&error))?;
            found.inspect(|worker| self.remember(worker.clone()))
        };
        Ok(worker.filter(|worker| worker.token == token))
    }

    /// Whether the direct worker holds an attempt of this tenant.
    pub(super) async fn serves(
        &self,
        app: &App,
        worker: &DirectWorker,
        tenant: &TenantId,
    ) -> Result<bool, Problem> {
        if self.is_cached(worker, tenant) {
            return Ok(true);
        }
        let listed = app.direct_worker_broker().held_by(&worker.worker).await;
        for attempt in listed.map_err(|error| unavailable(&error))? {
            let Some(found) = lookup::find_running(app, &attempt).await? else {
                continue;
            };
            if found.may_be_held_by(&worker.worker) && found.is.tenant == *tenant {
                if let Some(known) = self.known().get_mut(&worker.user) {
                    let until = Instant::now() + TENANT_CACHE_TTL;
                    known.serves.insert(tenant.clone(), until);
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_cached(&self, worker: &DirectWorker, tenant: &TenantId) -> bool {
        let mut known = self.known();
        let Some(known) = known.get_mut(&worker.user) else {
            return false;
        };
        let now = Instant::now();
        known.serves.retain(|_tenant, until| now < *until);
        known.serves.contains_key(tenant)
    }

    fn remember(&self, worker: DirectWorker) {
        let mut known = self.known();
        let until = Instant::now() + CREDENTIALS_LIFETIME;
        known
            .entry(Arc::clone(&worker.user))
            .and_modify(|known| known.until = until)
            .or_insert_with(|| Known {
                worker,
                until,
                serves: HashMap::new(),
            });
    }

    /// Removes expired entries, and returns whether the bound is reached.
    fn is_full(&self) -> bool {
        let mut known = self.known();
        let now = Instant::now();
        known.retain(|_user, known| now < known.until);
        known.len() >= MAX_DIRECT_WORKERS
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        // No other code runs while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
