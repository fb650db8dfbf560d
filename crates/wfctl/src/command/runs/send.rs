//! `wfctl runs send`: sends an event to a run.

use crate::{
    command::run_ref::RunRef,
    table::{self, FormatArgs},
};
use serde_json::Value;
use std::fs;
use weft_api::{
    NamedEvent,
    problem::{Problem, Problems},
};
use weft_client::{Client, route};

/// Which event, to which run.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl runs send latest paid --dag orders
  wfctl runs send 0c3k5v7n9q1st paid '{\"by\": \"ada\"}'
  wfctl runs send 0c3k5v7n9q1st delivered @delivery.json

An event that no task waits for is kept for the next one that does.")]
pub(super) struct SendArgs {
    #[command(flatten)]
    run: RunRef,
    /// The name of the event
    #[arg(value_name = "NAME")]
    name: String,
    /// What the task gets with it: JSON or text, or @FILE [default: null]
    #[arg(value_name = "PAYLOAD")]
    payload: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) async fn run(client: &Client, args: &SendArgs) -> Result<(), Problems> {
    let run = args.run.id(client).await?;
    let payload = args.payload.as_deref().map_or(Ok(Value::Null), payload)?;
    let event: NamedEvent = client
        .request(&route::SEND_EVENT, &[&run, &args.name])
        .json(&payload)
        .fetch()
        .await?;
    Ok(table::one(args.format.output, &event, |_zone| {
        let NamedEvent { name, run, .. } = &event;
        match &event.taken_by {
            Some(taker) => format!("{run}: {name} wakes {}\n", taker.task),
            None => format!("{run}: {name} is kept for the next task that waits for it\n"),
        }
    })?)
}

/// JSON where it parses, else a text; of the file behind `@`.
fn payload(text: &str) -> Result<Value, Problem> {
    let file = text.strip_prefix('@').map(|path| {
        fs::read_to_string(path).map_err(|error| Problem::io("read", path.as_ref(), &error))
    });
    let text = match file {
        Some(text) => text?,
        None => text.to_owned(),
    };
    Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
