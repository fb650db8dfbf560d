//! Draws problems: what, where with the line and a caret, and the fix.
//!
//! On a terminal in colours, in a pipe as plain text with the same content.
//! The line that is shown is cut to a window around the span, so that a
//! document of ten megabytes in one line still makes a short message.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};
use std::io::{IsTerminal, Write};
use weft_api::problem::{Location, Problem, Problems};

/// The most of a line that is shown, in bytes on each side of the span.
const WINDOW_BYTES: usize = 160;
/// The most problems that are drawn; the rest are counted.
const MAX_SHOWN: usize = 50;

/// Writes the problems to standard error.
pub(crate) fn report(problems: &Problems) {
    let styled = std::io::stderr().is_terminal();
    let mut out = anstream::stderr().lock();
    // Nothing is left to tell anybody when standard error itself is closed.
    drop(out.write_all(render(problems, styled).as_bytes()));
}

/// The text of a report; `styled` adds colours and box drawing.
pub(crate) fn render(problems: &Problems, styled: bool) -> String {
    let renderer = if styled {
        Renderer::styled().decor_style(DecorStyle::Unicode)
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    let total = problems.iter().count();
    for (number, problem) in problems.iter().take(MAX_SHOWN).enumerate() {
        if number > 0 {
            text.push('\n');
        }
        text.push_str(&one(problem, &renderer));
        text.push('\n');
    }
    if total > MAX_SHOWN {
        let more = total - MAX_SHOWN;
        text = format!(
            "{text}
... and {more} more
"
        );
    }
    text
}

fn one(problem: &Problem, renderer: &Renderer) -> String {
    let window = problem.location.as_deref().map(Window::around);
    let title = Level::ERROR
        .primary_title(problem.message.as_str())
        .id(problem.code.as_str());
    let mut group = match (&problem.location, &window) {
        (Some(place), Some(window)) => title.element(
            Snippet::source(window.text.as_str())
                .path(place.path.as_str())
                .line_start(window.line)
                .annotation(
                    AnnotationKind::Primary
                        .span(window.span.clone())
                        .label(place.label.as_str()),
                ),
        ),
        _ => Group::with_title(title),
    };
    for note in &problem.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// The part of a source that is shown.
struct Window {
    text: String,
    /// The number of the first line, from 1.
    line: usize,
    span: std::ops::Range<usize>,
}

impl Window {
    fn around(place: &Location) -> Self {
        let source = &*place.source;
        let start = floor(source, place.span.start.min(source.len()));
        let end = ceil(source, place.span.end.clamp(start, source.len()));
        // A span over several lines is shown by its first one: the caret has to be near the name.
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..]
            .find('\n')
            .map_or(source.len(), |at| start + at);
        let end = end.min(line_end).max(start);
        let from = floor(source, line_start.max(start.saturating_sub(WINDOW_BYTES)));
        let to = ceil(source, line_end.min(end.saturating_add(WINDOW_BYTES)));
        Self {
            text: source[from..to].to_owned(),
            line: source[..start].matches('\n').count() + 1,
            span: start - from..end - from,
        }
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_api::problem::Code;

    fn place(source: &str, span: std::ops::Range<usize>) -> Location {
        Location {
            path: "dag.toml".into(),
            source: source.into(),
            span,
            label: "here".into(),
        }
    }

    #[test]
    fn a_problem_shows_its_line_and_the_fix() {
        let source = "[dag]\nid = \"a\"\nshedule = \"@daily\"\n";
        let at = source.find("shedule").expect("the source has it");
        let problem = Problem::new(Code::InvalidDocument, "unknown field `shedule`")
            .at(place(source, at..at + 7))
            .help("did you mean `schedule`?");
        insta::assert_snapshot!(render(&problem.into(), false));
    }

    #[test]
    fn a_line_of_megabytes_is_cut() {
        let source = format!("{}BAD{}", "é".repeat(1_000_000), "x".repeat(1_000_000));
        let at = 2_000_000;
        let problem = Problem::new(Code::InvalidDocument, "bad").at(place(&source, at..at + 3));
        let text = render(&problem.into(), false);
        assert!(text.len() < 2_000, "{} bytes", text.len());
        assert!(text.contains("BAD"));
    }

    #[test]
    fn a_span_beyond_the_text_does_no_harm() {
        let text = render(
            &Problem::new(Code::InvalidDocument, "cut off")
                .at(place("ab", 5..9))
                .into(),
            false,
        );
        assert!(text.contains("cut off"));
    }
}
