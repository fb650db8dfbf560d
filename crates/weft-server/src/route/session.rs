//! Sessions of browsers: begun with a token, ended by the user.

use crate::{
    app::App,
    auth::{Permission, Secret},
    caller,
    extract::Json,
    problem::{Code, Problem},
    session,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{NewSession, Whoami};

/// They take no token from the header: a session begins with one in the body.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_session, delete_session))
}

/// Sign in
///
/// Sets a cookie that holds the token and that scripts can't read. Requests with the cookie need no
/// `Authorization` header; writes need the header `weft-ui: 1` and have to come from the same
/// origin. For browsers; programs send the token with each request.
#[utoipa::path(post, path = "/session", tag = "tokens", params(("weft-ui" = String, Header, description = "1")), request_body = NewSession, responses((status = 200, description = "Who signed in", body = Whoami)))]
async fn create_session(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<NewSession>,
) -> Result<Response, Problem> {
    session::check_origin(&app, &Method::POST, &headers)?;
    let found = sign_in(&app, &headers, &body.token).await;
    let (caller, secret) = found.inspect_err(|problem| {
        app.metrics().refused_sign_in(problem.code());
    })?;
    let mut response = axum::Json(super::tokens::whoami_of(&caller)).into_response();
    let fields = response.headers_mut();
    fields.insert(header::SET_COOKIE, session::begin(&app, &headers, &secret)?);
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn sign_in(
    app: &App,
    headers: &HeaderMap,
    token: &str,
) -> Result<(caller::Caller, Secret), Problem> {
    let secret: Secret = token.trim().parse().map_err(|_not_one| {
        Problem::new(
            Code::TokenUnknown,
            "the token is none of Weft's: it has another form",
        )
    })?;
    let row = caller::row_of(app, &secret).await?;
    let caller = caller::caller_of(app, row, headers).await?;
    if !Permission::Read.belongs_to(caller.role) {
        let detail = format!(
            "the role {} is for workers, and may not sign in",
            caller.role.as_str()
        );
        return Err(Problem::new(Code::Forbidden, detail));
    }
    Ok((caller, secret))
}

/// Sign out
///
/// Removes the cookie. The token stays valid.
#[utoipa::path(delete, path = "/session", tag = "tokens", params(("weft-ui" = String, Header, description = "1")), responses((status = 204, description = "Signed out")))]
async fn delete_session(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    session::check_origin(&app, &Method::DELETE, &headers)?;
    let field = session::end(&app, &headers)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, field)]).into_response())
}
