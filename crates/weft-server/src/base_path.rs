//! The path that the server is reached under, where a proxy gives it only a part of a host.
//!
//! Requests are answered with the prefix and without it: some proxies remove it, and programs on the server's own network don't
//! know it.

use axum::{Router, extract::Request};
use http::Uri;
use std::{fmt, str::FromStr};
use tower::util::MapRequest;

/// The longest base path, in bytes.
const MAX_BYTES: usize = 200;

/// The path of every address that the UI names: it begins and ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePath(String);

/// A text that is no base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a base path is written as /PATH/: segments of letters, digits, '-', '_' and '.' with slashes between them, at most {MAX_BYTES} bytes"
)]
pub struct BasePathError;

impl Default for BasePath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        if text == "/" {
            return Ok(Self::default());
        }
        let inner = text.strip_prefix('/').ok_or(BasePathError)?;
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let fits = inner.len() <= MAX_BYTES
            && inner.split('/').all(|segment| {
                !segment.is_empty() && !segment.starts_with('.') && segment.bytes().all(is_plain)
            });
        fits.then(|| Self(format!("/{inner}/")))
            .ok_or(BasePathError)
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BasePath {
    /// As it is written, with both slashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Has a router answer beneath the path as well.
    pub(crate) fn beneath(&self, router: Router) -> Router {
        if self.0 == "/" {
            return router;
        }
        let prefix = self.0.trim_end_matches('/').to_owned();
        // It is a service around the router, since a layer of a router runs after the route was found.
        let service = MapRequest::new(router, move |mut request: Request| {
            if let Some(inner) = without(request.uri(), &prefix) {
                *request.uri_mut() = inner;
            }
            request
        });
        Router::new().fallback_service(service)
    }
}

/// The address without the prefix of its path; none where the path has another one.
fn without(uri: &Uri, prefix: &str) -> Option<Uri> {
    let inner = uri.path().strip_prefix(prefix)?;
    let path = match inner {
        "" => "/",
        inner if inner.starts_with('/') => inner,
        _another_name => return None,
    };
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_read_with_and_without_its_last_slash() {
        for (text, read) in [
            ("/", "/"),
            ("/weft", "/weft/"),
            ("/a/b-c_1.0/", "/a/b-c_1.0/"),
        ] {
            assert_eq!(text.parse::<BasePath>().unwrap().as_str(), read);
        }
        for odd in [
            "",
            "weft",
            "//",
            "/a//b",
            "/a b",
            "/\"/",
            "/../",
            "/a/?x",
            &format!("/{}", "a".repeat(201)),
        ] {
            assert_eq!(odd.parse::<BasePath>(), Err(BasePathError), "{odd}");
        }
    }

    #[test]
    fn only_the_whole_prefix_is_removed() {
        let strip = |uri: &str| without(&uri.parse().unwrap(), "/weft").map(|uri| uri.to_string());
        assert_eq!(
            strip("/weft/api/v1/dags?x=1").as_deref(),
            Some("/api/v1/dags?x=1")
        );
        assert_eq!(strip("/weft").as_deref(), Some("/"));
        assert_eq!(strip("/weft?q").as_deref(), Some("/?q"));
        assert_eq!(strip("/wefty/api"), None);
        assert_eq!(strip("/api"), None);
    }
}
