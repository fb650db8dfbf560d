//! Which server is asked, and with which token: flags, then `WEFT_*` of the
//! environment, then `weft.toml`, then the current context, then the
//! `wfctl up` of this machine.
//!
//! A token belongs to a URL. One of a context is only ever sent to that
//! context's URL, one that `wfctl up` left only to the URL that it left beside
//! it; naming another URL means naming another token.

use super::context::{self, Config, Context, Project, Token};
use reqwest::Url;
use std::{
    env, fmt,
    path::{Path, PathBuf},
};
use weft_api::{
    problem::{Code, Problem},
    user_dirs::{self, TOKEN_FILE, URL_FILE},
};

/// Where `wfctl up` listens by default.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// Which server, and who asks.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ConnectArgs {
    /// The server's URL [env: `WEFT_URL`] [default: that of the context, or of wfctl up on this machine]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "context")]
    pub(crate) url: Option<String>,
    /// A server that `wfctl context add` named [env: `WEFT_CONTEXT`]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// A file with the token [env: `WEFT_TOKEN` holds the token itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Whose resources, for a token of several tenants [env: `WEFT_TENANT`]
    #[arg(long, global = true, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Send the token in the clear to another machine: everybody on the way can read it
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// This option of the command line.
    Flag(&'static str),
    /// This variable of the environment.
    Environment(&'static str),
    /// This file.
    File(PathBuf),
    /// The context of this name.
    Context(String),
    /// Nobody set it.
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
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

impl<T> Setting<T> {
    fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }
}

/// The server that is asked.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) url: Setting<Url>,
    pub(crate) token: Option<Setting<Token>>,
    pub(crate) tenant: Option<Setting<String>>,
    pub(crate) context: Option<Setting<String>>,
    /// The token may travel in the clear.
    pub(crate) insecure: bool,
}

/// What the command line doesn't say: the environment and the files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) url: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) config: Config,
    pub(crate) project: Project,
    /// The folder with `weft.toml`.
    pub(crate) folder: PathBuf,
    /// Where `wfctl up` keeps its data.
    pub(crate) data: Option<PathBuf>,
}

impl Surroundings {
    /// Reads them.
    pub(crate) fn read() -> Result<Self, Problem> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let folder = PathBuf::from(".");
        Ok(Self {
            url: set("WEFT_URL"),
            token: set("WEFT_TOKEN"),
            context: set("WEFT_CONTEXT"),
            tenant: set("WEFT_TENANT"),
            config: context::path()
                .map_or_else(|| Ok(Config::default()), |path| Config::read(&path))?,
            project: Project::read(&folder)?,
            folder,
            data: user_dirs::data().map(|data| data.join("server")),
        })
    }
}

impl Server {
    /// Puts together which server is asked.
    pub(crate) fn resolve(args: &ConnectArgs, around: &Surroundings) -> Result<Self, Problem> {
        let context = chosen(args, around);
        let entry = context
            .as_ref()
            .map(|name| around.config.get(&name.value).cloned())
            .transpose()?;
        let given = args
            .url
            .clone()
            .map(|url| Setting::new(url, Source::Flag("--url")))
            .or_else(|| {
                around
                    .url
                    .clone()
                    .filter(|_| args.context.is_none())
                    .map(|url| Setting::new(url, Source::Environment("WEFT_URL")))
            });
        // A URL that was given by itself stands above a context that was not.
        let (url, context, entry) = match (given, context, entry) {
            (Some(url), _, _) => (url, None, None),
            (None, Some(name), Some(entry)) => {
                let source = Source::Context(name.value.clone());
                (
                    Setting::new(entry.url.clone(), source),
                    Some(name),
                    Some(entry),
                )
            }
            (None, _, _) => (running(around)?, None, None),
        };
        let url = Setting::new(parsed(&url.value, &url.source)?, url.source);
        let matching = entry
            .clone()
            .map(|entry| {
                (
                    context
                        .as_ref()
                        .map_or_else(String::new, |name| name.value.clone()),
                    entry,
                )
            })
            .or_else(|| {
                around
                    .config
                    .contexts
                    .iter()
                    .find(|(_, known)| {
                        parsed(&known.url, &Source::Default).is_ok_and(|known| known == url.value)
                    })
                    .map(|(name, known)| (name.clone(), known.clone()))
            });
        let token = token(
            args,
            around,
            context.as_ref(),
            matching.as_ref(),
            &url.value,
        )?;
        let tenant = args
            .tenant
            .clone()
            .map(|tenant| Setting::new(tenant, Source::Flag("--tenant")))
            .or_else(|| {
                around
                    .tenant
                    .clone()
                    .map(|tenant| Setting::new(tenant, Source::Environment("WEFT_TENANT")))
            })
            .or_else(|| {
                let (name, entry) = matching.as_ref()?;
                Some(Setting::new(
                    entry.tenant.clone()?,
                    Source::Context(name.clone()),
                ))
            });
        let insecure = args.insecure || matching.is_some_and(|(_, entry)| entry.insecure);
        Ok(Self {
            url,
            token,
            tenant,
            context,
            insecure,
        })
    }

    /// Whether nobody on the way can read or change what is said.
    pub(crate) fn is_private(&self) -> bool {
        let url = &self.url.value;
        url.scheme() == "https" || is_loopback(url)
    }

    /// Refuses to send a token where everybody on the way can read it.
    pub(crate) fn check(&self) -> Result<(), Problem> {
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

/// A server's URL: http or https, a host, perhaps a path; no password, query or fragment.
pub(crate) fn parsed(text: &str, source: &Source) -> Result<Url, Problem> {
    // The text is not repeated as it stands: a password may stand in it.
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

/// The context that is named, if one is.
fn chosen(args: &ConnectArgs, around: &Surroundings) -> Option<Setting<String>> {
    let named =
        |name: &Option<String>, source: Source| name.clone().map(|name| Setting::new(name, source));
    named(&args.context, Source::Flag("--context"))
        .or_else(|| {
            named(&around.context, Source::Environment("WEFT_CONTEXT"))
                .filter(|_| args.url.is_none())
        })
        .or_else(|| {
            let free = args.url.is_none() && around.url.is_none();
            named(
                &around.project.context,
                Source::File(around.folder.join("weft.toml")),
            )
            .or_else(|| {
                named(
                    &around.config.current,
                    Source::File(context::path().unwrap_or_default()),
                )
            })
            .filter(|_| free)
        })
}

/// What `wfctl up` left, or where it would listen.
fn running(around: &Surroundings) -> Result<Setting<String>, Problem> {
    if let Some(data) = &around.data {
        let path = data.join(URL_FILE);
        if let Some(url) = context::text(&path)? {
            return Ok(Setting::new(url.trim().to_owned(), Source::File(path)));
        }
    }
    Ok(Setting::new(DEFAULT_URL.to_owned(), Source::Default))
}

fn token(
    args: &ConnectArgs,
    around: &Surroundings,
    context: Option<&Setting<String>>,
    matching: Option<&(String, Context)>,
    url: &Url,
) -> Result<Option<Setting<Token>>, Problem> {
    if let Some(path) = &args.token_file {
        let text = context::text(path)?.ok_or_else(|| {
            Problem::new(
                Code::FileNotFound,
                format!("there is no file {}", path.display()),
            )
            .note("named by --token-file")
        })?;
        return Ok(Some(Setting::new(
            Token::new(&text)?,
            Source::File(path.clone()),
        )));
    }
    let stored = || {
        let (name, entry) = matching?;
        Some(Setting::new(
            entry.token.clone()?,
            Source::Context(name.clone()),
        ))
    };
    // A context on the command line is nearer than the environment.
    if context.is_some_and(|name| matches!(name.source, Source::Flag(_)))
        && let Some(token) = stored()
    {
        return Ok(Some(token));
    }
    if let Some(text) = &around.token {
        return Ok(Some(Setting::new(
            Token::new(text)?,
            Source::Environment("WEFT_TOKEN"),
        )));
    }
    if let Some(token) = stored() {
        return Ok(Some(token));
    }
    left_by_up(around, url)
}

/// The token that `wfctl up` left, for the URL that it left.
fn left_by_up(around: &Surroundings, url: &Url) -> Result<Option<Setting<Token>>, Problem> {
    let Some(data) = &around.data else {
        return Ok(None);
    };
    let own = running(around)?;
    if parsed(&own.value, &own.source)? != *url {
        return Ok(None);
    }
    let path: &Path = &data.join(TOKEN_FILE);
    context::text(path)?
        .map(|text| {
            Ok(Setting::new(
                Token::new(&text)?,
                Source::File(path.to_owned()),
            ))
        })
        .transpose()
}

#[cfg(test)]
mod tests;
