//! The tenant's policy: what its tasks may be granted.

use super::dags;
use crate::{
    app::App,
    auth::{Governing, Reading},
    caller::By,
    etag::{Tag, WithTag},
    extract::Json,
    policies::policy_of,
    ports::Wake,
    problem::{Code, Problem, convert},
};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{CheckedTask, NewPolicy, Policy, PolicyCheck, PolicyChecked, RefusedRequest};
use weft_core::{
    document::{Dag, Format, Source, Task},
    grant::GrantRequest,
    id::{DagId, TenantId},
    limit::LimitRequest,
    policy,
};
use weft_store_sql::{PolicyRow, PolicyStamp, Precondition};

/// The longest policy file, in bytes.
const MAX_POLICY_BYTES: usize = 256 << 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show_policy, put_policy, delete_policy))
        .routes(routes!(check_policy))
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
    parse(&body.policy)?;
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

/// Test the policy
///
/// Returns whether the policy, or one that is not set yet, would grant tasks what they request. Changes
/// nothing.
#[utoipa::path(post, path = "/policy/check", tag = "settings", request_body = PolicyCheck, responses((status = 200, description = "What would be granted", body = PolicyChecked)))]
async fn check_policy(
    by: By<Reading>,
    State(app): State<App>,
    Json(body): Json<PolicyCheck>,
) -> Result<axum::Json<PolicyChecked>, Problem> {
    let policy = match &body.policy {
        Some(text) => parse(text)?,
        None => policy_of(&app, &by.tenant).await?,
    };
    let Some(dag) = &body.dag else {
        let (mut grants, limits) = (GrantRequest::default(), LimitRequest::default());
        add_requests(&mut grants, &body)?;
        let request = policy::Request {
            grants: &grants,
            limits: &limits,
            timeout: None,
            queue: body.queue.as_deref(),
        };
        let tasks = vec![checked(&policy, None, &request)];
        return Ok(axum::Json(PolicyChecked { tasks }));
    };
    let id = dag
        .parse()
        .map_err(|_odd| Problem::new(Code::InvalidId, "this names no DAG"))?;
    let dag = active_version(&app, &by.tenant, &id).await?;
    let wanted = |task: &&Task| body.task.as_ref().is_none_or(|id| task.id.as_str() == id);
    let mut tasks = Vec::new();
    for task in dag.tasks.iter().filter(wanted) {
        let mut grants = task.grants.clone();
        add_requests(&mut grants, &body)?;
        let request = policy::Request {
            grants: &grants,
            queue: body.queue.as_deref().or(task.queue.as_deref()),
            ..task.request()
        };
        tasks.push(checked(&policy, Some(task.id.to_string()), &request));
    }
    if let (Some(task), true) = (&body.task, tasks.is_empty()) {
        let detail = format!("the active version of {id} has no task {task}");
        return Err(Problem::new(Code::TaskNotFound, detail));
    }
    Ok(axum::Json(PolicyChecked { tasks }))
}

async fn active_version(app: &App, tenant: &TenantId, id: &DagId) -> Result<Arc<Dag>, Problem> {
    let row = dags::find(app, tenant, id).await?;
    let document = dags::active_document(app, &row).await?;
    document
        .ok_or_else(|| Problem::new(Code::VersionNotFound, format!("{id} has no active version")))
}

/// Adds what is requested besides.
fn add_requests(grants: &mut GrantRequest, body: &PolicyCheck) -> Result<(), Problem> {
    for host in &body.http {
        let grant = host.parse().map_err(|error| {
            Problem::new(Code::InvalidValue, format!("{host:?} is no grant: {error}"))
        })?;
        grants.http.push(grant);
    }
    grants.variables.extend(body.variables.iter().cloned());
    grants.connections.extend(body.connections.iter().cloned());
    grants.dags.extend(body.dags.iter().cloned());
    Ok(())
}

fn checked(
    policy: &policy::Policy,
    task: Option<String>,
    request: &policy::Request<'_>,
) -> CheckedTask {
    let refused = policy.evaluate(request).err().unwrap_or_default();
    CheckedTask {
        task,
        allowed: refused.is_empty(),
        http: request
            .grants
            .http
            .iter()
            .map(ToString::to_string)
            .collect(),
        variables: request.grants.variables.clone(),
        connections: request.grants.connections.clone(),
        dags: request.grants.dags.clone(),
        refused: refused
            .iter()
            .map(|refusal| RefusedRequest {
                code: refusal.code().to_owned(),
                message: refusal.to_string(),
                remedy: refusal.remedy(),
            })
            .collect(),
    }
}

fn parse(text: &str) -> Result<policy::Policy, Problem> {
    if text.len() > MAX_POLICY_BYTES {
        let detail = format!(
            "a policy has at most {MAX_POLICY_BYTES} bytes, this one has {}",
            text.len()
        );
        return Err(Problem::new(Code::InvalidValue, detail));
    }
    let source = Source {
        name: "the policy",
        text,
        format: Format::Toml,
    };
    policy::Policy::parse(source)
        .map_err(|error| convert::refused_document(Code::InvalidPolicy, &error))
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
        expected: tag(before.as_ref()).check_if_match(headers, PolicyStamp(before))?,
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
