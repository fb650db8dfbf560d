//! Which server to use, and with which token. In order of precedence: the
//! options, then `WEFT_*` of the environment, then `weft.toml`, then the current
//! context, then the `wfctl up` of this machine.
//!
//! A token belongs to a URL. That of a context is only ever sent to the context's
//! URL, and that of `wfctl up` only to the URL that it left beside the token.
//! Another URL needs another token. Each [`Setting`] says where it came from. A
//! crate for layered settings (figment) merges key by key and can't express these
//! rules: a URL of the options drops the whole context.

mod resolve;

use crate::{Environment, context::Token};
use reqwest::Url;
use std::{fmt, path::PathBuf};
use weft_api::problem::{Code, Problem};

/// Where `wfctl up` listens by default.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What a caller says itself about the server; `None` leaves it to the environment.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The server's URL.
    pub url: Option<String>,
    /// The name of a context, which has a URL of its own.
    pub context: Option<String>,
    /// A file with the token.
    pub token_file: Option<PathBuf>,
    /// The tenant, for a token of several tenants.
    pub tenant: Option<String>,
    /// Whether the token may travel in the clear to another machine.
    pub insecure: bool,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// This option of the command line.
    Flag(&'static str),
    /// This variable of the environment.
    Environment(&'static str),
    /// This file.
    File(PathBuf),
    /// The context of this name.
    Context(String),
    /// Not set.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => f.write_str(name),
            Self::Environment(name) => write!(f, "${name}"),
            Self::File(path) => path.display().fmt(f),
            Self::Context(name) => write!(f, "context {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

impl<T> Setting<T> {
    /// A value and its source.
    pub fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }
}

/// A server, and who uses it.
#[derive(Debug, Clone)]
pub struct Server {
    /// URL of the server.
    pub url: Setting<Url>,
    /// The token, if there is one.
    pub token: Option<Setting<Token>>,
    /// The tenant, for a token of several.
    pub tenant: Option<Setting<String>>,
    /// The context that named it.
    pub context: Option<Setting<String>>,
    /// Whether the token may travel in the clear.
    pub insecure: bool,
}

impl Server {
    /// A server by its URL, with a token of the caller's own.
    ///
    /// # Errors
    /// The URL is invalid.
    pub fn at(url: &str, token: Option<Token>) -> Result<Self, Problem> {
        Ok(Self {
            url: Setting::new(parse_url(url, &Source::Default)?, Source::Default),
            token: token.map(|token| Setting::new(token, Source::Default)),
            tenant: None,
            context: None,
            insecure: false,
        })
    }

    /// The server that options, environment and files name, by precedence.
    ///
    /// # Errors
    /// A context is unknown, a URL or a token invalid, or a file unreadable.
    pub fn resolve(options: &ConnectOptions, environment: &Environment) -> Result<Self, Problem> {
        resolve::resolve(options, environment)
    }

    /// Whether TLS or the loopback interface protects the connection.
    pub fn is_private(&self) -> bool {
        let url = &self.url.value;
        url.scheme() == "https" || is_loopback(url)
    }

    /// Refuses a token that would travel in the clear.
    ///
    /// # Errors
    /// [`Code::InsecureUrl`].
    pub fn check(&self) -> Result<(), Problem> {
        let url = &self.url.value;
        if self.token.is_none() || self.insecure || self.is_private() {
            return Ok(());
        }
        Err(Problem::new(
            Code::InsecureUrl,
            format!("the token is not sent to {url}: without TLS everybody on the way can read it"),
        )
        .help("name an https URL, or say --insecure where something else protects the network"))
    }
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Parses a server's URL: http or https, a host, perhaps a path; no password, query or
/// fragment. `source` is for the message.
///
/// # Errors
/// [`Code::InvalidUrl`].
pub fn parse_url(text: &str, source: &Source) -> Result<Url, Problem> {
    // The message does not repeat the text, which may contain a password.
    let refuse = |why: &str| {
        Problem::new(
            Code::InvalidUrl,
            format!("the server's URL ({source}) {why}"),
        )
        .help("write it as https://weft.example.org, or http://127.0.0.1:8080")
    };
    let url = text
        .trim()
        .parse::<Url>()
        .map_err(|error| refuse(&format!("can't be read: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("is neither http nor https"));
    }
    if url.host().is_none() {
        return Err(refuse("names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(
            "holds a name or a password, which URLs give away; a token goes with wfctl login",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("has a query or a fragment"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
