//! Attacks through outgoing HTTP. The input `url` says where to.

use crate::{End, exports::weft::dag::tasks::Failure, saw};
use wasip2::http::{
    outgoing_handler,
    types::{ErrorCode, Fields, IncomingResponse, Method, OutgoingRequest, RequestOptions, Scheme},
};

type Inputs = [(String, String)];

/// A request as the URL among the inputs asks for, with nothing but a method.
fn request(inputs: &Inputs, headers: Fields) -> Result<OutgoingRequest, Failure> {
    let refused = |what: &str| Failure {
        retryable: false,
        message: format!("refused: {what}"),
        more: None,
    };
    let url = inputs
        .iter()
        .find(|(name, _)| name == "url")
        .ok_or_else(|| refused("no input 'url'"))?;
    let url = url.1.trim_matches('"');
    let (scheme, rest) = url.split_once("://").ok_or_else(|| refused("no scheme"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let scheme = if scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };

    let request = OutgoingRequest::new(headers);
    request
        .set_scheme(Some(&scheme))
        .map_err(|()| refused("scheme"))?;
    request
        .set_authority(Some(authority))
        .map_err(|()| refused("authority"))?;
    request
        .set_path_with_query(Some(&format!("/{path}")))
        .map_err(|()| refused("path"))?;
    Ok(request)
}

fn send(
    request: OutgoingRequest,
    options: Option<RequestOptions>,
) -> Result<IncomingResponse, ErrorCode> {
    let future = outgoing_handler::handle(request, options)?;
    future.subscribe().block();
    future
        .get()
        .expect("ready after its pollable")
        .expect("taken once")
}

fn saw_answer(answer: Result<IncomingResponse, ErrorCode>) -> End {
    match answer {
        Ok(response) => saw(format!(
            "status {}, {} headers",
            response.status(),
            response.headers().entries().len()
        )),
        Err(code) => saw(format!("{code:?}")),
    }
}

pub(crate) fn http_without_grant(inputs: &Inputs) -> End {
    saw_answer(send(request(inputs, Fields::new())?, None))
}

/// Timeouts of zero, which some stacks take as 'none at all' and others panic on.
pub(crate) fn http_zero_timeout(inputs: &Inputs) -> End {
    let options = RequestOptions::new();
    let refused = [
        options.set_connect_timeout(Some(0)).is_err(),
        options.set_first_byte_timeout(Some(0)).is_err(),
        options.set_between_bytes_timeout(Some(0)).is_err(),
    ];
    match send(request(inputs, Fields::new())?, Some(options)) {
        Ok(response) => saw(format!("status {}, refused {refused:?}", response.status())),
        Err(code) => saw(format!("{code:?}, refused {refused:?}")),
    }
}

/// As many and as long request headers as the host takes.
pub(crate) fn http_header_bomb(inputs: &Inputs) -> End {
    let headers = Fields::new();
    let value = vec![b'h'; 60_000];
    let mut taken = 0u32;
    while taken < 100_000 && headers.append(&format!("x-bomb-{taken}"), &value).is_ok() {
        taken += 1;
    }
    match send(request(inputs, headers)?, None) {
        Ok(response) => saw(format!(
            "status {} after {taken} headers",
            response.status()
        )),
        Err(code) => saw(format!("{code:?} after {taken} headers")),
    }
}

/// Headers that must not reach the wire: the ones of the connection, a second request inside
/// a value, and credentials of the guest's own.
pub(crate) fn http_smuggled_headers(inputs: &Inputs) -> End {
    let headers = Fields::new();
    let mut taken = Vec::new();
    let hostile: [(&str, &[u8]); 7] = [
        ("host", b"elsewhere.example"),
        ("Connection", b"keep-alive"),
        ("transfer-encoding", b"chunked"),
        ("content-length", b"9999"),
        ("proxy-authorization", b"Basic eDp4"),
        ("x-split", b"a\r\nx-injected: yes"),
        ("x split", b"name with a space"),
    ];
    for (name, value) in hostile {
        if headers.append(name, value).is_ok() {
            taken.push(name);
        }
    }
    let path = request(inputs, Fields::new())?;
    if path
        .set_path_with_query(Some("/x HTTP/1.1\r\nx-injected: yes\r\n\r\n"))
        .is_ok()
    {
        taken.push("path");
    }
    if path
        .set_authority(Some("user:secret@elsewhere.example"))
        .is_ok()
    {
        taken.push("credentials in the authority");
    }
    if path
        .set_method(&Method::Other(
            "GET / HTTP/1.1\r\nx-injected: yes\r\n\r\nGET".into(),
        ))
        .is_ok()
    {
        taken.push("method");
    }
    match send(request(inputs, headers)?, None) {
        Ok(response) => saw(format!(
            "status {}; taken: {}",
            response.status(),
            taken.join(", ")
        )),
        Err(code) => saw(format!("{code:?}; taken: {}", taken.join(", "))),
    }
}

/// An upload that never ends, to a server that never reads it.
pub(crate) fn http_endless_upload(inputs: &Inputs) -> End {
    let request = request(inputs, Fields::new())?;
    request.set_method(&Method::Post).expect("POST is a method");
    let body = request.body().expect("the body is taken once");
    let stream = body.write().expect("the stream is taken once");
    let future = match outgoing_handler::handle(request, None) {
        Ok(future) => future,
        Err(code) => return saw(format!("{code:?}")),
    };
    let piece = [b'u'; 4096];
    loop {
        if stream.blocking_write_and_flush(&piece).is_err() {
            break;
        }
    }
    drop(stream);
    drop(body);
    future.subscribe().block();
    saw_answer(
        future
            .get()
            .expect("ready after its pollable")
            .expect("taken once"),
    )
}
