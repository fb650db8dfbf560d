//! Sends requests through `wasi:http`.

use super::bindings::wasi::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, IncomingBody, Method, OutgoingBody, OutgoingRequest, RequestOptions,
            Scheme,
        },
    },
    io::streams::StreamError,
};
use crate::{
    error::{Error, Result},
    http::{Request, Response, Target, denied},
};
use std::time::Duration;

/// What `blocking-write-and-flush` takes at most, by its contract, in bytes.
const WRITE_BYTES: usize = 4096;
/// The size of one read, in bytes.
const READ_BYTES: u64 = 64 << 10;

pub(crate) fn send(request: &Request, target: &Target<'_>) -> Result<Response> {
    let fault = |what: &str| Error::permanent(format_args!("{}: {what}", request.url));
    let outgoing = outgoing(request, target)?;
    let body = outgoing
        .body()
        .map_err(|()| fault("the request has no body to write"))?;
    let options = request.timeout.map(options);
    let future = outgoing_handler::handle(outgoing, options)
        .map_err(|error| failure(request, target, &error))?;
    write(body, &request.body)
        .map_err(|error| Error::retryable(format_args!("{}: {error}", request.url)))?;
    let answer = loop {
        match future.get() {
            Some(Ok(answer)) => break answer.map_err(|error| failure(request, target, &error))?,
            Some(Err(())) => return Err(fault("the answer was taken already")),
            None => future.subscribe().block(),
        }
    };
    let headers = answer.headers().entries();
    let body = answer
        .consume()
        .map_err(|()| fault("the answer's body was taken already"))?;
    let bytes =
        read(&body).map_err(|error| Error::retryable(format_args!("{}: {error}", request.url)))?;
    Ok(Response {
        url: request.url.clone(),
        status: answer.status(),
        headers,
        body: bytes,
    })
}

fn outgoing(request: &Request, target: &Target<'_>) -> Result<OutgoingRequest> {
    let fault = |what: &str| Error::permanent(format_args!("{}: {what}", request.url));
    let fields = Fields::from_list(&request.headers)
        .map_err(|_| fault("a header is not allowed or not valid"))?;
    let outgoing = OutgoingRequest::new(fields);
    let method = match request.method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        other => Method::Other(other.into()),
    };
    let scheme = if target.secure {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let path = if target.path.starts_with('/') {
        target.path.to_owned()
    } else {
        format!("/{}", target.path)
    };
    outgoing
        .set_method(&method)
        .map_err(|()| fault("the method is not valid"))?;
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| fault("the scheme is not valid"))?;
    outgoing
        .set_authority(Some(target.authority))
        .map_err(|()| fault("the host is not valid"))?;
    outgoing
        .set_path_with_query(Some(&path))
        .map_err(|()| fault("the path is not valid"))?;
    Ok(outgoing)
}

fn options(timeout: Duration) -> RequestOptions {
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // A host that does not support one of them says so; the task's own timeout still applies.
    let _unsupported = options.set_connect_timeout(Some(nanoseconds));
    let _unsupported = options.set_first_byte_timeout(Some(nanoseconds));
    let _unsupported = options.set_between_bytes_timeout(Some(nanoseconds));
    options
}

fn write(body: OutgoingBody, bytes: &[u8]) -> std::result::Result<(), String> {
    if !bytes.is_empty() {
        let stream = body
            .write()
            .map_err(|()| "the body can't be written".to_owned())?;
        for part in bytes.chunks(WRITE_BYTES) {
            stream
                .blocking_write_and_flush(part)
                .map_err(|error| error.to_string())?;
        }
    }
    OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))
}

fn read(body: &IncomingBody) -> std::result::Result<Vec<u8>, String> {
    let stream = body
        .stream()
        .map_err(|()| "the body can't be read".to_owned())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(part) => bytes.extend_from_slice(&part),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
}

fn failure(request: &Request, target: &Target<'_>, error: &ErrorCode) -> Error {
    match error {
        ErrorCode::HttpRequestDenied => denied(target),
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestMethodInvalid => {
            Error::permanent(format_args!("{}: {error:?}", request.url))
        }
        error => Error::retryable(format_args!("{}: {error:?}", request.url)),
    }
}
