//! What speaks with a server: where it is and who asks ([`auth`], [`context`]),
//! requests and answers ([`mod@http`], [`problem`], [`pages`]), and live updates
//! ([`sse`]).
//!
//! A token goes into the `Authorization` field and nowhere else: not into a
//! URL, a message, or a log; not to another server than the one it is for; and
//! in the clear only to this machine, unless somebody says `--insecure`.

pub(crate) mod auth;
pub(crate) mod context;
pub(crate) mod http;
pub(crate) mod pages;
pub(crate) mod problem;
pub(crate) mod route;
pub(crate) mod sse;
pub(crate) mod stream;

#[cfg(test)]
mod fake;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use auth::{ConnectArgs, Server, Surroundings};
pub(crate) use http::{Client, http, http_to, no_http};

use std::future::Future;
use weft_api::problem::{Code, Problem, Problems};

/// Runs a command's async part. One thread is enough for one request at a time.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Problems>>) -> Result<T, Problems> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Problem::new(Code::Internal, format!("can't start the runtime: {error}"))
        })?;
    let result = runtime.block_on(work);
    // A thread that still waits for standard input must not hold up the exit.
    runtime.shutdown_background();
    result
}
