//! The direct workers that this server knows, including those that another server admitted,
//! and for some seconds the tenants that they serve.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use weft_broker::{
    AttemptKey,
    direct_worker::{CREDENTIALS_LIFETIME, DirectWorker},
};
use weft_core::id::TenantId;

/// Direct workers that one server admits at once.
const MAX_DIRECT_WORKERS: usize = 10_000;
/// How long a direct worker may reach a tenant's blobs after the gateway has found one of the
/// tenant's attempts with it: the log and the output of a short task arrive together.
const TENANT_CACHE_TTL: Duration = Duration::from_secs(5);

/// Direct workers by user name. An entry is valid until its credentials expire, even if Redis
/// has lost the worker meanwhile.
#[derive(Default)]
pub(crate) struct DirectWorkerCache(Mutex<HashMap<Arc<str>, Known>>);

struct Known {
    worker: DirectWorker,
    /// When its credentials expire unless they are renewed.
    until: Instant,
    /// Tenants that it serves, each with the end of its entry.
    serves: HashMap<TenantId, Instant>,
    /// Attempts that it holds, each with its tenant and the end of its entry.
    holds: HashMap<AttemptKey, (TenantId, Instant)>,
}

impl DirectWorkerCache {
    /// The worker with this user name, if its credentials have not expired.
    pub(crate) fn find(&self, user: &str) -> Option<DirectWorker> {
        let known = self.known();
        let valid = known
            .get(user)
            .filter(|known| Instant::now() < known.until)?;
        Some(valid.worker.clone())
    }

    /// Remembers a worker, or that its credentials were renewed.
    pub(crate) fn remember(&self, worker: DirectWorker) {
        let mut known = self.known();
        let until = Instant::now() + CREDENTIALS_LIFETIME;
        known
            .entry(Arc::clone(&worker.user))
            .and_modify(|known| known.until = until)
            .or_insert_with(|| Known {
                worker,
                until,
                serves: HashMap::new(),
                holds: HashMap::new(),
            });
    }

    /// Removes a worker whose credentials are revoked.
    pub(crate) fn remove(&self, user: &str) {
        self.known().remove(user);
    }

    /// Whether the worker was lately found to serve the tenant.
    pub(crate) fn serves(&self, worker: &DirectWorker, tenant: &TenantId) -> bool {
        let mut known = self.known();
        let Some(known) = known.get_mut(&worker.user) else {
            return false;
        };
        let now = Instant::now();
        known.serves.retain(|_tenant, until| now < *until);
        known.serves.contains_key(tenant)
    }

    /// Remembers that the worker serves the tenant.
    pub(crate) fn remember_tenant(&self, worker: &DirectWorker, tenant: &TenantId) {
        if let Some(known) = self.known().get_mut(&worker.user) {
            let until = Instant::now() + TENANT_CACHE_TTL;
            known.serves.insert(tenant.clone(), until);
        }
    }

    /// The tenant of an attempt that the worker was lately found to hold.
    pub(crate) fn tenant_of(
        &self,
        worker: &DirectWorker,
        attempt: &AttemptKey,
    ) -> Option<TenantId> {
        let known = self.known();
        let (tenant, until) = known.get(&worker.user)?.holds.get(attempt)?;
        (Instant::now() < *until).then(|| tenant.clone())
    }

    /// Remembers that the worker holds the attempt.
    pub(crate) fn remember_attempt(
        &self,
        worker: &DirectWorker,
        attempt: &AttemptKey,
        tenant: &TenantId,
    ) {
        if let Some(known) = self.known().get_mut(&worker.user) {
            let now = Instant::now();
            known.holds.retain(|_key, (_tenant, until)| now < *until);
            let until = now + TENANT_CACHE_TTL;
            known.holds.insert(*attempt, (tenant.clone(), until));
        }
    }

    /// Removes expired entries, and returns whether the bound is reached.
    pub(crate) fn is_full(&self) -> bool {
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
