//! The web UI: its page for every path that a browser opens, and its assets.
//!
//! The page is answered without a token, since it holds nothing of anybody's: what it shows it reads through the API. Its policy
//! allows scripts of this server alone and styles of its own or with a nonce that is new in each answer.

use crate::{
    app::App,
    problem::{Code, Problem},
};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use std::fmt::Write as _;
use weft_ui::Asset;

/// Paths that are not the UI's: there a missing page is a problem, for browsers too.
const OTHERS: [&str; 4] = ["api", "worker", "health", "metrics"];
/// The folder of the bundle's files, all of which have an extension; without one it is the page of assets.
const FILES: &str = "assets";
/// How long an asset may be kept: for ever, as its name has a hash.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Answers a path that no route has.
pub(crate) async fn answer(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let nothing = || Problem::new(Code::NotFound, "there is nothing at this path");
    if method != Method::GET && method != Method::HEAD {
        return Err(nothing());
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(asset) = weft_ui::asset(path) {
        return file(asset, &headers);
    }
    let first = path.split('/').next().unwrap_or_default();
    let is_file = first == FILES && path.contains('.');
    if OTHERS.contains(&first) || is_file || !accepts_html(&headers) {
        return Err(nothing());
    }
    page(app.options().base_path.as_str())
}

/// A browser that opens a page names the type; scripts and programs don't.
fn accepts_html(headers: &HeaderMap) -> bool {
    values(headers, &header::ACCEPT).any(|kind| kind.eq_ignore_ascii_case("text/html"))
}

/// The items of a list in header fields, without their parameters; none with `q=0`.
fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let value = parts.next()?;
            let is_refused =
                parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            (!is_refused).then_some(value)
        })
}

fn page(base: &str) -> Result<Response, Problem> {
    let nonce = nonce();
    let none = || Problem::internal("the program was built without the page of its UI");
    let text = weft_ui::page(base, &nonce).ok_or_else(none)?;
    let mut response = Body::from(text).into_response();
    let headers = response.headers_mut();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' blob:; connect-src 'self'; \
         worker-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).map_err(Problem::internal)?;
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// 128 random bits in hexadecimal digits.
fn nonce() -> String {
    let mut nonce = String::with_capacity(32);
    for byte in crate::random::bytes::<16>() {
        write!(nonce, "{byte:02x}").expect("a String takes every text");
    }
    nonce
}

/// An asset: as it is embedded for clients that accept brotli, else decompressed. Browsers accept it over TLS and from
/// this machine only.
fn file(asset: &'static Asset, headers: &HeaderMap) -> Result<Response, Problem> {
    let accepts_brotli =
        values(headers, &header::ACCEPT_ENCODING).any(|coding| coding == "br" || coding == "*");
    let brotli = asset.brotli().filter(|_bytes| accepts_brotli);
    let damaged = || Problem::internal(format!("the asset {} is damaged", asset.path()));
    let bytes = brotli.or_else(|| asset.plain()).ok_or_else(damaged)?;
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.content_type()),
    );
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    // A worker's script brings a policy of its own.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'",
        ),
    );
    if brotli.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_browser_accepts_html_and_a_program_does_not() {
        for (accept, wanted) in [
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/json, TEXT/HTML;q=0.1", true),
            ("*/*", false),
            ("application/json", false),
            ("text/html;q=0", false),
        ] {
            assert_eq!(
                accepts_html(&fields(header::ACCEPT, accept)),
                wanted,
                "{accept}"
            );
        }
        assert!(!accepts_html(&HeaderMap::new()));
    }

    #[test]
    fn a_nonce_is_never_the_same() {
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
