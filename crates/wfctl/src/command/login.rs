//! `wfctl login`: takes a token, asks its server whose it is, and stores it.

use super::{context, secret_value};
use crate::{
    client::{self, ConnectArgs},
    table,
};
use weft_api::{
    Whoami,
    problem::{Code, Exit, Problem, Problems},
};
use weft_client::{Client, Setting, Source, Token, context::Context, route};

/// Store a token, after checking it with the server
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl login --url https://weft.example.org --name work     asks for the token
  wfctl login --context work < work.token

The token is stored in ~/.config/weft/config.toml, which only its owner can read.")]
pub(crate) struct LoginArgs {
    /// The context that stores it [default: that of --context, or the server's host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    server: ConnectArgs,
}

/// Reads the token, checks it, stores it.
pub(crate) fn run(args: &LoginArgs) -> Result<Exit, Problems> {
    let (path, mut config) = context::load()?;
    let mut server = args.server.server()?;
    let name = match (&args.name, &server.context) {
        (Some(name), _) => name.clone(),
        (None, Some(context)) => context.value.clone(),
        (None, None) => server
            .url
            .value
            .host_str()
            .unwrap_or("default")
            .trim_matches(['[', ']'])
            .replace(':', "-"),
    };
    if let Some(known) = config.contexts.get(&name)
        && known.url.trim_end_matches('/') != server.url.value.as_str().trim_end_matches('/')
    {
        return Err(Problem::new(
            Code::Usage,
            format!("the context {name} is of another server, {}", known.url),
        )
        .help("store it under another name with --name")
        .into());
    }
    let token = match &args.server.token_file {
        // It was read already, with the other settings.
        Some(_file) => server.token.clone().map(|token| token.value),
        None => None,
    };
    let token = match token {
        Some(token) => token,
        None => Token::new(&secret_value::read(
            None,
            &format!("the token for {}", server.url.value),
        )?)?,
    };
    server.token = Some(Setting {
        value: token.clone(),
        source: Source::Flag("login"),
    });
    let stored = Context {
        url: server.url.value.to_string(),
        token: Some(token),
        tenant: server.tenant.as_ref().map(|tenant| tenant.value.clone()),
        insecure: server.insecure,
    };
    let client = Client::new(server)?;
    let who: Whoami = client::block_on(client.request(&route::WHOAMI, &[]).fetch())?;
    config.contexts.insert(name.clone(), stored);
    config.current = Some(name.clone());
    config.write(&path)?;
    let holder = weft_api::text::line(&who.name, 200);
    table::write(&format!(
        "{} ({}) in the tenant {}; {name} is the current context\n",
        holder,
        table::role(who.role),
        weft_api::text::line(&who.tenant, 200)
    ))?;
    Ok(Exit::Success)
}
