//! Guests: workers that take attempts from the transport themselves, and everything
//! else from here.
//!
//! The transport proves nothing of what a guest holds, since the guest can write there.
//! What counts is the database: an attempt is a guest's where the database has it under
//! way and claimed first by a worker of the guest's name, which holds the number of its
//! token and so is nobody else's. Between a claim and the scheduler's news of it, the
//! transport's word is taken: what nobody is known to run, any guest could claim.
//!
//! Who asks for a blob says whose it is and not for which attempt, often; so attempts
//! that were found to be a guest's are remembered for some seconds. A secret is told for
//! one attempt, which is looked at each time.

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

/// Guests that one server takes in at once.
const MOST_GUESTS: usize = 10_000;
/// The longest name of a worker, in bytes.
const MOST_NAME_BYTES: usize = 256;
/// For how long a guest may reach blobs of a tenant after an attempt of it was looked up: logs
/// and outputs of a short task come together.
const REMEMBERED_FOR: Duration = Duration::from_secs(5);

/// Those that this server knows, whoever took them in.
#[derive(Default)]
pub(crate) struct Guests(Mutex<HashMap<Arc<str>, Known>>);

struct Known {
    guest: DirectWorker,
    /// When it has to have been prolonged.
    until: Instant,
    /// Tenants that it serves, and until when that is believed.
    serves: HashMap<TenantId, Instant>,
}

impl Guests {
    /// Answers a worker that asks for the way.
    pub(super) async fn answer(
        &self,
        app: &App,
        owner: SessionOwner,
        asked: &CredentialRequest,
    ) -> Result<CredentialResponse, Problem> {
        let SessionOwner::Trusted(token) = owner else {
            return Ok(refused(
                "its token is not trusted with the installation's Redis; one that is has the role trusted_worker",
            ));
        };
        let name = owner.worker_name(&asked.worker).unwrap_or_default();
        if asked.worker.is_empty() || name.len() > MOST_NAME_BYTES {
            return Err(Problem::new(
                Code::InvalidRequest,
                format!("a worker's name has 1 to {MOST_NAME_BYTES} bytes"),
            ));
        }
        if let Some(user) = &asked.user
            && let Some(guest) = self.find(app, owner, user).await?
            && *guest.worker == *name
            && (asked.shards.is_empty() || asked.shards == app.guest_broker().shards())
        {
            return match app.guest_broker().renew_credentials(&guest).await {
                Ok(()) => {
                    self.remember(guest);
                    Ok(CredentialResponse::Renewed)
                }
                Err(error) => failed(error),
            };
        }
        if self.is_full() {
            return Ok(refused("the server has as many such workers as it takes"));
        }
        match app.guest_broker().issue_credentials(token, &name).await {
            Ok((guest, pass)) => {
                tracing::info!(worker = name, "a worker takes tasks from Redis itself");
                self.remember(guest);
                Ok(CredentialResponse::Issued(pass))
            }
            Err(error) => failed(error),
        }
    }

    /// The worker goes another way, or ends.
    pub(super) async fn dismiss(
        &self,
        app: &App,
        owner: SessionOwner,
        user: &str,
    ) -> Result<(), Problem> {
        if self.find(app, owner, user).await?.is_some() {
            self.known().remove(user);
            let dismissed = app.guest_broker().revoke_credentials(user).await;
            dismissed.map_err(|error| unavailable(&error))?;
        }
        Ok(())
    }

    /// The guest of this name, if it showed this token. One that is known here stays one until
    /// its time has passed, also where the transport has lost it meanwhile.
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
                .map(|known| known.guest.clone())
        };
        let guest = if known.is_some() {
            known
        } else {
            let found = app.guest_broker().find_direct_worker(user).await;
            let found = found.map_err(|error| unavailable(&error))?;
            found.inspect(|guest| self.remember(guest.clone()))
        };
        Ok(guest.filter(|guest| guest.token == token))
    }

    /// Whether the guest holds an attempt of this tenant.
    pub(super) async fn serves(
        &self,
        app: &App,
        guest: &DirectWorker,
        tenant: &TenantId,
    ) -> Result<bool, Problem> {
        if self.is_remembered(guest, tenant) {
            return Ok(true);
        }
        let listed = app.guest_broker().held_by(&guest.worker).await;
        for attempt in listed.map_err(|error| unavailable(&error))? {
            let Some(found) = lookup::look(app, &attempt).await? else {
                continue;
            };
            if found.may_be_held_by(&guest.worker) && found.is.tenant == *tenant {
                if let Some(known) = self.known().get_mut(&guest.user) {
                    let until = Instant::now() + REMEMBERED_FOR;
                    known.serves.insert(tenant.clone(), until);
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_remembered(&self, guest: &DirectWorker, tenant: &TenantId) -> bool {
        let mut known = self.known();
        let Some(known) = known.get_mut(&guest.user) else {
            return false;
        };
        let now = Instant::now();
        known.serves.retain(|_tenant, until| now < *until);
        known.serves.contains_key(tenant)
    }

    fn remember(&self, guest: DirectWorker) {
        let mut known = self.known();
        let until = Instant::now() + CREDENTIALS_LIFETIME;
        known
            .entry(Arc::clone(&guest.user))
            .and_modify(|known| known.until = until)
            .or_insert_with(|| Known {
                guest,
                until,
                serves: HashMap::new(),
            });
    }

    /// Forgets those whose time has passed.
    fn is_full(&self) -> bool {
        let mut known = self.known();
        let now = Instant::now();
        known.retain(|_user, known| now < known.until);
        known.len() >= MOST_GUESTS
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        // Nothing foreign is called while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The attempt, where the guest holds it now.
pub(super) async fn held(
    app: &App,
    guest: &DirectWorker,
    attempt: &AttemptKey,
) -> Result<Option<HeldAttempt>, Problem> {
    let Some(found) = lookup::look(app, attempt).await? else {
        return Ok(None);
    };
    if !found.may_be_held_by(&guest.worker) {
        return Ok(None);
    }
    if found.worker.is_none() {
        let listed = app.guest_broker().held_by(&guest.worker).await;
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
