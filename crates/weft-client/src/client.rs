//! The client of one server.

use crate::{
    Request, Server,
    route::Route,
    transport::{self, setup_failed},
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use weft_api::problem::Problem;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Speaks with one server. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    server: Server,
}

impl Client {
    /// A client of this server. Nothing is sent yet.
    ///
    /// # Errors
    /// The token must not travel to this URL, or can't be put into a header.
    pub fn new(server: Server) -> Result<Self, Problem> {
        let http = transport::authenticated(&server)?
            .build()
            .map_err(setup_failed)?;
        Ok(Self { http, server })
    }

    /// Which server it is.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A request of this operation, with the values of its path in order.
    ///
    /// # Panics
    /// The route's path takes another number of values.
    pub fn request(&self, route: &Route, values: &[&str]) -> Request<'_> {
        let mut url = self.server.url.value.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        // The path is escaped already, and set_path leaves escapes as they are.
        url.set_path(&format!("{base}{}", route.path(values)));
        let mut headers = HeaderMap::new();
        if route.method == reqwest::Method::POST {
            let key = idempotency_key();
            headers.insert(
                IDEMPOTENCY_KEY,
                HeaderValue::try_from(key).expect("letters and digits"),
            );
        }
        Request::new(self, route, url, headers)
    }
}

/// A random key that names a request, or an action of several requests.
pub fn idempotency_key() -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(24)
        .collect()
}
