//! Tokens: made once and shown once, listed, revoked; and who the caller is.

use super::{by_name::ListByName, page_size, paged};
use crate::{
    app::App,
    auth::{Permission, Reading, Secret, Tokens},
    caller::{By, Caller, role_of, stored_role},
    cursor::List,
    extract::{Json, Name, Path, Query},
    problem::{Code, Problem},
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{CreatedToken, NewToken, Page, Role, Token, Whoami};
use weft_core::id::TenantId;
use weft_store_sql::{Revocation, TokenId, TokenRow};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(revoke_token))
        .routes(routes!(whoami))
}

/// List tokens
///
/// Returns tokens of the caller's tenant; with a token for the whole installation, all tokens.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(ListByName), responses((status = 200, description = "A page", body = Page<Token>)))]
async fn list_tokens(
    by: By<Tokens>,
    State(app): State<App>,
    Query(query): Query<ListByName>,
) -> Result<axum::Json<Page<Token>>, Problem> {
    let size = page_size(query.limit)?;
    let list = List::new("tokens", &scope(&by));
    let after: Option<i64> = list.key(query.cursor.as_deref())?;
    let rows = app
        .database()
        .list_tokens(scope(&by), after.map(TokenId), size + 1)
        .await?;
    Ok(axum::Json(paged(
        rows,
        size,
        |row| list.after(&row.id.0),
        |row| Ok(view(row)),
    )?))
}

/// Create a token
///
/// The response is the only one that contains the secret.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken, responses((status = 201, description = "The token with its secret", body = CreatedToken)))]
async fn create_token(
    by: By<Tokens>,
    State(app): State<App>,
    Json(body): Json<NewToken>,
) -> Result<Response, Problem> {
    let name: Name = body
        .name
        .parse()
        .map_err(|error| Problem::new(Code::InvalidValue, format!("name: {error}")))?;
    if body
        .expires
        .is_some_and(|expires| expires.0 <= crate::clock::now())
    {
        return Err(Problem::new(Code::InvalidValue, "expires lies in the past"));
    }
    let tenant = tenant_of(&app, &by, body.tenant.as_deref()).await?;
    if matches!(body.role, Role::Worker | Role::TrustedWorker) && tenant.is_some() {
        return Err(Problem::new(
            Code::InvalidValue,
            "a worker runs tasks of every tenant: its token holds in the whole installation",
        ));
    }
    let secret = Secret::draw();
    let token = weft_store_sql::NewToken {
        name: name.0,
        tenant,
        role: stored_role(body.role),
        hash: secret.digest(),
        expires: body.expires.map(|expires| expires.0),
    };
    let id = app.database().create_token(&token, &by.actor()).await?;
    let row = one(&app, token.tenant.as_ref(), id).await?;
    let row = row.ok_or_else(|| Problem::internal("a token was made and is not there"))?;
    let created = CreatedToken {
        token: view(&row),
        secret: secret.reveal().to_owned(),
    };
    let mut response = (StatusCode::CREATED, axum::Json(created)).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Where a new token holds: never in more than its maker's does.
async fn tenant_of(
    app: &App,
    by: &Caller,
    requested: Option<&str>,
) -> Result<Option<TenantId>, Problem> {
    let Some(requested) = requested else {
        return Ok(scope(by).cloned());
    };
    let tenant: TenantId = requested
        .parse()
        .map_err(|error| Problem::new(Code::InvalidValue, format!("tenant: {error}")))?;
    if !by.everywhere && tenant != by.tenant {
        return Err(Problem::new(
            Code::Forbidden,
            "the caller's token does not hold in that tenant",
        ));
    }
    if app.database().show_tenant(&tenant).await?.is_none() {
        return Err(Problem::new(
            Code::InvalidValue,
            format!("there is no tenant {tenant}"),
        ));
    }
    Ok(Some(tenant))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
struct TokenPath {
    /// The token's number.
    token: i64,
}

/// Revoke a token
///
/// The token is invalid from now on. The last token that may create others can't be revoked.
#[utoipa::path(delete, path = "/tokens/{token}", tag = "tokens", params(TokenPath), responses((status = 204, description = "Revoked")))]
async fn revoke_token(
    by: By<Tokens>,
    State(app): State<App>,
    Path(path): Path<TokenPath>,
) -> Result<StatusCode, Problem> {
    let id = TokenId(path.token);
    let unknown = || {
        Problem::new(
            Code::TokenNotFound,
            format!("there is no token {}", path.token),
        )
    };
    let row = one(&app, scope(&by), id).await?.ok_or_else(unknown)?;
    match app.database().revoke_token(id, &by.actor()).await? {
        // Revoking again changes nothing, and is as good as the first time.
        Revocation::Done | Revocation::Unknown => Ok(StatusCode::NO_CONTENT),
        Revocation::LastAdmin => Err(Problem::new(
            Code::LastAdmin,
            format!(
                "the token {} is the last one that may make others",
                row.name
            ),
        )),
    }
}

/// One token, if it is in the scope.
async fn one(
    app: &App,
    scope: Option<&TenantId>,
    id: TokenId,
) -> Result<Option<TokenRow>, Problem> {
    let Some(before) = id.0.checked_sub(1) else {
        return Ok(None);
    };
    let rows = app
        .database()
        .list_tokens(scope, Some(TokenId(before)), 1)
        .await?;
    Ok(rows.into_iter().find(|row| row.id == id))
}

/// Whose tokens a caller sees: all, or those of its own tenant.
fn scope(by: &Caller) -> Option<&TenantId> {
    (!by.everywhere).then_some(&by.tenant)
}

fn view(row: &TokenRow) -> Token {
    Token {
        id: row.id.0,
        name: row.name.clone(),
        role: role_of(row.role),
        tenant: row.tenant.as_ref().map(ToString::to_string),
        created: row.created.into(),
        created_by: row.created_by.clone(),
        expires: row.expires.map(weft_api::Time),
        revoked: row.revoked.map(weft_api::Time),
        last_used: row.last_used.map(weft_api::Time),
    }
}

/// Show the caller
#[utoipa::path(get, path = "/whoami", tag = "tokens", responses((status = 200, description = "The caller", body = Whoami)))]
async fn whoami(by: By<Reading>) -> axum::Json<Whoami> {
    axum::Json(whoami_of(&by))
}

/// A caller as it is shown to itself.
pub(super) fn whoami_of(by: &Caller) -> Whoami {
    let role: Role = by.role;
    Whoami {
        name: by.name.clone(),
        token: by.token.0,
        tenant: by.tenant.to_string(),
        everywhere: by.everywhere,
        role,
        permissions: Permission::of_role(role)
            .iter()
            .copied()
            .map(Permission::as_str)
            .map(str::to_owned)
            .collect(),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
