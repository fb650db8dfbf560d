//! One HTTP request through `wasi:http`, as bare as it gets.

use wasip2::http::{
    outgoing_handler,
    types::{Fields, Method, OutgoingRequest, Scheme},
};
use wasip2::io::streams::StreamError;

/// The most of a body that is read.
const BODY_BYTES: usize = 1 << 20;

/// Status and body of a GET.
pub(crate) fn get(url: &str) -> Result<(u16, Vec<u8>), String> {
    let (scheme, rest) = url.split_once("://").ok_or("the URL has no scheme")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };

    let request = OutgoingRequest::new(Fields::new());
    let refused = |()| "the request line is not valid".to_owned();
    request.set_method(&Method::Get).map_err(refused)?;
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request
        .set_path_with_query(Some(&format!("/{path}")))
        .map_err(refused)?;

    let future = outgoing_handler::handle(request, None).map_err(|code| format!("{code:?}"))?;
    let ready = future.subscribe();
    ready.block();
    let response = future
        .get()
        .expect("the response is ready after its pollable")
        .expect("the response is taken once")
        .map_err(|code| format!("{code:?}"))?;

    let body = response
        .consume()
        .map_err(|()| "the body was taken already")?;
    let stream = body.stream().map_err(|()| "the stream was taken already")?;
    let mut bytes = Vec::new();
    while bytes.len() < BODY_BYTES {
        match stream.blocking_read(64 * 1024) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Ok((response.status(), bytes))
}
