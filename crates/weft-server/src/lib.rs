//! The server: the REST API for people and their programs, and the gateway for workers.
//!
//! [`Server`] answers under `/api/v1` with JSON, over the database, the blob
//! store, and small traits ([`ports`]) that other layers implement: inspecting
//! deployed files, the scheduler, live logs, workers. What always holds:
//!
//! - Bodies are types of their own ([`weft_api`]), which the client shares; the
//!   document that describes them is generated from the handlers ([`openapi`]),
//!   and a committed copy is held to it.
//! - A request that is wrong is answered with a problem: a stable code, what
//!   happened, what to do ([`problem`]). Nothing that a caller sends leads to a 5xx.
//! - Every operation names the permission that it takes, and sees nothing but
//!   the caller's tenant. Every change is in the audit.
//! - What is answered as done is durable.
//! - Everything is bounded: bodies, pages, streams, connections, time.
//!
//! It knows no engine and no queue.

mod app;
mod auth;
mod base_path;
mod caller;
mod clock;
mod compiled;
mod compiling;
mod compression;
mod cursor;
mod deploy;
mod direct_worker_cache;
mod documents;
mod etag;
mod extract;
mod grid;
mod layer;
mod layout;
mod linger;
mod listen;
mod metrics;
pub mod openapi;
mod options;
mod policies;
pub mod ports;
pub mod problem;
mod random;
mod request_id;
mod route;
mod router;
mod server;
mod session;
mod since;
mod sse;
mod status;
mod tls;
mod trace;
mod trace_url;
mod ui;
mod view;
mod viewers;
mod webhook;
mod worker_gateway;

pub use {
    app::Deps,
    auth::{
        FirstTokenError, Permission, Secret, SecretError, create_admin_token, create_first_token,
        write_token_file,
    },
    base_path::{BasePath, BasePathError},
    listen::{Listen, ListenError, Protection},
    metrics::Metrics,
    options::ServerOptions,
    server::{Listener, Server, ServerError},
    status::{LIVE_WITHIN, StatusPage},
    trace_url::{TraceUrl, TraceUrlError},
    worker_gateway::WorkerNamesTable,
};
