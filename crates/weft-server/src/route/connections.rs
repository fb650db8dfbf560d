//! Connections: where they lead is listed, their credentials are set and never shown.

use super::{
    by_name::{ListByName, NamePath},
    secrets,
};
use crate::{
    app::App,
    auth::{Reading, Settling},
    caller::By,
    extract::{Json, Path, Query},
    problem::{Code, Problem},
};
use axum::extract::State;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{Connection, ConnectionAuth, NewConnection, Page};
use weft_core::grant::{HostPattern, HttpGrant};
use weft_store_sql::secret::SecretKind;

/// The most further header fields.
const MAX_HEADERS: usize = 32;
/// The longest credential or value of a header field, in bytes.
const MAX_VALUE_BYTES: usize = 16 << 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_connections))
        .routes(routes!(put_connection, delete_connection))
}

/// What may be shown of a connection, as it is stored beside its sealed value.
#[derive(Serialize, Deserialize)]
struct About {
    url: String,
    auth: ConnectionAuth,
    headers: Vec<String>,
}

/// List connections
///
/// Sorted by name. Credentials are never returned.
#[utoipa::path(get, path = "/connections", tag = "settings", params(ListByName), responses((status = 200, description = "A page", body = Page<Connection>)))]
async fn list_connections(
    by: By<Reading>,
    State(app): State<App>,
    Query(query): Query<ListByName>,
) -> Result<axum::Json<Page<Connection>>, Problem> {
    secrets::page(&app, &by, SecretKind::Connection, &query, |row| {
        let about: About = serde_json::from_str(&row.about).map_err(Problem::internal)?;
        Ok(Connection {
            name: row.name.clone(),
            url: about.url,
            auth: about.auth,
            headers: about.headers,
            updated: row.updated.into(),
            updated_by: row.updated_by.clone(),
        })
    })
    .await
}

/// Set a connection
#[utoipa::path(put, path = "/connections/{name}", tag = "settings", params(NamePath), request_body = NewConnection, responses((status = 204, description = "Set")))]
async fn put_connection(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
    Json(body): Json<NewConnection>,
) -> Result<StatusCode, Problem> {
    let about = check(&body).map_err(|why| Problem::new(Code::InvalidValue, why))?;
    let about = serde_json::to_string(&about).map_err(Problem::internal)?;
    let value = serde_json::to_vec(&body).map_err(Problem::internal)?;
    let place = secrets::place(&by, SecretKind::Connection, path.name.0);
    secrets::put(&app, &by, &place, &about, &value).await
}

/// Remove a connection
#[utoipa::path(delete, path = "/connections/{name}", tag = "settings", params(NamePath), responses((status = 204, description = "Removed")))]
async fn delete_connection(
    by: By<Settling>,
    State(app): State<App>,
    Path(path): Path<NamePath>,
) -> Result<StatusCode, Problem> {
    let place = secrets::place(&by, SecretKind::Connection, path.name.0);
    secrets::remove(&app, &by, &place).await
}

/// What may be shown of it, if it can be used. Messages never repeat a credential.
fn check(body: &NewConnection) -> Result<About, String> {
    if !body.url.contains("://") {
        return Err("the url must begin with https:// or http://".into());
    }
    let target: HttpGrant = body
        .url
        .parse()
        .map_err(|error| format!("the url can't be used: {error}"))?;
    if matches!(target.host, HostPattern::Below(_)) {
        return Err("a connection leads to one host: the url can't have a wildcard".into());
    }
    let auth = match (&body.bearer, &body.username, &body.password) {
        (None, None, None) => ConnectionAuth::None,
        (Some(_), None, None) => ConnectionAuth::Bearer,
        (None, Some(_), _) => ConnectionAuth::Basic,
        (None, None, Some(_)) => return Err("a password needs a username".into()),
        (Some(_), _, _) => return Err("bearer and username exclude each other".into()),
    };
    if body
        .username
        .as_ref()
        .is_some_and(|name| name.contains(':'))
    {
        return Err("a username can't hold a colon".into());
    }
    let credentials = [&body.bearer, &body.username, &body.password];
    for value in credentials
        .into_iter()
        .flatten()
        .chain(body.headers.values())
    {
        if value.len() > MAX_VALUE_BYTES || HeaderValue::from_str(value).is_err() {
            return Err(format!(
                "a credential or header value has at most {MAX_VALUE_BYTES} bytes and no line breaks or other control characters"
            ));
        }
    }
    if body.headers.len() > MAX_HEADERS {
        return Err(format!(
            "a connection adds at most {MAX_HEADERS} header fields"
        ));
    }
    for name in body.headers.keys() {
        HeaderName::from_bytes(name.as_bytes())
            .map_err(|_odd| "a header field has a name that can't be one".to_owned())?;
    }
    Ok(About {
        url: target_url(&target),
        auth,
        headers: body.headers.keys().cloned().collect(),
    })
}

fn target_url(target: &HttpGrant) -> String {
    let shown = target.to_string();
    if shown.contains("://") {
        shown
    } else {
        format!("https://{shown}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(json: &str) -> NewConnection {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn only_what_can_be_used_is_taken() {
        let about = check(&connection(
            r#"{"url":"https://api.example.org","bearer":"s3cret","headers":{"x-key":"k"}}"#,
        ))
        .unwrap();
        assert_eq!(
            (about.url.as_str(), about.auth),
            ("https://api.example.org", ConnectionAuth::Bearer)
        );
        for bad in [
            r#"{"url":"api.example.org"}"#,
            r#"{"url":"ftp://api.example.org"}"#,
            r#"{"url":"https://*.example.org"}"#,
            r#"{"url":"https://api.example.org/path"}"#,
            r#"{"url":"https://user:s3cret@api.example.org"}"#,
            r#"{"url":"https://a.example.org","password":"s3cret"}"#,
            r#"{"url":"https://a.example.org","bearer":"s3cret","username":"u"}"#,
            r#"{"url":"https://a.example.org","bearer":"s3cret\r\nx: y"}"#,
            r#"{"url":"https://a.example.org","headers":{"a b":"s3cret"}}"#,
        ] {
            let why = check(&connection(bad)).map(|about| about.url).unwrap_err();
            assert!(!why.contains("s3cret") || bad.contains('@'), "{why}");
        }
    }
}
