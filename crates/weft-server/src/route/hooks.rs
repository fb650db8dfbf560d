//! The address of a webhook: a signed request triggers a run.
//!
//! It takes no token. Nothing of the payload is parsed before its signature was checked, and the
//! sender of a request that is not signed does not learn whether there is such a webhook.

use super::{
    dags,
    runs::{self, RunParams},
};
use crate::{
    app::App,
    extract::collect,
    ports::Wake,
    problem::{Code, Problem},
    trace,
    webhook::{About, Unsigned, verify},
};
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use weft_api::WebhookForm;
use weft_store_sql::{Trigger, Triggered, WebhookRow};

/// The base of every path of a webhook.
pub(crate) const BASE: &str = "/hooks";
/// The longest payload.
const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// What takes a signature in place of a token.
pub(crate) fn signed_routes() -> Router<App> {
    Router::new().route("/hooks/{id}", post(receive))
}

async fn receive(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = collect(body, MAX_PAYLOAD_BYTES).await?;
    let found = app.database().find_webhook(&id).await?;
    let now = crate::clock::now().0.div_euclid(1_000);
    let Some((webhook, sealed)) = found else {
        // It takes as long as a signature that is wrong, and no secret is known to anybody.
        let secret = crate::random::bytes::<32>();
        return match verify(WebhookForm::GitHub, &secret, (&headers, &body), now) {
            Ok(_) | Err(_) => Err(refusal()),
        };
    };
    let about: About = serde_json::from_str(&webhook.about).map_err(Problem::internal)?;
    let secret = app
        .keyring()
        .open(&webhook.address(), &sealed)
        .map_err(Problem::internal)?;
    let signed = verify(about.form, &secret, (&headers, &body), now)
        .map_err(|why| refused(&webhook, why))?;
    let payload: Value = serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("the payload is not JSON: {error}");
        Problem::new(Code::InvalidRequest, detail)
    })?;
    if !about.takes(about.event(&headers, &payload)) {
        let body = json!({ "run": null, "detail": "events of this type trigger no run" });
        return Ok(axum::Json(body).into_response());
    }
    let key = about.message_key(&signed, &body, &payload);
    let params = about.params(&payload);
    let request = Request {
        webhook: &webhook,
        key: format!("webhook/{}/{key}", webhook.id),
        params,
        trace: trace::of(&headers),
    };
    let (status, run) = request.trigger(&app).await?;
    Ok((status, axum::Json(json!({ "run": run }))).into_response())
}

/// A request whose signature was checked.
struct Request<'a> {
    webhook: &'a WebhookRow,
    key: String,
    params: serde_json::Map<String, Value>,
    trace: std::sync::Arc<str>,
}

impl Request<'_> {
    /// Makes the run, or finds the one that the same message made before.
    async fn trigger(self, app: &App) -> Result<(StatusCode, String), Problem> {
        let WebhookRow { tenant, dag, .. } = self.webhook;
        let row = dags::find(app, tenant, dag).await?;
        let version = runs::version_of(app, tenant, &row, None).await?;
        let document = app.documents().of(app.database(), version).await?;
        let RunParams {
            params,
            concurrency_key,
        } = runs::params(&document, &self.params)?;
        let trigger = Trigger {
            tenant: tenant.clone(),
            dag: dag.clone(),
            version,
            logical_date: None,
            interval: None,
            params,
            concurrency_key,
            not_before: None,
            by: format!("webhook/{}", self.webhook.name),
            trace: Some(self.trace),
            idempotency_key: Some(self.key),
        };
        let made = app
            .database()
            .trigger(&trigger)
            .await
            .map_err(|error| runs::refused(dag, error))?;
        let run = made.run();
        tracing::Span::current().record("run", tracing::field::display(run));
        let status = match made {
            Triggered::New(_run) => {
                app.scheduler().wake(Wake::Queued(row.key));
                app.metrics().runs_triggered.inc();
                StatusCode::CREATED
            }
            Triggered::Before(_run) => StatusCode::OK,
        };
        Ok((status, run.to_string()))
    }
}

/// The log says what the sender doesn't learn.
fn refused(webhook: &WebhookRow, why: Unsigned) -> Problem {
    tracing::info!(
        webhook = webhook.name, dag = %webhook.dag, tenant = %webhook.tenant, error = %why,
        operation = "receive webhook", "a request to a webhook was refused"
    );
    refusal()
}

fn refusal() -> Problem {
    let detail = "there is no such webhook, or the request is not signed with its secret";
    Problem::new(Code::WebhookRefused, detail)
}
