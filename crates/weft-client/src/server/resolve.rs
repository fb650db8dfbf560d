//! The order of precedence among options, environment and files.

use super::{ConnectOptions, DEFAULT_URL, Server, Setting, Source, parse_url};
use crate::{
    Environment,
    context::{self, Context, Token},
};
use reqwest::Url;
use weft_api::problem::{Code, Problem};

/// A context and its name.
type Named = (String, Context);

pub(super) fn resolve(
    options: &ConnectOptions,
    environment: &Environment,
) -> Result<Server, Problem> {
    let (url, context) = choose_url(options, environment)?;
    let url = Setting::new(parse_url(&url.value, &url.source)?, url.source);
    let matching = matching_context(environment, context.as_ref(), &url.value)?;
    let token = choose_token(
        options,
        environment,
        context.as_ref(),
        matching.as_ref(),
        &url.value,
    )?;
    let tenant = choose_tenant(options, environment, matching.as_ref());
    let insecure = options.insecure || matching.is_some_and(|(_, entry)| entry.insecure);
    Ok(Server {
        url,
        token,
        tenant,
        context,
        insecure,
    })
}

/// The URL, and the name of the context that it comes from.
fn choose_url(
    options: &ConnectOptions,
    environment: &Environment,
) -> Result<(Setting<String>, Option<Setting<String>>), Problem> {
    let context = choose_context(options, environment);
    let entry = context
        .as_ref()
        .map(|name| environment.config.get(&name.value))
        .transpose()?;
    // A URL that is given directly takes precedence over a context that is configured.
    if let Some(url) = &options.url {
        return Ok((Setting::new(url.clone(), Source::Flag("--url")), None));
    }
    if let (Some(url), None) = (&environment.url, &options.context) {
        let source = Source::Environment("WEFT_URL");
        return Ok((Setting::new(url.clone(), source), None));
    }
    if let (Some(name), Some(entry)) = (context, entry) {
        let source = Source::Context(name.value.clone());
        return Ok((Setting::new(entry.url.clone(), source), Some(name)));
    }
    Ok((local_url(environment)?, None))
}

/// The context of this name, or else the first one with this URL.
fn matching_context(
    environment: &Environment,
    context: Option<&Setting<String>>,
    url: &Url,
) -> Result<Option<Named>, Problem> {
    if let Some(name) = context {
        let entry = environment.config.get(&name.value)?;
        return Ok(Some((name.value.clone(), entry.clone())));
    }
    let has_url =
        |entry: &Context| parse_url(&entry.url, &Source::Default).is_ok_and(|known| known == *url);
    Ok(environment
        .config
        .contexts
        .iter()
        .find(|(_, entry)| has_url(entry))
        .map(|(name, entry)| (name.clone(), entry.clone())))
}

fn choose_tenant(
    options: &ConnectOptions,
    environment: &Environment,
    matching: Option<&Named>,
) -> Option<Setting<String>> {
    if let Some(tenant) = &options.tenant {
        return Some(Setting::new(tenant.clone(), Source::Flag("--tenant")));
    }
    if let Some(tenant) = &environment.tenant {
        let source = Source::Environment("WEFT_TENANT");
        return Some(Setting::new(tenant.clone(), source));
    }
    let (name, entry) = matching?;
    let source = Source::Context(name.clone());
    Some(Setting::new(entry.tenant.clone()?, source))
}

/// The context that is in use, unless a URL takes precedence.
fn choose_context(options: &ConnectOptions, environment: &Environment) -> Option<Setting<String>> {
    let named =
        |name: &Option<String>, source: Source| name.clone().map(|name| Setting::new(name, source));
    named(&options.context, Source::Flag("--context"))
        .or_else(|| {
            named(&environment.context, Source::Environment("WEFT_CONTEXT"))
                .filter(|_| options.url.is_none())
        })
        .or_else(|| {
            let free = options.url.is_none() && environment.url.is_none();
            named(
                &environment.project.context,
                Source::File(environment.folder.join("weft.toml")),
            )
            .or_else(|| {
                named(
                    &environment.config.current,
                    Source::File(context::path().unwrap_or_default()),
                )
            })
            .filter(|_| free)
        })
}

/// The URL that `wfctl up` left, or else where it listens by default.
fn local_url(environment: &Environment) -> Result<Setting<String>, Problem> {
    if let Some(local) = &environment.local
        && let Some(url) = context::read_small_file(&local.url_file)?
    {
        let source = Source::File(local.url_file.clone());
        return Ok(Setting::new(url.trim().to_owned(), source));
    }
    Ok(Setting::new(DEFAULT_URL.to_owned(), Source::Default))
}

fn choose_token(
    options: &ConnectOptions,
    environment: &Environment,
    context: Option<&Setting<String>>,
    matching: Option<&Named>,
    url: &Url,
) -> Result<Option<Setting<Token>>, Problem> {
    if let Some(path) = &options.token_file {
        let text = context::read_small_file(path)?.ok_or_else(|| {
            Problem::new(
                Code::FileNotFound,
                format!("there is no file {}", path.display()),
            )
            .note("named by --token-file")
        })?;
        let token = Token::new(&text)?;
        return Ok(Some(Setting::new(token, Source::File(path.clone()))));
    }
    let stored = || {
        let (name, entry) = matching?;
        let source = Source::Context(name.clone());
        Some(Setting::new(entry.token.clone()?, source))
    };
    // A context of the options takes precedence over the environment.
    if context.is_some_and(|name| matches!(name.source, Source::Flag(_)))
        && let Some(token) = stored()
    {
        return Ok(Some(token));
    }
    if let Some(text) = &environment.token {
        let source = Source::Environment("WEFT_TOKEN");
        return Ok(Some(Setting::new(Token::new(text)?, source)));
    }
    match stored() {
        Some(token) => Ok(Some(token)),
        None => local_token(environment, url),
    }
}

/// The token that `wfctl up` left, if this is the URL that it left.
fn local_token(environment: &Environment, url: &Url) -> Result<Option<Setting<Token>>, Problem> {
    let Some(local) = &environment.local else {
        return Ok(None);
    };
    let own = local_url(environment)?;
    if parse_url(&own.value, &own.source)? != *url {
        return Ok(None);
    }
    let Some(text) = context::read_small_file(&local.token_file)? else {
        return Ok(None);
    };
    let source = Source::File(local.token_file.clone());
    Ok(Some(Setting::new(Token::new(&text)?, source)))
}
