//! The caller of a request: found once, before any handler, from its token or its session's cookie.

use crate::{
    app::App,
    auth::{Needs, Permission, Secret},
    problem::{Code, Problem, quoted},
    session,
};
use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, Method, header, request::Parts};
use std::{marker::PhantomData, ops::Deref, time::Instant};
use weft_api::Role;
use weft_core::{digest::Digest, id::TenantId};
use weft_store_sql::{TokenId, TokenRow};

/// A token of the installation says with this header field which tenant it means.
pub(crate) const TENANT_HEADER: HeaderName = HeaderName::from_static("weft-tenant");

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Whose resources it sees and changes.
    pub(crate) tenant: TenantId,
    /// Whether its token holds in every tenant.
    pub(crate) everywhere: bool,
    /// Row of the caller's token.
    pub(crate) token: TokenId,
    /// The token's name.
    pub(crate) name: String,
    /// What it may do.
    pub(crate) role: Role,
    /// Its token was read before, and may not hold any more; by the digest under which it is remembered.
    unverified: Option<Digest>,
}

impl Caller {
    /// Reads the token again if it is only remembered.
    ///
    /// # Errors
    /// It does not hold any more.
    async fn verify(&self, app: &App) -> Result<(), Problem> {
        let Some(digest) = &self.unverified else {
            return Ok(());
        };
        let read = read_token(app, digest).await;
        if let Err(problem) = &read {
            app.remembered().tokens().remove(digest);
            app.metrics().refused_sign_in(problem.code());
        }
        read.map(drop)
    }

    /// How the audit calls it: names may stand twice, numbers don't.
    pub(crate) fn actor(&self) -> String {
        format!("{}#{}", self.name, self.token.0)
    }

    /// Whether its role may operate runs.
    pub(crate) fn may_operate(&self) -> bool {
        Permission::Operate.belongs_to(self.role)
    }

    /// Refuses what the role does not allow.
    fn check(&self, permission: Permission) -> Result<(), Problem> {
        let role = self.role.as_str();
        if !permission.belongs_to(self.role) {
            let detail = format!(
                "the role {role} lacks the permission {}",
                permission.as_str()
            );
            return Err(Problem::new(Code::Forbidden, detail));
        }
        // A tenant's own administrator must not widen what the operator granted to the tenant.
        if permission == Permission::Govern && !self.everywhere {
            let detail =
                "policies, tenants and workers are seen to with a token of the whole installation";
            return Err(Problem::new(Code::Forbidden, detail));
        }
        Ok(())
    }
}

/// A caller that holds a permission: the first argument of every handler.
pub(crate) struct By<P> {
    caller: Caller,
    permission: PhantomData<P>,
}

impl<P> Deref for By<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P: Needs> FromRequestParts<App> for By<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let remembered = ByRemembered::from_request_parts(parts, app).await?;
        remembered.verified(app).await
    }
}

/// As [`By`], and its token may not hold any more: the first argument of a handler whose one statement checks
/// that itself, or that calls [`Self::verified`] before it answers anything.
pub(crate) struct ByRemembered<P>(By<P>);

impl<P> Deref for ByRemembered<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<P> ByRemembered<P> {
    /// Whether nothing has checked its token in this request.
    pub(crate) fn is_unverified(&self) -> bool {
        self.unverified.is_some()
    }

    /// The caller, whose token holds.
    ///
    /// # Errors
    /// It does not hold any more.
    pub(crate) async fn verified(self, app: &App) -> Result<By<P>, Problem> {
        self.verify(app).await?;
        Ok(self.0)
    }
}

impl<P: Needs> FromRequestParts<App> for ByRemembered<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = parts
            .extensions
            .get::<Caller>()
            .ok_or_else(|| Problem::internal("a handler is mounted outside of authentication"))?;
        if let Err(problem) = caller.check(P::PERMISSION) {
            caller.verify(app).await?;
            return Err(problem);
        }
        Ok(Self(By {
            caller: caller.clone(),
            permission: PhantomData,
        }))
    }
}

/// Finds the caller, or answers 401, before anything of the request is read.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let is_trigger = is_trigger(&request);
    let found = find(&app, request.method(), request.headers(), is_trigger).await;
    let caller = match found {
        Ok(caller) => caller,
        Err(problem) => {
            app.metrics().refused_sign_in(problem.code());
            return Err(problem);
        }
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn find(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    is_trigger: bool,
) -> Result<Caller, Problem> {
    // A program that names a token means that one, whatever cookies there are.
    let from_cookie = if headers.contains_key(header::AUTHORIZATION) {
        None
    } else {
        session::token(app, method, headers)?
    };
    if let Some(secret) = from_cookie {
        return caller_of(app, row_of(app, &secret).await?, headers).await;
    }
    let digest = bearer(headers)?.digest();
    if !is_trigger {
        return caller_of(app, read_token(app, &digest).await?, headers).await;
    }
    let remembered = app.remembered().tokens();
    let known = remembered.get(&digest);
    // One whose use is to be recorded is read, which records it.
    let now = Instant::now();
    if let Some(row) = known.filter(|row| app.last_uses().is_recorded(row.id, now)) {
        return Ok(Caller {
            unverified: Some(digest),
            ..caller_of(app, row, headers).await?
        });
    }
    let row = read_token(app, &digest).await?;
    remembered.insert(digest, row.clone());
    caller_of(app, row, headers).await
}

/// Whether a request triggers a run: its statement checks the token, and it is what is called most often.
fn is_trigger(request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>();
    request.method() == Method::POST
        && path.is_some_and(|path| path.as_str().ends_with("/dags/{dag}/runs"))
}

/// The caller with this token, in the tenant that the request names.
pub(crate) async fn caller_of(
    app: &App,
    row: TokenRow,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    let tenant = tenant_of(app, &row, headers).await?;
    Ok(Caller {
        tenant,
        everywhere: row.tenant.is_none(),
        token: row.id,
        name: row.name,
        role: role_of(row.role),
        unverified: None,
    })
}

/// The token in the request's `Authorization`, which is known and neither revoked nor expired.
pub(crate) async fn token(app: &App, headers: &HeaderMap) -> Result<TokenRow, Problem> {
    row_of(app, &bearer(headers)?).await
}

/// A token, which is known and neither revoked nor expired.
pub(crate) async fn row_of(app: &App, secret: &Secret) -> Result<TokenRow, Problem> {
    read_token(app, &secret.digest()).await
}

async fn read_token(app: &App, digest: &Digest) -> Result<TokenRow, Problem> {
    let unknown = || Problem::new(Code::TokenUnknown, "the token is not known here");
    let row = app
        .database()
        .find_token(digest)
        .await?
        .ok_or_else(unknown)?;
    let now = crate::clock::now();
    if let Some(revoked) = row.revoked {
        return Err(Problem::new(
            Code::TokenRevoked,
            format!("the token was revoked at {revoked}"),
        ));
    }
    if let Some(expires) = row.expires.filter(|expires| *expires <= now) {
        return Err(Problem::new(
            Code::TokenExpired,
            format!("the token expired at {expires}"),
        ));
    }
    if app.last_uses().is_due(row.id, Instant::now()) {
        app.database().touch_token(row.id).await?;
    }
    Ok(row)
}

fn bearer(headers: &HeaderMap) -> Result<Secret, Problem> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Err(Problem::new(
            Code::Unauthenticated,
            "the request carries no token",
        ));
    };
    let malformed = || {
        Problem::new(
            Code::Unauthenticated,
            "the Authorization field is not `Bearer weft_...`",
        )
    };
    if fields.next().is_some() {
        return Err(malformed());
    }
    let (scheme, token) = field
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(malformed());
    }
    token.trim().parse().map_err(|_not_one| {
        Problem::new(
            Code::TokenUnknown,
            "the token is none of Weft's: it has another form",
        )
    })
}

/// The token's tenant, or, of a token of the installation, the one that the request names.
async fn tenant_of(app: &App, row: &TokenRow, headers: &HeaderMap) -> Result<TenantId, Problem> {
    let requested = crate::extract::header_text(headers, &TENANT_HEADER)?;
    match (&row.tenant, requested) {
        (None, None) => Ok(TenantId::default()),
        (Some(own), None) => Ok(own.clone()),
        (Some(own), Some(requested)) if own.as_str() == requested => Ok(own.clone()),
        (Some(_), Some(_)) => Err(Problem::new(
            Code::Forbidden,
            "the token does not hold in that tenant",
        )),
        (None, Some(requested)) => {
            let none = || {
                Problem::new(
                    Code::InvalidId,
                    format!("there is no tenant {}", quoted(requested)),
                )
            };
            let tenant: TenantId = requested.parse().map_err(|_odd| none())?;
            let known = app.database().show_tenant(&tenant).await?;
            known.map(|row| row.id).ok_or_else(none)
        }
    }
}

/// A role as it is shown.
pub(crate) const fn role_of(stored: weft_store_sql::Role) -> Role {
    match stored {
        weft_store_sql::Role::Admin => Role::Admin,
        weft_store_sql::Role::Deployer => Role::Deployer,
        weft_store_sql::Role::Operator => Role::Operator,
        weft_store_sql::Role::Viewer => Role::Viewer,
        weft_store_sql::Role::Worker => Role::Worker,
        weft_store_sql::Role::TrustedWorker => Role::TrustedWorker,
    }
}

/// A role as it is stored.
pub(crate) const fn stored_role(role: Role) -> weft_store_sql::Role {
    match role {
        Role::Admin => weft_store_sql::Role::Admin,
        Role::Deployer => weft_store_sql::Role::Deployer,
        Role::Operator => weft_store_sql::Role::Operator,
        Role::Viewer => weft_store_sql::Role::Viewer,
        Role::Worker => weft_store_sql::Role::Worker,
        Role::TrustedWorker => weft_store_sql::Role::TrustedWorker,
    }
}
