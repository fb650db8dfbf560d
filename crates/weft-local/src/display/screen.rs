//! The last lines of a terminal, redrawn in place: what `wfctl run` and
//! `wfctl runs watch` draw their frames on.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Draws a second that reach the terminal at most; the others are dropped.
const MAX_DRAWS_PER_SECOND: u8 = 24;
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// A frame at the end of the output that each drawing replaces. Indicatif keeps the cursor
/// and the scrolling right.
#[derive(Debug)]
pub struct LiveScreen {
    bar: ProgressBar,
    spin: usize,
}

impl Default for LiveScreen {
    fn default() -> Self {
        Self::new()
    }
}

impl LiveScreen {
    /// An empty screen on standard output.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(
            None,
            ProgressDrawTarget::stdout_with_hz(MAX_DRAWS_PER_SECOND),
        );
        bar.set_style(ProgressStyle::with_template("{msg}").expect("a template of one field"));
        Self { bar, spin: 0 }
    }

    /// Replaces the frame by that of these rows, columns and sign of progress.
    pub fn draw(&mut self, frame: impl FnOnce(usize, usize, &str) -> String) {
        self.spin = (self.spin + 1) % SPINNER.len();
        let (rows, columns) = size();
        self.bar
            .set_message(styled(&frame(rows, columns, SPINNER[self.spin])));
    }

    /// Prints lines that scroll away above the frame.
    pub fn print_above(&self, text: &str) {
        self.bar.println(styled(text));
    }

    /// Removes the frame while `print` writes, and draws it again.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Removes the frame for good.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Rows and columns of the terminal.
pub fn size() -> (usize, usize) {
    let (rows, columns) = console::Term::stdout().size();
    (usize::from(rows), usize::from(columns))
}

/// Without styles if the user wants none; indicatif writes past `anstream`.
fn styled(text: &str) -> String {
    match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        anstream::ColorChoice::Auto
        | anstream::ColorChoice::AlwaysAnsi
        | anstream::ColorChoice::Always => text.to_owned(),
    }
}
