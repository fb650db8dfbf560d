//! A followed run on a terminal: one line for each task, a bar for mapped ones,
//! redrawn in place. Where not all tasks fit, those that need looking at stand
//! before those that are done or wait.

use super::{Standing, Watch, headline};
use crate::table::{self, tally};
use std::fmt::Write as _;
use weft_api::{Change, Counts, TaskSummary, text};
use weft_local::display::screen::{self, LiveScreen};

const BAR_CHARS: usize = 24;
/// The last frame stays, so it may be longer than the terminal up to a point.
const LAST_FRAME_ROWS: usize = 60;

pub(super) struct LiveTable {
    screen: LiveScreen,
    standing: Option<Standing>,
}

impl LiveTable {
    pub(super) fn new() -> Self {
        Self {
            screen: LiveScreen::new(),
            standing: None,
        }
    }
}

impl Watch for LiveTable {
    fn change(&mut self, _change: &Change) {}

    fn standing(&mut self, standing: &Standing) {
        self.standing = Some(standing.clone());
    }

    fn tick(&mut self) {
        if let Some(standing) = &self.standing {
            self.screen.draw(|rows, columns, spinner| {
                frame(standing, spinner, rows.saturating_sub(1), columns)
            });
        }
    }

    fn end(&mut self, standing: &Standing) {
        let (_, columns) = screen::size();
        self.screen.clear();
        drop(table::write(&format!(
            "{}\n",
            frame(standing, " ", LAST_FRAME_ROWS, columns)
        )));
    }
}

/// The whole picture in at most so many rows and columns.
fn frame(standing: &Standing, spinner: &str, rows: usize, columns: usize) -> String {
    let mut lines = vec![text::line(
        &headline(&standing.run),
        columns.saturating_sub(2),
    )];
    let mut tasks: Vec<&TaskSummary> = standing.tasks.iter().collect();
    let room = rows.saturating_sub(2).max(1);
    let hidden = tasks.len().saturating_sub(room);
    if hidden > 0 {
        // Stable, so that the author's order holds within each rank.
        tasks.sort_by_key(|task| rank(&task.counts));
        tasks.truncate(room);
    }
    let width = tasks
        .iter()
        .map(|task| task.task.chars().count())
        .max()
        .unwrap_or(0);
    for task in tasks {
        let mut line = format!("{} {:<width$}  ", mark(&task.counts, spinner), task.task);
        if task.mapped && task.instances > 0 {
            let (over, _) = tally::progress(&task.counts);
            write!(
                line,
                "{} {over}/{}  ",
                bar(over, task.instances),
                task.instances
            )
            .expect("a String takes every text");
        }
        line.push_str(&tally::phrase(&task.counts));
        lines.push(text::line(&line, columns.saturating_sub(2)));
    }
    if hidden > 0 {
        lines.push(format!("  and {}", text::counted(hidden, "more task")));
    }
    lines.join("\n")
}

/// What needs looking at comes first.
fn rank(counts: &Counts) -> u8 {
    if counts.failed + counts.up_for_retry > 0 {
        0
    } else if counts.running + counts.queued + counts.ready + counts.expanding + counts.deferred > 0
    {
        1
    } else if counts.waiting > 0 {
        2
    } else {
        3
    }
}

fn mark<'a>(counts: &Counts, spinner: &'a str) -> &'a str {
    if counts.running + counts.queued + counts.ready + counts.expanding > 0 {
        spinner
    } else if counts.failed > 0 {
        "✗"
    } else if counts.up_for_retry > 0 {
        "↻"
    } else if counts.deferred > 0 {
        "◔"
    } else if counts.waiting > 0 {
        "·"
    } else if counts.success > 0 {
        "✓"
    } else {
        "–"
    }
}

fn bar(over: u64, all: u64) -> String {
    let filled = usize::try_from(over.saturating_mul(BAR_CHARS as u64) / all.max(1))
        .map_or(BAR_CHARS, |filled| filled.min(BAR_CHARS));
    format!("{}{}", "━".repeat(filled), "─".repeat(BAR_CHARS - filled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_api::{Interval, Run, RunKind, RunState, Time};

    fn run() -> Run {
        let at: Time = "2026-11-21T06:00:00Z".parse().unwrap();
        Run {
            id: "0000000000001".into(),
            dag: "quakes".into(),
            version: 1,
            kind: RunKind::Manual,
            state: RunState::Running,
            logical_date: at,
            data_interval: Interval { start: at, end: at },
            params: serde_json::Map::new(),
            not_before: at,
            created: at,
            created_by: None,
            started: Some(at),
            ended: Some(at),
            counts: Counts::default(),
            trace: None,
            trace_url: None,
            deadline: None,
            held: None,
            note: None,
            called_by: None,
            concurrency_key: None,
            waits_for: None,
        }
    }

    fn task(name: &str, mapped: bool, counts: Counts) -> TaskSummary {
        let (_, instances) = tally::progress(&counts);
        TaskSummary {
            task: name.into(),
            mapped,
            instances,
            counts,
        }
    }

    #[test]
    fn a_frame_fits_and_shows_what_needs_looking_at() {
        let done = |name: &str| {
            task(
                name,
                false,
                Counts {
                    success: 1,
                    ..Counts::default()
                },
            )
        };
        let mut tasks: Vec<TaskSummary> = (0..10)
            .map(|number| done(&format!("done{number}")))
            .collect();
        tasks.push(task(
            "bad",
            false,
            Counts {
                failed: 1,
                ..Counts::default()
            },
        ));
        tasks.push(task(
            "many",
            true,
            Counts {
                success: 5,
                running: 5,
                ..Counts::default()
            },
        ));
        let standing = Standing { run: run(), tasks };
        let text = frame(&standing, "*", 6, 60);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert!(lines.iter().all(|line| line.chars().count() < 60), "{text}");
        assert!(lines[1].starts_with("✗ bad"), "{text}");
        assert!(
            lines[2].starts_with("* many") && lines[2].contains("━━━━━━━━━━━━────────────"),
            "{text}"
        );
        assert!(lines[5].contains("8 more tasks"), "{text}");
    }
}
