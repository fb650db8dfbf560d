//! `wfctl runs tree`: the runs that called each other.

use crate::{
    command::run_ref::RunRef,
    local_time::Zone,
    table::{self, FormatArgs},
};
use std::{collections::HashMap, fmt::Write as _};
use weft_api::{RunTree, TreeRun, problem::Problems};
use weft_client::{Client, route};

/// Which run's tree.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl runs tree latest --dag month_end
  wfctl runs tree 0c3k5v7n9q1st -o json")]
pub(super) struct TreeArgs {
    #[command(flatten)]
    run: RunRef,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) async fn run(client: &Client, args: &TreeArgs) -> Result<(), Problems> {
    let run = args.run.id(client).await?;
    let tree: RunTree = client.request(&route::RUN_TREE, &[&run]).fetch().await?;
    Ok(table::one(args.format.output, &tree, |zone| {
        text(&tree, zone)
    })?)
}

/// A line for each run, below the run that called it.
fn text(tree: &RunTree, zone: &Zone) -> String {
    let mut called: HashMap<&str, Vec<&TreeRun>> = HashMap::new();
    let ids: Vec<&str> = tree.runs.iter().map(|run| run.id.as_str()).collect();
    let mut pending: Vec<(usize, &TreeRun)> = Vec::new();
    for run in tree.runs.iter().rev() {
        match &run.called_by {
            Some(caller) if ids.contains(&caller.run.as_str()) => {
                called.entry(&caller.run).or_default().push(run);
            }
            Some(_) | None => pending.push((0, run)),
        }
    }
    let mut text = String::new();
    while let Some((depth, run)) = pending.pop() {
        text.push_str(&line(depth, run, zone));
        let below = called.get(run.id.as_str()).into_iter().flatten();
        pending.extend(below.map(|run| (depth + 1, *run)));
    }
    if tree.truncated {
        text.push_str("There are more runs than are shown.\n");
    }
    text
}

fn line(depth: usize, run: &TreeRun, zone: &Zone) -> String {
    let mut line = format!(
        "{}{} {} {}, created {}",
        "  ".repeat(depth),
        run.id,
        run.dag,
        table::run_state(run.state),
        zone.shown(run.created)
    );
    if let Some(caller) = &run.called_by {
        let _written = write!(line, ", called by {}", caller.task);
        if caller.index > 0 {
            let _written = write!(line, "[{}]", caller.index);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_api::{CallerInstance, RunKind, RunState};

    fn run(id: &str, caller: Option<(&str, u32)>) -> TreeRun {
        TreeRun {
            id: id.into(),
            dag: format!("dag_{id}"),
            kind: RunKind::Called,
            state: RunState::Success,
            created: "2026-11-21T06:00:00Z".parse().unwrap(),
            started: None,
            ended: None,
            called_by: caller.map(|(run, index)| CallerInstance {
                run: run.into(),
                task: "call".into(),
                index,
            }),
        }
    }

    #[test]
    fn each_run_is_below_the_run_that_called_it() {
        let tree = RunTree {
            runs: vec![
                run("a", None),
                run("b", Some(("a", 0))),
                run("c", Some(("a", 1))),
                run("d", Some(("b", 0))),
            ],
            truncated: false,
        };
        let text = text(&tree, &Zone::utc());
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.split(',').next().unwrap())
            .collect();
        assert_eq!(
            lines,
            [
                "a dag_a success",
                "  b dag_b success",
                "    d dag_d success",
                "  c dag_c success"
            ]
        );
        assert!(text.contains("called by call[1]"), "{text}");
    }
}
