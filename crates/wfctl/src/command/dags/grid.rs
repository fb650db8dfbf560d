//! `wfctl dags grid`: the last runs of a DAG by its tasks.

use crate::table::{self, FormatArgs};
use std::fmt::Write as _;
use weft_api::{Grid, GridRun, RunState, problem::Problems, text};
use weft_client::{Client, route};

/// A character for each code of a state: absent, waiting, expanding, ready, queued, running, up for
/// retry, deferred, success, failed, skipped, upstream failed, cancelled.
const MARKS: [char; 13] = [
    ' ', '.', '.', '.', '.', '>', '~', 'd', '+', 'X', '-', 'u', 'c',
];
const LEGEND: &str = "+ success  X failed  u upstream failed  - skipped  c cancelled  \
                      > running  ~ up for retry  d deferred  . waiting";
/// The most characters of a task's id.
const MAX_ID_CHARS: usize = 60;

/// Which runs.
#[derive(Debug, clap::Args)]
pub(super) struct GridArgs {
    /// The DAG's id
    dag: String,
    /// How many runs, the newest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=365))]
    runs: u32,
    #[command(flatten)]
    format: FormatArgs,
}

/// Prints the grid.
pub(super) async fn run(client: &Client, args: &GridArgs) -> Result<(), Problems> {
    let grid: Grid = client
        .request(&route::GRID, &[&args.dag])
        .query("runs", args.runs)
        .fetch()
        .await?;
    table::one(args.format.output, &grid, |_zone| drawn(&grid))?;
    Ok(())
}

/// A line for each task, its oldest run first.
fn drawn(grid: &Grid) -> String {
    let columns: Vec<(char, Vec<u32>)> = grid.runs.iter().rev().map(column).collect();
    let rows = grid.rows.as_deref().unwrap_or_default();
    let ids: Vec<String> = rows
        .iter()
        .map(|row| text::line(&row.task, MAX_ID_CHARS))
        .collect();
    let width = ids.iter().map(|id| id.chars().count()).max().unwrap_or(0);
    let mut drawn = String::new();
    let mut push = |name: &str, marks: String| {
        writeln!(drawn, "{name:<width$}  {}", marks.trim_end()).expect("a String takes every text");
    };
    push("", columns.iter().map(|(run, _cells)| *run).collect());
    for (row, id) in ids.iter().enumerate() {
        let mark = |(_run, cells): &(char, Vec<u32>)| {
            let code = cells.get(row).map_or(0, |code| *code as usize);
            MARKS.get(code).copied().unwrap_or('?')
        };
        push(id, columns.iter().map(mark).collect());
    }
    drawn.push_str(LEGEND);
    drawn.push('\n');
    drawn
}

/// The run's mark, and the code of each of its cells.
fn column(run: &GridRun) -> (char, Vec<u32>) {
    let mark = match run.run.state {
        RunState::Queued => '.',
        RunState::Running => '>',
        RunState::Success => '+',
        RunState::Failed => 'X',
        RunState::Cancelled => 'c',
    };
    let cells = run
        .cells
        .chunks_exact(2)
        .flat_map(|pair| std::iter::repeat_n(pair[0], pair[1] as usize));
    (mark, cells.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_grid_has_a_line_for_each_task_and_the_newest_run_at_the_right() {
        let counts = json!({ "waiting": 0, "expanding": 0, "ready": 0, "queued": 0, "running": 0,
            "up_for_retry": 0, "deferred": 0, "success": 0, "failed": 0, "skipped": 0,
            "upstream_failed": 0, "cancelled": 0 });
        let run = |state: &str, cells: &[u32]| {
            json!({ "id": "0000000000001", "version": 1, "kind": "manual", "state": state,
                "logical_date": "2026-11-20T00:00:00Z", "created": "2026-11-20T00:00:00Z",
                "counts": counts, "cells": cells, "mapped": [] })
        };
        let grid: Grid = serde_json::from_value(json!({
            "rows_id": "1",
            "rows": [
                { "task": "load", "mapped": false },
                { "task": "check.all", "group": "check", "mapped": false },
            ],
            "runs": [run("running", &[8, 1, 5, 1]), run("failed", &[9, 1, 11, 1])],
        }))
        .unwrap();
        let drawn = drawn(&grid);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(
            lines[..3],
            ["           X>", "load       X+", "check.all  u>"]
        );
    }
}
