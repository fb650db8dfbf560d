//! The live tree of a run on a terminal.
//!
//! What is known of the tasks is a [`View`]; a frame is a pure function of it
//! and of the terminal's size. Guests' lines scroll by above the tree, at most
//! [`MAX_LINES_A_DRAW`] for each drawing; all of them are in the log.

mod frame;
mod view;

use super::{
    AttemptEnd, Display, Ended, Facts, Notice,
    ending::{self, FAINT, sign},
    plain::level_word,
    screen::{self, LiveScreen},
};
use crate::history::State;
use std::sync::Arc;
use view::View;
use weft_api::text;
use weft_sandbox::GuestEvent;

/// Guests' lines that scroll by for each drawing; more are counted.
const MAX_LINES_A_DRAW: usize = 30;
/// The most characters of a guest's line.
const MAX_LINE_CHARS: usize = 400;
/// The last frame stays where it was drawn, so it may be as long as it likes up to a point.
const MAX_LAST_FRAME_ROWS: usize = 60;

/// A tree of tasks on a [`LiveScreen`].
pub(super) struct LiveTree {
    view: View,
    screen: LiveScreen,
    /// Lines that wait for the next drawing.
    lines: Vec<String>,
    /// Lines that did not fit into this drawing.
    unseen: usize,
}

impl LiveTree {
    pub(super) fn new(facts: Arc<Facts>) -> Self {
        Self {
            view: View::new(facts),
            screen: LiveScreen::new(),
            lines: Vec::new(),
            unseen: 0,
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
                text::counted(self.unseen, "line")
            ));
        }
        self.screen.print_above(&self.lines.join("\n"));
        self.lines.clear();
        self.unseen = 0;
    }
}

impl Display for LiveTree {
    fn notice(&mut self, notice: &Notice<'_>) {
        match notice {
            Notice::Guest { attempt, event } => {
                let label = self.view.facts.label(attempt.instance);
                match event {
                    GuestEvent::Log { stream, message, fields, .. } => {
                        let fields = text::fields(fields);
                        let text = text::line(&format!("{message}{fields}"), MAX_LINE_CHARS);
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
                    text::line(&failure.message, MAX_LINE_CHARS)
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
        let view = &self.view;
        self.screen
            .draw(|rows, columns, spinner| view.frame(rows, columns, spinner));
    }

    fn animated(&self) -> bool {
        true
    }

    fn end(&mut self, mut ended: Ended<'_>) {
        self.flush_lines();
        let (_, columns) = screen::size();
        let frame = self.view.frame(MAX_LAST_FRAME_ROWS, columns, "●");
        self.screen.clear();
        anstream::println!("{frame}");
        anstream::print!("{}", ending::text(&self.view.facts, &mut ended));
    }

    fn ask(&mut self, question: &str) {
        self.flush_lines();
        let frame = self.view.frame(20, 100, "●");
        self.screen.suspend(|| {
            anstream::println!("{frame}");
            anstream::eprint!("{question}");
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Micros, display::TaskFacts};
    use serde_json::Map;
    use weft_core::{
        document::TaskIndex,
        run::{Attempt, Instance},
        time::Timestamp,
    };
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
