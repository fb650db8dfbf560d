//! A client of Weft's REST API, for programs that deploy, trigger and watch DAGs.
//!
//! A [`Client`] speaks with one [`Server`]. The operations are the constants of
//! [`route`], the bodies those of [`weft_api`], and every failure is a
//! [`weft_api::problem::Problems`]: the server's own code, or the client's if no
//! server answered.
//!
//! What always holds:
//!
//! - A token goes into the `Authorization` field and nowhere else: not into a
//!   URL, a message, or a log; not to another server than the one it is for; and
//!   in the clear only to this machine, unless `insecure` is set.
//! - No redirect is followed, since the token would go with it.
//! - Bodies, events, waits and retries are bounded. A request is sent again only
//!   where that does no harm ([`route::Retry`]).
//!
//! It prints nothing and reads no command line; it never opens a database.
//!
//! Trigger a run and wait for its end:
//!
//! ```no_run
//! use weft_api::{NewRun, Run};
//! use weft_client::{Client, ConnectOptions, Environment, Server, route};
//!
//! # async fn example() -> Result<(), weft_api::problem::Problems> {
//! // $WEFT_URL and $WEFT_TOKEN, the current context of ~/.config/weft/config.toml, ...
//! let server = Server::resolve(&ConnectOptions::default(), &Environment::read()?)?;
//! let client = Client::new(server)?;
//! let mut run: Run = client
//!     .request(&route::TRIGGER, &["quakes"])
//!     .json(&NewRun::default())
//!     .fetch()
//!     .await?;
//! while !run.state.is_ended() {
//!     tokio::time::sleep(std::time::Duration::from_secs(1)).await;
//!     run = client.request(&route::SHOW_RUN, &[&run.id]).fetch().await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A server whose address and token the program knows itself:
//!
//! ```
//! use weft_client::{Client, Server, Token};
//!
//! # fn main() -> Result<(), weft_api::problem::Problem> {
//! let server = Server::at("https://weft.example.org", Some(Token::new("weft_0123")?))?;
//! assert!(!format!("{server:?}").contains("weft_0123"));
//! let client = Client::new(server)?;
//! # drop(client);
//! # Ok(())
//! # }
//! ```

mod client;
pub mod context;
pub mod environment;
pub mod health;
pub mod page;
pub mod problem;
mod request;
mod response;
pub mod route;
mod server;
pub mod sse;
mod stream;
pub mod transport;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use {
    client::{Client, idempotency_key},
    context::Token,
    environment::{Environment, LocalServer},
    request::Request,
    response::Response,
    server::{ConnectOptions, DEFAULT_URL, Server, Setting, Source, parse_url},
    stream::{EventStream, StreamItem},
};
