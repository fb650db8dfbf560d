//! The API's own document and a page that shows it, from embedded files: a
//! browser loads nothing from anywhere else.

use crate::{
    app::App,
    problem::{Code, Problem},
};
use axum::{
    Router,
    body::Body,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderValue, header};
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// Where the document is.
pub(crate) const DOCUMENT: &str = "/api/v1/openapi.json";
/// Where the page is.
const PAGE: &str = "/api/v1/docs/";
/// The page's own scripts and styles, and nothing else.
const CONTENT_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/// The document as it was generated, and its page.
pub(crate) fn routes(document: Bytes) -> Router<App> {
    let config = Arc::new(Config::from(DOCUMENT));
    let served = Arc::clone(&config);
    Router::new()
        .route(DOCUMENT, get(move || async move { json(document.clone()) }))
        .route("/api/v1/docs", get(async || Redirect::permanent(PAGE)))
        .route(
            PAGE,
            get(move || async move { file("index.html", &served) }),
        )
        .route(
            "/api/v1/docs/{*file}",
            get(move |Path(name): Path<String>| async move { file(&name, &config) }),
        )
}

fn json(document: Bytes) -> Response {
    let mut response = Body::from(document).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

fn file(name: &str, config: &Arc<Config<'static>>) -> Result<Response, Problem> {
    let found = utoipa_swagger_ui::serve(name, Arc::clone(config)).map_err(Problem::internal)?;
    let none = || Problem::new(Code::NotFound, "the reference page has no such file");
    let found = found.ok_or_else(none)?;
    let mut response = Body::from(found.bytes.into_owned()).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_str(&found.content_type).map_err(Problem::internal)?;
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_POLICY),
    );
    if found.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
