//! `wfctl config`: each setting that holds here, and where it came from.

use crate::{
    client::ConnectArgs,
    local_time::Zone,
    table::{self, FormatArgs, Row},
};
use serde::Serialize;
use std::{env, path::Path};
use weft_api::{
    problem::{Exit, Problems},
    user_dirs,
};
use weft_client::{Server, Setting, Source, context};

/// Print each setting, and where it comes from
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Settings come from options, then WEFT_* of the environment, then weft.toml of
this folder, then the current context. A token is never printed.")]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Shown {
    setting: &'static str,
    value: Option<String>,
    source: String,
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] = &["SETTING", "VALUE", "FROM"];

    fn cells(&self, _zone: &Zone) -> Vec<String> {
        vec![
            self.setting.to_owned(),
            self.value.clone().unwrap_or_else(|| "-".to_owned()),
            self.source.clone(),
        ]
    }
}

impl Shown {
    fn new(setting: &'static str, value: Option<(String, &Source)>) -> Self {
        let (value, source) = value.map_or((None, Source::Default), |(value, source)| {
            (Some(value), source.clone())
        });
        Self {
            setting,
            value,
            source: source.to_string(),
        }
    }
}

/// Prints the settings.
pub(crate) fn run(args: &ConfigArgs) -> Result<Exit, Problems> {
    let server = args.server.server()?;
    table::all(args.format.output, &settings(&server))?;
    Ok(Exit::Success)
}

fn settings(server: &Server) -> Vec<Shown> {
    fn text(setting: &Setting<String>) -> (String, &Source) {
        (setting.value.clone(), &setting.source)
    }
    vec![
        Shown::new(
            "url",
            Some((server.url.value.to_string(), &server.url.source)),
        ),
        Shown::new("context", server.context.as_ref().map(text)),
        Shown::new(
            "token",
            server
                .token
                .as_ref()
                .map(|token| ("set, not shown".to_owned(), &token.source)),
        ),
        Shown::new("tenant", server.tenant.as_ref().map(text)),
        Shown {
            setting: "insecure",
            value: Some(server.insecure.to_string()),
            source: if server.insecure {
                "--insecure or the context"
            } else {
                "default"
            }
            .to_owned(),
        },
        folder(
            "data folder",
            "WEFT_DATA_DIR",
            "XDG_DATA_HOME",
            user_dirs::data().as_deref(),
        ),
        folder(
            "cache folder",
            "WEFT_CACHE_DIR",
            "XDG_CACHE_HOME",
            user_dirs::cache().as_deref(),
        ),
        folder(
            "contexts",
            "",
            "XDG_CONFIG_HOME",
            context::path().as_deref(),
        ),
    ]
}

fn folder(
    setting: &'static str,
    own: &'static str,
    xdg: &'static str,
    path: Option<&Path>,
) -> Shown {
    let is_set =
        |name: &str| !name.is_empty() && env::var_os(name).is_some_and(|value| !value.is_empty());
    let source = [own, xdg]
        .into_iter()
        .find(|name| is_set(name))
        .map_or(Source::Default, Source::Environment);
    Shown::new(
        setting,
        path.map(|path| (path.display().to_string(), &source)),
    )
}
