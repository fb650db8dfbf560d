//! A small blocking HTTP client over the host's, for what a task was granted.
//!
//! The host resolves names, makes the connection and checks the grant; there
//! is no other way out of the sandbox. Redirects are answers like any other.
//!
//! ```
//! use weft::{http, prelude::*};
//!
//! #[task(retries = 3, grant(http = "api.example.org"))]
//! fn count(ctx: Context) -> Result<usize> {
//!     let rows: Vec<u32> = http::get("https://api.example.org/rows").send()?.ok()?.json()?;
//!     Ok(rows.len())
//! }
//!
//! let ctx = Context::test().with_response("https://api.example.org/rows", 200, "[1, 2, 3]");
//! assert_eq!(count(ctx).unwrap(), 3);
//! ```

use crate::{
    error::{Error, Explain, Result},
    host,
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// A request that is being put together.
#[derive(Debug)]
#[must_use = "a request does nothing before it is sent"]
pub struct Request {
    #[cfg_attr(
        not(target_family = "wasm"),
        allow(dead_code, reason = "the double answers any method")
    )]
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout: Option<Duration>,
    /// What went wrong while it was put together; said when it is sent.
    fault: Option<Error>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A GET request.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A POST request.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

/// A PUT request.
pub fn put(url: impl Into<String>) -> Request {
    Request::new("PUT", url)
}

/// A DELETE request.
pub fn delete(url: impl Into<String>) -> Request {
    Request::new("DELETE", url)
}

impl Request {
    /// A request of any method.
    pub fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
            fault: None,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into().into_bytes()));
        self
    }

    /// Sends these bytes along.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends this value along, as JSON.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => {
                self.fault = Some(Error::permanent(format_args!(
                    "the body of the request is no JSON: {error}"
                )));
                self
            }
        }
    }

    /// The longest to wait for the connection, for the answer's head, and between its bytes, each.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// Not granted, or no URL: permanent. Anything on the way: retryable.
    pub fn send(mut self) -> Result<Response> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let target = Target::parse(&self.url)?;
        host::send(&self, &target)
    }
}

impl Response {
    /// 200, 404, ...
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The answer itself if its status is below 400.
    ///
    /// # Errors
    /// 408, 425, 429 and from 500 on a retryable failure, which waits as long
    /// as `Retry-After` asks; any other from 400 on a permanent one.
    pub fn ok(self) -> Result<Self> {
        if self.status < 400 {
            return Ok(self);
        }
        let message = format!("{} answered {}", self.url, self.status);
        if !(matches!(self.status, 408 | 425 | 429) || self.status >= 500) {
            return Err(Error::permanent(message));
        }
        let error = Error::retryable(message);
        match self
            .header("retry-after")
            .and_then(|seconds| seconds.trim().parse().ok())
        {
            Some(seconds) => Err(error.retry_after(Duration::from_secs(seconds))),
            None => Err(error),
        }
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        self.body
    }

    /// The body as text.
    ///
    /// # Errors
    /// It is not UTF-8; permanent.
    pub fn text(self) -> Result<String> {
        String::from_utf8(self.body).explain(self.url).permanent()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is no JSON or no `T`; permanent.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .explain(&self.url)
            .permanent()
    }
}

/// A URL in the parts that the host wants.
#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "only a host takes it apart")
)]
pub(crate) struct Target<'a> {
    pub(crate) secure: bool,
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Result<Self> {
        let fault = || Error::permanent(format_args!("{url:?} is no URL of http or https"));
        let (scheme, rest) = url.split_once("://").ok_or_else(fault)?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(fault()),
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(fault());
        }
        Ok(Self {
            secure,
            authority,
            path,
        })
    }
}

/// The failure of a request that the grant doesn't cover.
#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "the double grants what it knows")
)]
pub(crate) fn denied(target: &Target<'_>) -> Error {
    let scheme = if target.secure { "" } else { "http://" };
    Error::permanent(format_args!(
        "the request to {0} was denied: ask for it with #[task(grant(http = \"{scheme}{0}\"))], \
         and see that the policy allows it",
        target.authority
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let parts = |url: &'static str| {
            Target::parse(url)
                .map(|target| (target.secure, target.authority, target.path))
                .map_err(|error| error.to_string())
        };
        assert_eq!(parts("https://a.org"), Ok((true, "a.org", "")));
        assert_eq!(
            parts("http://a.org:81/b?c=d#e"),
            Ok((false, "a.org:81", "/b?c=d"))
        );
        assert_eq!(parts("https://a.org?c=d"), Ok((true, "a.org", "?c=d")));
        for bad in ["a.org", "ftp://a.org", "https://", "https:///x"] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn statuses_say_whether_to_try_again() {
        let answer = |status, headers| {
            Response {
                url: "u".into(),
                status,
                headers,
                body: Vec::new(),
            }
            .ok()
            .map(|answer| answer.status)
            .map_err(|error| error.is_retryable())
        };
        assert_eq!(answer(204, vec![]), Ok(204));
        assert_eq!(answer(404, vec![]), Err(false));
        assert_eq!(
            answer(429, vec![("Retry-After".into(), b"7".to_vec())]),
            Err(true)
        );
        assert_eq!(answer(503, vec![]), Err(true));
    }
}
