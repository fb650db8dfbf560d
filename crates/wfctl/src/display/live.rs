//! The live tree of a run on a terminal.
//!
//! A frame is a pure function of a [`View`] and the terminal's size: every
//! task on a line while all of them fit, else what runs and what failed, and
//! counts for the rest. A mapped task is one line with a bar, whatever the
//! number of its instances. Guests' lines scroll by above the tree, at most
//! [`MAX_LINES_A_DRAW`] for each drawing; all of them are in the log.

use super::{
    AttemptEnd, DRAWS_PER_SECOND, Display, Ended, Facts, Notice,
    ending::{self, ACTIVE, BAD, BOLD, FAINT, ODD, sign},
    phrase,
    plain::level_word,
};
use crate::runner::{clock::Micros, history::State};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Write,
    sync::Arc,
    time::Instant,
};
use weft_core::{document::TaskIndex, run::Instance};
use weft_sandbox::GuestEvent;

/// Guests' lines that scroll by for each drawing; more are counted.
const MAX_LINES_A_DRAW: usize = 30;
/// Lines of an ended task that stay in view while there is room.
const MAX_RECENT: usize = 8;
/// The most characters of a guest's line.
const MAX_LINE_CHARS: usize = 400;
/// The last frame stays where it was drawn, so it may be as long as it likes up to a point.
const MAX_LAST_FRAME_ROWS: usize = 60;
const BAR_CHARS: usize = 24;
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Draws with indicatif, which keeps the cursor and the scrolling right.
pub(super) struct LiveTree {
    view: View,
    bar: ProgressBar,
    /// Lines that wait for the next drawing.
    lines: Vec<String>,
    /// Lines that did not fit into this drawing.
    unseen: usize,
    spin: usize,
}

/// What a frame shows.
struct View {
    facts: Arc<Facts>,
    tasks: Vec<TaskView>,
    began: Instant,
    running: BTreeSet<u32>,
    failed: BTreeSet<u32>,
    recent: VecDeque<u32>,
    /// Tasks that are over.
    over: usize,
    cancelling: bool,
    id_width: usize,
    /// The tasks of this run.
    count: usize,
}

#[derive(Clone)]
struct TaskView {
    state: State,
    instances: u32,
    over: u32,
    running: u32,
    failed: u32,
    progress: Option<(f64, String)>,
    began: Option<Micros>,
    took: Option<std::time::Duration>,
    note: String,
}

impl TaskView {
    const NEW: Self = Self {
        state: State::Waiting,
        instances: 1,
        over: 0,
        running: 0,
        failed: 0,
        progress: None,
        began: None,
        took: None,
        note: String::new(),
    };
}

impl LiveTree {
    pub(super) fn new(facts: Arc<Facts>) -> Self {
        let bar = ProgressBar::with_draw_target(
            None,
            ProgressDrawTarget::stdout_with_hz(u8::try_from(DRAWS_PER_SECOND * 2).unwrap_or(20)),
        );
        bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is valid"));
        Self {
            view: View::new(facts),
            bar,
            lines: Vec::new(),
            unseen: 0,
            spin: 0,
        }
    }

    fn scroll(&mut self, line: String) {
        if self.lines.len() < MAX_LINES_A_DRAW {
            self.lines.push(line);
        } else {
            self.unseen += 1;
        }
    }

    fn flush_lines(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        if self.unseen > 0 {
            self.lines.push(format!(
                "  {FAINT}... {} not shown; all of them are in the log{FAINT:#}",
                phrase::counted(self.unseen, "line")
            ));
        }
        let text = colours(&self.lines.join("\n"));
        self.bar.println(text);
        self.lines.clear();
        self.unseen = 0;
    }
}

/// Without colours where the user wants none; this goes to the terminal past `anstream`.
fn colours(text: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        anstream::ColorChoice::Auto
        | anstream::ColorChoice::AlwaysAnsi
        | anstream::ColorChoice::Always => text.to_owned(),
    }
}

impl Display for LiveTree {
    fn notice(&mut self, notice: &Notice<'_>) {
        match notice {
            Notice::Guest { attempt, event } => {
                let label = self.view.facts.label(attempt.instance);
                match event {
                    GuestEvent::Log { stream, message, fields, .. } => {
                        let fields = phrase::fields(fields);
                        let text = phrase::line(&format!("{message}{fields}"), MAX_LINE_CHARS);
                        self.scroll(format!("  {FAINT}{label} |{FAINT:#} {}{text}", level_word(*stream)));
                    }
                    GuestEvent::Progress { .. } => self.view.notice(notice),
                    GuestEvent::LogTruncated { dropped_lines, .. } => self.scroll(format!(
                        "  {FAINT}{label} | {dropped_lines} more lines went beyond the limit on logs{FAINT:#}"
                    )),
                }
            }
            Notice::AttemptEnded {
                attempt,
                end:
                    AttemptEnd::Failed {
                        failure, retry_at, ..
                    },
                ..
            } => {
                let label = self.view.facts.label(attempt.instance);
                let (mark, style) = sign(if retry_at.is_some() {
                    State::UpForRetry
                } else {
                    State::Failed
                });
                let again = if retry_at.is_some() {
                    ", will be tried again"
                } else {
                    ""
                };
                self.scroll(format!(
                    "{style}{mark}{style:#} {label} failed{again} (attempt {}, {}): {}",
                    attempt.number,
                    failure.kind.code(),
                    phrase::line(&failure.message, MAX_LINE_CHARS)
                ));
                self.view.notice(notice);
            }
            Notice::RunStarted { .. }
            | Notice::Expanded { .. }
            | Notice::AttemptStarted { .. }
            | Notice::AttemptEnded { .. }
            | Notice::Settled { .. }
            | Notice::Cancelling { .. } => self.view.notice(notice),
        }
    }

    fn refresh(&mut self) {
        self.flush_lines();
        self.spin = (self.spin + 1) % SPINNER.len();
        let (rows, columns) = indicatif_size();
        self.bar
            .set_message(colours(&self.view.frame(rows, columns, SPINNER[self.spin])));
    }

    fn animated(&self) -> bool {
        true
    }

    fn end(&mut self, mut ended: Ended<'_>) {
        self.flush_lines();
        let (_, columns) = indicatif_size();
        let frame = self.view.frame(MAX_LAST_FRAME_ROWS, columns, "●");
        self.bar.finish_and_clear();
        anstream::println!("{frame}");
        anstream::print!("{}", ending::text(&self.view.facts, &mut ended));
    }

    fn ask(&mut self, question: &str) {
        self.flush_lines();
        let frame = self.view.frame(20, 100, "●");
        self.bar.suspend(|| {
            anstream::println!("{frame}");
            anstream::eprint!("{question}");
        });
    }
}

/// Rows and columns of the terminal.
fn indicatif_size() -> (usize, usize) {
    let (rows, columns) = console::Term::stdout().size();
    (usize::from(rows), usize::from(columns))
}

impl View {
    fn new(facts: Arc<Facts>) -> Self {
        let id_width = facts
            .tasks
            .iter()
            .map(|task| task.id.chars().count())
            .max()
            .unwrap_or(0)
            .clamp(8, 32);
        Self {
            count: facts.count(),
            tasks: vec![TaskView::NEW; facts.tasks.len()],
            facts,
            began: Instant::now(),
            running: BTreeSet::new(),
            failed: BTreeSet::new(),
            recent: VecDeque::new(),
            over: 0,
            cancelling: false,
            id_width,
        }
    }

    fn notice(&mut self, notice: &Notice<'_>) {
        match notice {
            Notice::RunStarted { .. } => self.began = Instant::now(),
            Notice::Expanded {
                task, instances, ..
            } => self.tasks[task.as_usize()].instances = *instances,
            Notice::AttemptStarted { at, attempt } => {
                let index = attempt.instance.task.0;
                let task = &mut self.tasks[index as usize];
                task.running += 1;
                task.state = State::Running;
                task.began.get_or_insert(*at);
                task.note.clear();
                self.running.insert(index);
            }
            Notice::Guest { attempt, event } => {
                if let GuestEvent::Progress { fraction, message } = event {
                    self.tasks[attempt.instance.task.as_usize()].progress =
                        Some((*fraction, message.clone()));
                }
            }
            Notice::AttemptEnded {
                at, attempt, end, ..
            } => {
                let task = &mut self.tasks[attempt.instance.task.as_usize()];
                task.running = task.running.saturating_sub(1);
                task.progress = None;
                let (state, note) = match end {
                    AttemptEnd::Success => (Some(State::Success), String::new()),
                    AttemptEnd::Skipped { reason } => (
                        Some(State::Skipped),
                        phrase::line(reason.unwrap_or_default(), 80),
                    ),
                    AttemptEnd::Deferred { until } => {
                        task.state = State::Deferred;
                        (
                            None,
                            until.map_or_else(String::new, |until| format!("waits until {until}")),
                        )
                    }
                    AttemptEnd::Failed {
                        retry_at: Some(_), ..
                    } => {
                        task.state = State::UpForRetry;
                        (
                            None,
                            format!("tries again (attempt {} failed)", attempt.number),
                        )
                    }
                    AttemptEnd::Failed { failure, .. } => {
                        task.failed += 1;
                        (Some(State::Failed), phrase::line(&failure.message, 120))
                    }
                    AttemptEnd::Stopped => (Some(State::Cancelled), String::new()),
                };
                task.note = note;
                self.after(attempt.instance, *at, state);
            }
            Notice::Settled {
                at,
                instance,
                state,
            } => self.after(*instance, *at, Some(*state)),
            Notice::Cancelling { .. } => self.cancelling = true,
        }
    }

    /// An attempt or an instance is over.
    fn after(&mut self, instance: Instance, at: Micros, ended_as: Option<State>) {
        let index = instance.task.0;
        let mapped = self.facts.task(instance.task).mapped;
        let task = &mut self.tasks[index as usize];
        if task.running == 0 {
            self.running.remove(&index);
        } else {
            task.state = State::Running;
        }
        let Some(state) = ended_as else { return };
        task.over += 1;
        if state == State::Failed {
            self.failed.insert(index);
        }
        if task.over < task.instances.max(1) {
            return;
        }
        task.state = if task.failed > 0 {
            State::Failed
        } else if mapped && task.began.is_some() {
            State::Success
        } else {
            state
        };
        task.took = task.began.map(|began| at.since(began));
        self.over += 1;
        self.recent.push_front(index);
        self.recent.truncate(MAX_RECENT);
    }

    /// The tree within so many rows and columns.
    fn frame(&self, rows: usize, columns: usize, spinner: &str) -> String {
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
                    phrase::counted(left, "more task")
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
            phrase::number(self.over),
            phrase::counted(self.count, "task")
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
            format_args!(" · {}", phrase::duration(self.began.elapsed())),
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
                    phrase::number(task.over as usize),
                    phrase::number(task.instances as usize)
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
                format_args!(" {:.0} % {}", fraction * 100.0, phrase::line(message, 60)),
            );
        }
        if let Some(took) = task.took {
            write_all(&mut tail, format_args!("  {}", phrase::duration(took)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::TaskFacts;
    use serde_json::Map;
    use weft_core::{run::Attempt, time::Timestamp};
    use weft_sandbox::Usage;

    fn view(tasks: &[(&str, bool)]) -> View {
        View::new(Arc::new(Facts {
            run: "r".into(),
            dag: "quakes".into(),
            file: "dag.wasm".into(),
            digest: String::new(),
            folder: "/data/runs/r".into(),
            runs: "/data/runs".into(),
            artifacts: weft_sandbox::FolderArtifacts::new("/data/runs/r/artifacts"),
            params: Map::new(),
            logical_date: Timestamp(0),
            tasks: tasks
                .iter()
                .map(|(id, mapped)| TaskFacts {
                    id: (*id).into(),
                    mapped: *mapped,
                    included: true,
                    leaf: true,
                })
                .collect(),
        }))
    }

    fn attempt(task: u32, index: u32) -> Attempt {
        Attempt {
            instance: Instance {
                task: TaskIndex(task),
                index,
            },
            number: 1,
            nonce: 0,
        }
    }

    fn run(view: &mut View, task: u32, indexes: std::ops::Range<u32>) {
        for index in indexes {
            view.notice(&Notice::AttemptStarted {
                at: Micros(0),
                attempt: attempt(task, index),
            });
        }
    }

    fn succeed(view: &mut View, task: u32, indexes: std::ops::Range<u32>) {
        for index in indexes {
            view.notice(&Notice::AttemptEnded {
                at: Micros(1_500_000),
                started: Micros(0),
                attempt: attempt(task, index),
                end: AttemptEnd::Success,
                usage: &Usage::default(),
            });
        }
    }

    fn plain(frame: &str) -> String {
        let text = anstream::adapter::strip_str(frame).to_string();
        let mut lines: Vec<&str> = text.lines().collect();
        let head = lines[0]
            .rsplit_once(" · ")
            .map_or(lines[0], |(head, _elapsed)| head)
            .to_owned();
        lines[0] = &head;
        lines.join("\n")
    }

    #[test]
    fn every_task_has_a_line_while_all_fit() {
        let mut view = view(&[("extract", false), ("parse", true), ("report", false)]);
        run(&mut view, 0, 0..1);
        succeed(&mut view, 0, 0..1);
        view.notice(&Notice::Expanded {
            at: Micros(0),
            task: TaskIndex(1),
            instances: 1000,
        });
        run(&mut view, 1, 0..424);
        succeed(&mut view, 1, 0..421);
        insta::assert_snapshot!(plain(&view.frame(24, 80, "*")));
    }

    #[test]
    fn of_many_tasks_only_what_matters_is_shown() {
        let names: Vec<String> = (0..100_000).map(|number| format!("t{number}")).collect();
        let tasks: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), false)).collect();
        let mut view = view(&tasks);
        for task in 0..5_000 {
            run(&mut view, task, 0..1);
            succeed(&mut view, task, 0..1);
        }
        run(&mut view, 70_000, 0..1);
        let frame = plain(&view.frame(12, 80, "*"));
        assert!(frame.lines().count() <= 11, "{frame}");
        assert!(frame.contains("t70000"), "{frame}");
        insta::assert_snapshot!(frame);
    }
}
