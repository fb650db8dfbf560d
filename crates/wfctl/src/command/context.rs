//! `wfctl context`: servers by name, and which of them is the current one.

use super::confirm;
use crate::{
    local_time::Zone,
    table::{self, FormatArgs, Row},
};
use serde::Serialize;
use std::path::PathBuf;
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_client::{
    Source,
    context::{self, Config, Context},
    parse_url,
};

/// Name servers, and select the current one
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl context add work --url https://weft.example.org
  wfctl login --context work
  wfctl context use work
  wfctl context list

~/.config/weft/config.toml stores them with their tokens; only its owner can
read it. A project's weft.toml can name one: [client] context = \"work\".")]
pub(crate) struct ContextArgs {
    #[command(subcommand)]
    command: ContextCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ContextCommand {
    /// List contexts
    List(FormatArgs),
    /// Select the current context
    Use {
        /// The name of the context
        name: String,
    },
    /// Name a server; wfctl login stores its token
    Add {
        /// The new name
        name: String,
        /// The server's URL
        #[arg(long, value_name = "URL")]
        url: String,
        /// The tenant, for a token that is valid for several tenants
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        /// Allow http:// to other machines: the token is sent unencrypted
        #[arg(long)]
        insecure: bool,
    },
    /// Remove a context and its token
    Remove {
        /// The name of the context
        name: String,
        /// Don't ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Show a context [default: the current one]
    Show {
        /// The name of the context
        name: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// A context without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Shown {
    name: String,
    url: String,
    current: bool,
    has_token: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    insecure: bool,
}

impl Shown {
    fn new(name: &str, context: &Context, config: &Config) -> Self {
        Self {
            name: name.to_owned(),
            url: context.url.clone(),
            current: config.current.as_deref() == Some(name),
            has_token: context.token.is_some(),
            tenant: context.tenant.clone(),
            insecure: context.insecure,
        }
    }
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] = &["CONTEXT", "CURRENT", "URL", "TOKEN", "TENANT"];

    fn cells(&self, _zone: &Zone) -> Vec<String> {
        let mark = |is: bool| if is { "yes" } else { "-" }.to_owned();
        vec![
            self.name.clone(),
            mark(self.current),
            self.url.clone(),
            mark(self.has_token),
            self.tenant.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

/// The file of contexts: its path and its content.
pub(super) fn load() -> Result<(PathBuf, Config), Problem> {
    let path = context::path().ok_or_else(|| {
        Problem::new(
            Code::ConfigUnavailable,
            "there is no home folder to keep contexts in",
        )
        .help("set XDG_CONFIG_HOME")
    })?;
    let config = Config::read(&path)?;
    Ok((path, config))
}

/// Runs the subcommand.
pub(crate) fn run(args: &ContextArgs) -> Result<Exit, Problems> {
    let (path, mut config) = load()?;
    match &args.command {
        ContextCommand::List(format) => {
            let contexts = config.contexts.iter();
            let shown: Vec<Shown> = contexts
                .map(|(name, context)| Shown::new(name, context, &config))
                .collect();
            table::all(format.output, &shown)?;
        }
        ContextCommand::Use { name } => {
            config.get(name)?;
            config.current = Some(name.clone());
            config.write(&path)?;
            table::write(&format!("{name} is the current context\n"))?;
        }
        ContextCommand::Add {
            name,
            url,
            tenant,
            insecure,
        } => {
            let context = Context {
                url: parse_url(url, &Source::Flag("--url"))?.to_string(),
                token: None,
                tenant: tenant.clone(),
                insecure: *insecure,
            };
            add(&mut config, name, context)?;
            config.write(&path)?;
            table::write(&format!(
                "added {name}; wfctl login --context {name} stores its token\n"
            ))?;
        }
        ContextCommand::Remove { name, yes } => {
            config.get(name)?;
            confirm::ask(*yes, &format!("Remove the context {name} and its token?"))?;
            config.contexts.remove(name);
            if config.current.as_ref() == Some(name) {
                config.current = None;
            }
            config.write(&path)?;
            table::write(&format!("removed {name}\n"))?;
        }
        ContextCommand::Show { name, format } => show(name.as_ref(), *format, &config)?,
    }
    Ok(Exit::Success)
}

fn show(name: Option<&String>, format: FormatArgs, config: &Config) -> Result<(), Problem> {
    let name = name.or(config.current.as_ref()).ok_or_else(|| {
        Problem::new(Code::UnknownContext, "there is no current context")
            .help("choose one: wfctl context use NAME")
    })?;
    let shown = Shown::new(name, config.get(name)?, config);
    let token = if shown.has_token {
        "stored"
    } else {
        "none: wfctl login"
    };
    table::one(format.output, &shown, |_zone| {
        table::fields(&[
            ("context", shown.name.clone()),
            ("url", shown.url.clone()),
            ("current", shown.current.to_string()),
            ("token", token.to_owned()),
        ])
    })
}

/// The first context becomes the current one, since there is no other.
fn add(config: &mut Config, name: &str, context: Context) -> Result<(), Problem> {
    let is_plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(
            Problem::new(Code::Usage, format!("{name:?} is no name for a context"))
                .help("use letters, digits, '-', '_' and '.'"),
        );
    }
    if config.contexts.contains_key(name) {
        return Err(
            Problem::new(Code::Usage, format!("there is a context {name} already")).help(format!(
                "take another name, or begin with wfctl context remove {name}"
            )),
        );
    }
    config.contexts.insert(name.to_owned(), context);
    config.current.get_or_insert_with(|| name.to_owned());
    Ok(())
}
