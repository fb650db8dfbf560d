//! `wfctl runs note` and `wfctl tasks note`: what people write about runs and task instances.

use super::run_ref::{InstanceRef, RunRef};
use crate::{local_time::Zone, table};
use weft_api::{NewNote, Note, problem::Problems};
use weft_client::{Client, route};

/// What a note says.
#[derive(Debug, clap::Args)]
pub(crate) struct TextArgs {
    /// What the note says, at most 4,096 bytes; it replaces the note before
    #[arg(value_name = "TEXT", required_unless_present = "remove")]
    text: Option<String>,
    /// Remove the note
    #[arg(long, conflicts_with = "text")]
    remove: bool,
}

impl TextArgs {
    fn body(&self) -> NewNote {
        NewNote {
            text: self.text.clone().unwrap_or_default(),
        }
    }

    fn done(&self, of: &str) -> String {
        let what = if self.remove {
            "has no note"
        } else {
            "has the note"
        };
        format!("{of} {what}\n")
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunNoteArgs {
    #[command(flatten)]
    run: RunRef,
    #[command(flatten)]
    text: TextArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InstanceNoteArgs {
    #[command(flatten)]
    instance: InstanceRef,
    #[command(flatten)]
    text: TextArgs,
}

pub(crate) async fn on_run(client: &Client, args: &RunNoteArgs) -> Result<(), Problems> {
    let run = args.run.id(client).await?;
    let call = client.request(&route::PUT_RUN_NOTE, &[&run]);
    call.json(&args.text.body()).execute().await?;
    Ok(table::write(&args.text.done(&run))?)
}

pub(crate) async fn on_instance(client: &Client, args: &InstanceNoteArgs) -> Result<(), Problems> {
    let instance = &args.instance;
    let (run, index) = (instance.run.id(client).await?, instance.index.to_string());
    let path = [&*run, &*instance.task, &*index];
    let call = client.request(&route::PUT_INSTANCE_NOTE, &path);
    call.json(&args.text.body()).execute().await?;
    Ok(table::write(
        &args.text.done(&format!("{run} {}", instance.task)),
    )?)
}

/// A note for people: what it says, who wrote it and when.
pub(crate) fn shown(note: &Note, zone: &Zone) -> String {
    let text = note.text.replace('\n', "\n  ");
    format!("{text} ({}, {})", note.by, zone.shown(note.at))
}
