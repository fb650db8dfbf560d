//! Which worker calls: its token, and the session that it names.

use super::{REDIRECT, SESSION, direct_workers, lookup};
use crate::{
    app::App,
    caller,
    extract::header_text,
    problem::{Code, Problem},
};
use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, request::Parts};
use weft_broker::{AttemptKey, direct_worker::DirectWorker};
use weft_core::id::TenantId;
use weft_gateway::{HeldAttempt, SessionOwner};
use weft_store_sql::Role;

/// A worker, as its token and its request name it.
#[derive(Debug, Clone)]
pub(super) struct ByWorker {
    /// The token that the worker signed in with.
    pub(super) owner: SessionOwner,
    /// Whether it accepts a redirect to the object store.
    pub(super) accepts_redirect: bool,
    /// The session that it names; the gateway checks that the token owns it.
    pub(super) session: Option<String>,
}

impl ByWorker {
    /// Its entry, if it is a direct worker.
    async fn direct_worker(&self, app: &App) -> Result<Option<DirectWorker>, Problem> {
        match self.session.as_deref() {
            Some(session) => direct_workers::find(app, self.owner, session).await,
            None => Ok(None),
        }
    }

    /// Refuses a worker that holds no attempt of the tenant.
    pub(super) async fn must_serve(&self, app: &App, tenant: &TenantId) -> Result<(), Problem> {
        if let Some(worker) = self.direct_worker(app).await? {
            if direct_workers::serves(app, &worker, tenant).await? {
                return Ok(());
            }
        } else if let Some(session) = self.session.as_deref() {
            lookup::verify_session(app, self.owner, session).await?;
            if app
                .worker_sessions()
                .serves_tenant(self.owner, session, tenant)
            {
                return Ok(());
            }
        }
        Err(Problem::new(
            Code::Forbidden,
            "the worker holds no attempt of this tenant",
        ))
    }

    /// The attempt, if the worker holds it.
    pub(super) async fn held(
        &self,
        app: &App,
        attempt: &AttemptKey,
    ) -> Result<Option<HeldAttempt>, Problem> {
        if let Some(worker) = self.direct_worker(app).await? {
            return direct_workers::held(app, &worker, attempt).await;
        }
        let Some(session) = self.session.as_deref() else {
            return Ok(None);
        };
        lookup::verify_session(app, self.owner, session).await?;
        Ok(app
            .worker_sessions()
            .find_held(self.owner, session, attempt))
    }

    /// The tenant of an attempt that the worker holds.
    pub(super) async fn tenant_of(
        &self,
        app: &App,
        attempt: &AttemptKey,
    ) -> Result<Option<TenantId>, Problem> {
        let Some(worker) = self.direct_worker(app).await? else {
            return Ok(self.held(app, attempt).await?.map(|held| held.tenant));
        };
        if let Some(tenant) = app.direct_workers().tenant_of(&worker, attempt) {
            return Ok(Some(tenant));
        }
        let held = direct_workers::held(app, &worker, attempt).await?;
        if let Some(held) = &held {
            app.direct_workers()
                .remember_attempt(&worker, attempt, &held.tenant);
        }
        Ok(held.map(|held| held.tenant))
    }

    /// Refuses a worker that is not registered.
    pub(super) async fn must_be_registered(&self, app: &App) -> Result<(), Problem> {
        let knows = |session| app.worker_sessions().is_registered(self.owner, session);
        if self.session.as_deref().is_some_and(knows) || self.direct_worker(app).await?.is_some() {
            return Ok(());
        }
        Err(Problem::new(
            Code::Forbidden,
            "the worker is not registered here",
        ))
    }
}

impl FromRequestParts<App> for ByWorker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| {
            Problem::internal("a worker's route is mounted outside of authentication")
        })
    }
}

/// Finds the worker's token, before anything of the request is read.
pub(super) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let token = match caller::token(&app, request.headers()).await {
        Ok(token) => token,
        Err(problem) => {
            app.metrics().refused_sign_in(problem.code());
            return Err(problem);
        }
    };
    let owner = match token.role {
        Role::Worker if token.tenant.is_none() => SessionOwner::Token(token.id.0),
        Role::TrustedWorker if token.tenant.is_none() => SessionOwner::Trusted(token.id.0),
        _other => {
            return Err(Problem::new(
                Code::Forbidden,
                "this is the workers' way in, and the token is not a worker's",
            )
            .help("make one on the server: wfctl tokens create NAME --role worker"));
        }
    };
    let session = header_text(request.headers(), &HeaderName::from_static(SESSION))?;
    let by = ByWorker {
        owner,
        accepts_redirect: request.headers().contains_key(REDIRECT),
        session: session.map(str::to_owned),
    };
    request.extensions_mut().insert(by);
    Ok(next.run(request).await)
}
