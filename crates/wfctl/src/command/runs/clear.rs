//! `wfctl runs clear`: tasks or task instances of a run run again, and the same in the DAG's other runs.

use super::{act, pages::Pages, target::TargetArgs};
use crate::table;
use std::fmt::Write as _;
use weft_api::{
    BulkAction, BulkKind, Clear, ClearCommand, ClearPreview, ClearedInstance, RunsFilter,
    TaskSummary,
    problem::{Code, Problem, Problems},
};
use weft_client::{Client, route};

/// How many map indexes of a task are written out.
const MAX_SHOWN_INDEXES: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct ClearArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    what: WhatArgs,
    /// Clear the same in the DAG's runs with an earlier logical date
    #[arg(long)]
    past: bool,
    /// Clear the same in the DAG's runs with a later logical date
    #[arg(long)]
    future: bool,
    /// Names the action; the key of an interrupted one goes on with it, and clears nothing twice [default: random]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Clear nothing, and list what would run again
    #[arg(long)]
    dry_run: bool,
}

/// What of a run is cleared.
#[derive(Debug, clap::Args)]
pub(super) struct WhatArgs {
    /// A task to run again; may be repeated
    #[arg(
        long,
        short,
        value_name = "TASK",
        required_unless_present = "only_failed"
    )]
    task: Vec<String>,
    /// Only these map indexes of the task, such as 3,7-9
    #[arg(
        long,
        short,
        value_name = "INDEXES",
        requires = "task",
        conflicts_with = "upstream"
    )]
    index: Option<String>,
    /// Also clear everything upstream
    #[arg(long)]
    upstream: bool,
    /// Also clear everything downstream
    #[arg(long)]
    downstream: bool,
    /// Clear only what failed, could not run or was cancelled; without --task of the whole run
    #[arg(long)]
    only_failed: bool,
}

impl WhatArgs {
    pub(super) fn body(&self) -> Clear {
        Clear {
            tasks: self.task.clone(),
            indexes: self.index.clone(),
            upstream: self.upstream,
            downstream: self.downstream,
            only_failed: self.only_failed,
            ..Clear::default()
        }
    }

    /// What runs again, for people.
    fn named(&self) -> String {
        let mut text = if self.task.is_empty() {
            "what failed".to_owned()
        } else {
            self.task.join(", ")
        };
        if let Some(indexes) = &self.index {
            write!(text, " [{indexes}]").expect("a String takes every text");
        }
        match (self.upstream, self.downstream) {
            (false, false) => {}
            (true, false) => text.push_str(" and what is upstream"),
            (false, true) => text.push_str(" and what is downstream"),
            (true, true) => text.push_str(", what is upstream and what is downstream"),
        }
        if self.only_failed && !self.task.is_empty() {
            text.push_str(", as far as it failed,");
        }
        text
    }
}

pub(super) async fn run(client: &Client, args: &ClearArgs) -> Result<(), Problems> {
    let has_others = args.past || args.future;
    let usage = |what: &str| Problem::new(Code::Usage, what);
    let Some(run) = args.target.one(client).await? else {
        if has_others {
            return Err(usage("--past and --future mean something only with one run").into());
        }
        let action = BulkAction {
            action: BulkKind::Clear,
            filter: RunsFilter::default(),
            clear: Some(args.what.body()),
            mark: None,
            called: false,
            cursor: None,
            dry_run: args.dry_run,
        };
        return args.target.act(client, action, args.key.as_ref()).await;
    };
    if args.key.is_some() && !has_others {
        return Err(usage("--key means something only for many runs").into());
    }
    let body = Clear {
        past: args.past,
        future: args.future,
        dry_run: args.dry_run,
        ..args.what.body()
    };
    let mut pages = Pages::new(args.key.clone());
    if args.dry_run {
        return preview(client, &run, body, pages).await;
    }
    let mut own = None;
    loop {
        let body = Clear {
            cursor: pages.cursor(),
            ..body.clone()
        };
        let call = client.request(&route::CLEAR, &[&run]).json(&body);
        let call = call.idempotency_key(pages.key())?;
        let answer = call.fetch::<ClearCommand>().await;
        let answer = answer.map_err(|problems| pages.interrupted(has_others, problems))?;
        own.get_or_insert(answer.command);
        if !pages.add(answer.others.unwrap_or_default()) {
            break;
        }
    }
    if has_others {
        table::write(&pages.summary("of other dates get the same command"))?;
    }
    if let Some(command) = own {
        act::finish(client, &run, command).await?;
    }
    let what = args.what.named();
    Ok(table::write(&format!("{run}: {what} will run again\n"))?)
}

/// Lists the tasks that would run again, with their instances.
async fn preview(
    client: &Client,
    run: &str,
    body: Clear,
    mut pages: Pages,
) -> Result<(), Problems> {
    let mut is_first = true;
    loop {
        let body = Clear {
            cursor: pages.cursor(),
            ..body.clone()
        };
        let call = client.request(&route::CLEAR, &[run]).json(&body);
        let preview: ClearPreview = call.fetch().await?;
        if std::mem::take(&mut is_first) {
            let text = listed(run, &preview.tasks, &preview.instances, preview.total);
            table::write(&text)?;
        }
        let others = preview.others.unwrap_or_default();
        for other in &others.previews {
            let text = listed(&other.run, &other.tasks, &other.instances, other.total);
            table::write(&text)?;
        }
        if !pages.add(others) {
            break;
        }
    }
    if body.past || body.future {
        table::write(&pages.summary("of other dates would be cleared"))?;
    }
    Ok(())
}

/// What would run again of one run.
pub(super) fn listed(
    run: &str,
    tasks: &[TaskSummary],
    instances: &[ClearedInstance],
    total: u64,
) -> String {
    let mut text = String::new();
    for task in tasks {
        let mut indexes = String::new();
        if task.mapped {
            let of_task = instances.iter().filter(|one| one.task == task.task);
            let shown: Vec<String> = of_task
                .take(MAX_SHOWN_INDEXES)
                .map(|one| one.index.to_string())
                .collect();
            let more = if task.instances > shown.len() as u64 {
                ", ..."
            } else {
                ""
            };
            if !shown.is_empty() {
                indexes = format!(" [{}{more}]", shown.join(", "));
            }
        }
        writeln!(text, "{}: {} instances{indexes}", task.task, task.instances)
            .expect("a String takes every text");
    }
    writeln!(text, "{run}: {total} instances would run again").expect("a String takes every text");
    text
}
