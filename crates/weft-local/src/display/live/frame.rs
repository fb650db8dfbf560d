//! One drawing of the tree: every task on a line while all of them fit, else
//! what runs and what failed, and counts for the rest. A mapped task is one
//! line with a bar, whatever the number of its instances.

use super::view::View;
use crate::{
    display::ending::{ACTIVE, BAD, BOLD, FAINT, ODD, sign},
    history::State,
};
use std::{collections::BTreeSet, fmt::Write};
use weft_api::text;
use weft_core::document::TaskIndex;

const BAR_CHARS: usize = 24;

impl View {
    /// The tree within so many rows and columns.
    pub(super) fn frame(&self, rows: usize, columns: usize, spinner: &str) -> String {
        let room = rows.saturating_sub(3).max(4);
        let shown = self.shown(room);
        let mut out = self.head(spinner);
        for (at, index) in shown.iter().enumerate() {
            let last = at + 1 == shown.len() && shown.len() == self.count;
            out.push('\n');
            out.push_str(&self.line(*index, if last { "└" } else { "├" }, columns, spinner));
        }
        let left = self.count - shown.len();
        if left > 0 {
            write_all(
                &mut out,
                format_args!(
                    "\n{FAINT}└ {} not shown{FAINT:#}",
                    text::counted(left, "more task")
                ),
            );
        }
        out
    }

    fn head(&self, spinner: &str) -> String {
        let done = self.over == self.count;
        let (mark, style) = match (done, self.cancelling, self.failed.is_empty()) {
            (true, true, _) => sign(State::Cancelled),
            (true, false, true) => sign(State::Success),
            (true, false, false) => sign(State::Failed),
            (false, _, _) => (spinner, ACTIVE),
        };
        let running: u32 = self
            .running
            .iter()
            .map(|index| self.tasks[*index as usize].running)
            .sum();
        let mut out = format!(
            "{style}{mark}{style:#} {BOLD}{}{BOLD:#}  {} of {}",
            self.facts.dag,
            text::number(self.over),
            text::counted(self.count, "task")
        );
        if running > 0 {
            write_all(&mut out, format_args!(" · {running} running"));
        }
        if !self.failed.is_empty() {
            write_all(
                &mut out,
                format_args!(" · {BAD}{} failed{BAD:#}", self.failed.len()),
            );
        }
        write_all(
            &mut out,
            format_args!(" · {}", text::duration(self.began.elapsed())),
        );
        if self.cancelling && !done {
            write_all(
                &mut out,
                format_args!(" · {ODD}cancelling; Ctrl-C again stops at once{ODD:#}"),
            );
        }
        out
    }

    /// The tasks that get a line, in the DAG's order.
    fn shown(&self, room: usize) -> Vec<u32> {
        let count = u32::try_from(self.tasks.len()).expect("a DAG's tasks are counted in u32");
        let included = |index: &u32| self.facts.tasks[*index as usize].included;
        if self.count <= room {
            return (0..count).filter(included).collect();
        }
        let room = room - 1;
        let mut shown: BTreeSet<u32> = self.failed.iter().copied().take(room / 3).collect();
        let candidates = self.running.iter().chain(&self.recent).copied().chain(
            (0..count)
                .filter(included)
                .filter(|index| self.tasks[*index as usize].state == State::Waiting)
                .take(room),
        );
        for index in candidates {
            if shown.len() >= room {
                break;
            }
            shown.insert(index);
        }
        shown.into_iter().collect()
    }

    fn line(&self, index: u32, branch: &str, columns: usize, spinner: &str) -> String {
        let task = &self.tasks[index as usize];
        let facts = self.facts.task(TaskIndex(index));
        let (mark, style) = match task.state {
            State::Running => (spinner, ACTIVE),
            other => sign(other),
        };
        let mut plain = format!(
            "{:<width$}",
            clipped(&facts.id, self.id_width),
            width = self.id_width
        );
        let mut bar = String::new();
        let mut tail = String::new();
        if facts.mapped && (task.instances > 1 || task.over > 0) {
            bar = drawn_bar(f64::from(task.over) / f64::from(task.instances.max(1)));
            write_all(
                &mut tail,
                format_args!(
                    " {}/{}",
                    text::number(task.over as usize),
                    text::number(task.instances as usize)
                ),
            );
            if task.running > 0 {
                write_all(&mut tail, format_args!(", {} running", task.running));
            }
            if task.failed > 0 {
                write_all(&mut tail, format_args!(", {} failed", task.failed));
            }
        } else if let Some((fraction, message)) = task
            .progress
            .as_ref()
            .filter(|_| task.state == State::Running)
        {
            bar = drawn_bar(*fraction);
            write_all(
                &mut tail,
                format_args!(" {:.0} % {}", fraction * 100.0, text::line(message, 60)),
            );
        }
        if let Some(took) = task.took {
            write_all(&mut tail, format_args!("  {}", text::duration(took)));
        } else if matches!(
            task.state,
            State::Skipped | State::UpstreamFailed | State::Cancelled | State::Deferred
        ) {
            write_all(
                &mut tail,
                format_args!("  {}", task.state.as_str().replace('_', " ")),
            );
        }
        if !task.note.is_empty() {
            write_all(&mut tail, format_args!("  {}", task.note));
        }
        let used = 4 + self.id_width + if bar.is_empty() { 0 } else { BAR_CHARS + 1 };
        let tail = clipped(&tail, columns.saturating_sub(used + 1));
        if !bar.is_empty() {
            bar.insert(0, ' ');
        }
        if task.state == State::Waiting {
            plain = format!("{FAINT}{plain}{FAINT:#}");
        }
        format!(
            "{FAINT}{branch}{FAINT:#} {style}{mark}{style:#} {plain}{bar}{FAINT}{tail}{FAINT:#}"
        )
    }
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of some 50 half cells"
)]
fn drawn_bar(fraction: f64) -> String {
    let halves = (fraction.clamp(0.0, 1.0) * (BAR_CHARS * 2) as f64).floor() as usize;
    let (full, half) = (halves / 2, halves % 2);
    let rest = BAR_CHARS - full - half;
    format!(
        "{ACTIVE}{}{}{ACTIVE:#}{FAINT}{}{FAINT:#}",
        "━".repeat(full),
        "╸".repeat(half),
        "─".repeat(rest)
    )
}

fn write_all(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes everything");
}
