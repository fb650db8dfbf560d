//! Which worker calls: its token, and the registration that it names.

use super::{REDIRECT, SESSION, guests, lookup};
use crate::{
    app::App,
    auth,
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
    /// Its token.
    pub(super) owner: SessionOwner,
    /// It takes blobs from where they lie, too.
    pub(super) goes_elsewhere: bool,
    /// The registration that it says is its own; the gate knows whether it is.
    pub(super) session: Option<String>,
}

impl ByWorker {
    /// The guest that it is, where it takes its attempts from the transport itself.
    async fn guest(&self, app: &App) -> Result<Option<DirectWorker>, Problem> {
        match self.session.as_deref() {
            Some(session) => app.guests().find(app, self.owner, session).await,
            None => Ok(None),
        }
    }

    /// Refuses a worker that holds no attempt of the tenant.
    pub(super) async fn must_serve(&self, app: &App, tenant: &TenantId) -> Result<(), Problem> {
        if let Some(guest) = self.guest(app).await? {
            if app.guests().serves(app, &guest, tenant).await? {
                return Ok(());
            }
        } else if let Some(session) = self.session.as_deref() {
            lookup::unknown(app, self.owner, session).await?;
            if app.gate().serves_tenant(self.owner, session, tenant) {
                return Ok(());
            }
        }
        Err(Problem::new(
            Code::Forbidden,
            "the worker holds no attempt of this tenant",
        ))
    }

    /// The attempt, where the worker holds it.
    pub(super) async fn held(
        &self,
        app: &App,
        attempt: &AttemptKey,
    ) -> Result<Option<HeldAttempt>, Problem> {
        if let Some(guest) = self.guest(app).await? {
            return guests::held(app, &guest, attempt).await;
        }
        let Some(session) = self.session.as_deref() else {
            return Ok(None);
        };
        lookup::unknown(app, self.owner, session).await?;
        Ok(app.gate().find_held(self.owner, session, attempt))
    }

    /// Refuses a worker that is not registered.
    pub(super) async fn must_be_registered(&self, app: &App) -> Result<(), Problem> {
        let knows = |session| app.gate().is_registered(self.owner, session);
        if self.session.as_deref().is_some_and(knows) || self.guest(app).await?.is_some() {
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
        found.ok_or_else(|| Problem::internal("a worker's call stands outside of authentication"))
    }
}

/// Finds the worker's token, before anything of the request is read.
pub(super) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let token = match auth::token(&app, request.headers()).await {
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
        goes_elsewhere: request.headers().contains_key(REDIRECT),
        session: session.map(str::to_owned),
    };
    request.extensions_mut().insert(by);
    Ok(next.run(request).await)
}
