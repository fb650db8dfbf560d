//! HTTP through WASI 0.3.

use futures_util::future::join;
use wasip3::{
    http::{
        client,
        types::{Fields, Request, Response, Scheme},
    },
    wit_future,
};

/// Gets the same page twice at the same time: the status and the length of each.
pub(crate) async fn get_both(url: &str) -> Result<String, String> {
    let (one, other) = join(get(url), get(url)).await;
    Ok(format!("[{},{}]", one?, other?))
}

async fn get(url: &str) -> Result<String, String> {
    let (scheme, rest) = url.split_once("://").ok_or("no URL")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = if scheme == "http" {
        Scheme::Http
    } else {
        Scheme::Https
    };
    let (trailers, no_trailers) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (request, _sent) = Request::new(Fields::new(), None, no_trailers, None);
    request
        .set_scheme(Some(&scheme))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(path)))
        .map_err(|()| format!("{url} is refused"))?;
    let response = client::send(request)
        .await
        .map_err(|error| format!("{error:?}"))?;
    let status = response.get_status_code();
    let (result, received) = wit_future::new(|| Ok(()));
    drop(result);
    let (body, _trailers) = Response::consume_body(response, received);
    Ok(format!("[{status},{}]", body.collect().await.len()))
}
