//! Sessions of browsers: a token in a cookie that scripts can't read.
//!
//! A browser sends a cookie with requests that other pages cause, too. So a request that is authenticated by a cookie is refused
//! where the browser says that another origin caused it, and a write needs a header field that other origins can't send.
//! `SameSite=Strict` would end sessions for links from elsewhere, such as chats; `Lax` and these checks don't.

use crate::{
    app::App,
    auth::Secret,
    problem::{Code, Problem},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// The header field that the UI sends with each request; its value is 1.
pub(crate) const UI_HEADER: HeaderName = HeaderName::from_static("weft-ui");
/// Says in browsers which origin caused a request.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Says in browsers what a request is for.
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// The cookie's name begins so.
const COOKIE: &str = "weft_session";
/// How long a browser keeps the cookie, in seconds: two weeks. The token's own end comes first where it is earlier.
const MAX_AGE_S: u32 = 14 * 24 * 3_600;

/// The token in the request's cookie, if the request may use it.
pub(crate) fn token(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<Secret>, Problem> {
    let Some(text) = cookie(headers) else {
        return Ok(None);
    };
    check_origin(app, method, headers)?;
    text.parse().map(Some).map_err(|_not_one| {
        Problem::new(
            Code::TokenUnknown,
            "the session's cookie holds no token: sign in again",
        )
    })
}

/// Refuses what another origin caused.
pub(crate) fn check_origin(app: &App, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let is_read = method == Method::GET || method == Method::HEAD;
    let refused = |detail: &str| Err(Problem::new(Code::CrossOrigin, detail));
    let mode = text(headers, &FETCH_MODE);
    match text(headers, &FETCH_SITE) {
        Some("same-origin") => {}
        // The user opened it.
        Some(_other) if is_read && mode == Some("navigate") => {}
        Some(_other) => return refused("a page of another origin caused the request"),
        // Browsers leave the field out on plain `http://`.
        None if is_read => {}
        None if is_own_origin(app, headers) => {}
        None => return refused("the request does not come from a page of this server"),
    }
    if !is_read && text(headers, &UI_HEADER) != Some("1") {
        return refused("a write in a session needs the header field `weft-ui: 1`");
    }
    Ok(())
}

/// Whether the `Origin` is the host that the request names, or one that the operator set.
fn is_own_origin(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = text(headers, &header::ORIGIN) else {
        return false;
    };
    let Some((_scheme, origin)) = origin.split_once("://") else {
        return false;
    };
    let is_host =
        text(headers, &header::HOST).is_some_and(|host| host.eq_ignore_ascii_case(origin));
    let name = origin.rsplit_once(':').map_or(origin, |(name, _port)| name);
    let hosts = &app.options().hosts;
    is_host || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The cookie's name. Browsers share cookies among the ports of a host, so the port is a part of it: two
/// servers on one machine have a session each.
fn name(headers: &HeaderMap) -> String {
    let port = text(headers, &header::HOST)
        .and_then(|host| host.rsplit_once(':'))
        .map(|(_name, port)| port)
        .filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    port.map_or_else(|| COOKIE.to_owned(), |port| format!("{COOKIE}_{port}"))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let name = name(headers);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The field that gives a browser the token.
pub(crate) fn begin(
    app: &App,
    headers: &HeaderMap,
    secret: &Secret,
) -> Result<HeaderValue, Problem> {
    set(app, headers, secret.reveal(), MAX_AGE_S)
}

/// The field that takes it away.
pub(crate) fn end(app: &App, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    set(app, headers, "", 0)
}

fn set(
    app: &App,
    headers: &HeaderMap,
    value: &str,
    max_age_s: u32,
) -> Result<HeaderValue, Problem> {
    // Behind a proxy that ends TLS the page's own origin tells.
    let is_tls = app.is_tls()
        || text(headers, &header::ORIGIN).is_some_and(|origin| origin.starts_with("https://"));
    let secure = if is_tls { "; Secure" } else { "" };
    let field = format!(
        "{}={value}; Path={}; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}",
        name(headers),
        app.options().base_path,
    );
    let mut field = HeaderValue::from_str(&field)
        .map_err(|_odd| Problem::internal("a cookie that is no header field"))?;
    field.set_sensitive(true);
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &'static str, cookies: &'static str) -> HeaderMap {
        HeaderMap::from_iter([
            (header::HOST, HeaderValue::from_static(host)),
            (header::COOKIE, HeaderValue::from_static(cookies)),
        ])
    }

    #[test]
    fn each_port_of_a_host_has_its_own_cookie() {
        let both = "a=b; weft_session_8080=one;weft_session_9000=two; weft_session=three";
        for (host, found) in [
            ("localhost:8080", Some("one")),
            ("localhost:9000", Some("two")),
            ("weft.example.org", Some("three")),
            ("[::1]:8080", Some("one")),
            ("[::1]", Some("three")),
            ("localhost:1", None),
        ] {
            assert_eq!(cookie(&headers(host, both)), found, "{host}");
        }
    }
}
