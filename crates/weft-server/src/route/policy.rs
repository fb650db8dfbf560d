//! The tenant's policy: what its tasks may be granted.

use crate::{
    app::App,
    auth::{Governing, Reading},
    caller::By,
    etag::{Tag, WithTag},
    extract::Json,
    ports::Wake,
    problem::{Code, Problem, convert},
};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{NewPolicy, Policy};
use weft_core::{
    document::{Format, Source},
    id::TenantId,
    policy,
};
use weft_store_sql::{PolicyRow, PolicyStamp, Precondition};

/// The longest policy file, in bytes.
const MAX_POLICY_BYTES: usize = 256 << 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show_policy, put_policy, delete_policy))
}

/// Show the policy
#[utoipa::path(get, path = "/policy", tag = "settings", responses((status = 200, description = "The policy", body = Policy, headers(("etag" = String, description = "The etag of this policy")))))]
async fn show_policy(by: By<Reading>, State(app): State<App>) -> Result<WithTag<Policy>, Problem> {
    let row = app.database().show_policy(&by.tenant).await?;
    Ok(WithTag(tag(row.as_ref()), view(row.as_ref())))
}

/// Set the policy
///
/// The policy applies to deploys and attempts from now on. An invalid policy is refused, with every
/// problem and its line.
#[utoipa::path(put, path = "/policy", tag = "settings", params(("If-Match" = Option<String>, Header, description = "The etag of the policy that is replaced")), request_body = NewPolicy, responses((status = 200, description = "The policy after the change", body = Policy, headers(("etag" = String, description = "The etag of this policy")))))]
async fn put_policy(
    by: By<Governing>,
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<NewPolicy>,
) -> Result<WithTag<Policy>, Problem> {
    if body.policy.len() > MAX_POLICY_BYTES {
        let detail = format!(
            "a policy has at most {MAX_POLICY_BYTES} bytes, this one has {}",
            body.policy.len()
        );
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let source = Source {
        name: "the policy",
        text: &body.policy,
        format: Format::Toml,
    };
    policy::Policy::parse(source)
        .map_err(|error| convert::refused_document(Code::InvalidPolicy, &error))?;
    // TOML takes a NUL in no place, so the text can stand in any database.
    set(&app, &by.tenant, &headers, Some(&body.policy), &by.actor()).await?;
    let row = app.database().show_policy(&by.tenant).await?;
    Ok(WithTag(tag(row.as_ref()), view(row.as_ref())))
}

/// Reset the policy to the default
#[utoipa::path(delete, path = "/policy", tag = "settings", params(("If-Match" = Option<String>, Header, description = "The etag of the policy that is removed")), responses((status = 204, description = "The default policy applies")))]
async fn delete_policy(
    by: By<Governing>,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    set(&app, &by.tenant, &headers, None, &by.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set(
    app: &App,
    tenant: &TenantId,
    headers: &HeaderMap,
    text: Option<&str>,
    actor: &str,
) -> Result<(), Problem> {
    let before = app.database().show_policy(tenant).await?;
    let precondition = Precondition {
        actor,
        expected: tag(before.as_ref()).meant(headers, PolicyStamp(before))?,
    };
    if !app
        .database()
        .put_policy(tenant, text, precondition)
        .await?
    {
        return Err(Problem::internal(format!(
            "the caller's tenant {tenant} is not there"
        )));
    }
    app.scheduler().wake(Wake::Settings);
    Ok(())
}

fn tag(row: Option<&PolicyRow>) -> Tag {
    Tag::of(&row.map(|row| (&row.text, row.updated.0)))
}

fn view(row: Option<&PolicyRow>) -> Policy {
    Policy {
        policy: row.map_or_else(String::new, |row| row.text.as_ref().to_owned()),
        is_default: row.is_none(),
    }
}
