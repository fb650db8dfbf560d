//! Compression of JSON answers for clients that accept gzip.
//!
//! Lists of runs and grids are megabytes of JSON, which shrink to a fraction. Streams, logs and artifacts are sent as they are. So is
//! every answer to a write: one of them shows a new token, and the length of a compressed answer would tell of the token's letters
//! what text beside it has in common with them (the BREACH attack).

use axum::{extract::Request, middleware::Next, response::Response};
use http::{Method, header};
use http_body::Body;
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, predicate::Predicate},
};

/// A shorter answer fits into one packet anyway.
const MIN_BYTES: u64 = 1_400;

/// Compresses what [`only_for_reads`] lets through.
pub(crate) fn layer() -> CompressionLayer<LongJson> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(LongJson)
}

/// Hides from [`layer`] that the client of a write accepts compression.
pub(crate) async fn only_for_reads(mut request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    next.run(request).await
}

/// Answers of JSON that are worth the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LongJson;

impl Predicate for LongJson {
    fn should_compress<B: Body>(&self, response: &http::Response<B>) -> bool {
        let kind = response.headers().get(header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes() == b"application/json")
            && response.body().size_hint().lower() >= MIN_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::{MIN_BYTES, layer, only_for_reads};
    use axum::{Router, body::Body, middleware, routing::any};
    use http::{Request, Response, header};
    use tower::ServiceExt as _;

    /// The coding of the answer to a request by a client that accepts gzip.
    async fn coding(method: &str, kind: &'static str, bytes: u64) -> Option<String> {
        let length = usize::try_from(bytes).expect("tests ask for few bytes");
        let answer = move || async move {
            let answer = Response::builder().header(header::CONTENT_TYPE, kind);
            answer.body(Body::from(" ".repeat(length))).expect("valid")
        };
        let router = Router::new()
            .route("/", any(answer))
            .layer(layer())
            .layer(middleware::from_fn(only_for_reads));
        let request = Request::builder()
            .method(method)
            .header(header::ACCEPT_ENCODING, "gzip, deflate, br, zstd");
        let request = request.body(Body::empty()).expect("valid");
        let answer = router.oneshot(request).await.expect("it answers");
        let coding = answer.headers().get(header::CONTENT_ENCODING)?;
        Some(coding.to_str().expect("ASCII").to_owned())
    }

    #[tokio::test]
    async fn long_json_to_read_is_compressed_and_nothing_else() {
        let json = "application/json";
        assert_eq!(
            coding("GET", json, MIN_BYTES).await.as_deref(),
            Some("gzip")
        );
        assert_eq!(coding("GET", json, MIN_BYTES - 1).await, None);
        for method in ["POST", "PUT", "PATCH"] {
            assert_eq!(coding(method, json, MIN_BYTES).await, None, "{method}");
        }
        for kind in [
            "text/event-stream",
            "text/plain",
            "application/octet-stream",
        ] {
            assert_eq!(coding("GET", kind, MIN_BYTES).await, None, "{kind}");
        }
    }
}
