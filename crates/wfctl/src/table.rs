//! Lists and single things on standard output: tables for people, JSON and
//! YAML for programs, which get exactly the API's bodies.
//!
//! A table fits the terminal, and in a pipe each item is one whole line. No
//! text of a guest or of another user steers the terminal.

mod asset_rows;
mod notification_rows;
mod rows;
pub(crate) mod tally;

pub(crate) use rows::{role, run_kind, run_state, short_digest, took};

use crate::local_time::Zone;
use anstyle::Style;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};
use weft_api::{
    UnreadableItem,
    problem::{Code, Problem},
    text,
};
use weft_client::page::Listed;

const BOLD: Style = Style::new().bold();
/// The most characters of a cell.
const MAX_CELL_CHARS: usize = 400;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// The API's bodies as JSON.
    Json,
    /// The API's bodies as YAML.
    Yaml,
}

/// What every listing takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// How many at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

impl ListArgs {
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }
}

/// How something is printed.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct FormatArgs {
    /// table, with times in your zone; json or yaml: the API's own bodies
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// What can stand in a table.
pub(crate) trait Row: Serialize {
    /// The heads of the columns.
    const COLUMNS: &'static [&'static str];

    /// As many cells.
    fn cells(&self, zone: &Zone) -> Vec<String>;
}

/// Prints a list; standard error says which items can't be read, and if there are more.
pub(crate) fn list<T: Row>(args: &ListArgs, listed: &Listed<T>) -> Result<(), Problem> {
    all(args.format.output, &listed.items)?;
    for UnreadableItem { id, why } in &listed.unreadable {
        let (id, why) = (cell(id), cell(why));
        anstream::eprintln!("{id} is not shown, since it can't be read: {why}");
    }
    if listed.more && args.format.output == Format::Table {
        anstream::eprintln!(
            "There are more: --limit {} shows twice as many.",
            args.limit.saturating_mul(2)
        );
    }
    Ok(())
}

/// Prints every item.
pub(crate) fn all<T: Row>(format: Format, items: &[T]) -> Result<(), Problem> {
    match format {
        Format::Table => write(&drawn(items, &Zone::local(), width())),
        Format::Json | Format::Yaml => value(format, &items),
    }
}

/// Prints one thing: `text` for people, else the API's body.
pub(crate) fn one(
    format: Format,
    body: &impl Serialize,
    text: impl FnOnce(&Zone) -> String,
) -> Result<(), Problem> {
    match format {
        Format::Table => write(&text(&Zone::local())),
        Format::Json | Format::Yaml => value(format, body),
    }
}

/// Fields, one a line, aligned.
pub(crate) fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in pairs {
        writeln!(text, "{BOLD}{name:<width$}{BOLD:#}  {}", cell(value))
            .expect("a String takes every text");
    }
    text
}

/// The items as a table of at most this width.
pub(crate) fn drawn<T: Row>(items: &[T], zone: &Zone, width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match width {
        Some(width) => table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table.set_header(T::COLUMNS);
    for item in items {
        table.add_row(item.cells(zone).iter().map(|text| cell(text)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for (number, line) in table.lines().enumerate() {
        let line = line.trim_end();
        if number == 0 {
            writeln!(text, "{BOLD}{line}{BOLD:#}").expect("a String takes every text");
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn cell(text: &str) -> String {
    text::line(text, MAX_CELL_CHARS)
}

pub(crate) fn width() -> Option<u16> {
    io::stdout()
        .is_terminal()
        .then(|| console::Term::stdout().size().1)
}

fn value(format: Format, body: &impl Serialize) -> Result<(), Problem> {
    let fault =
        |error: String| Problem::new(Code::Internal, format!("can't write the answer: {error}"));
    let mut text = match format {
        Format::Yaml => serde_saphyr::to_string(body).map_err(|error| fault(error.to_string()))?,
        Format::Table | Format::Json => {
            serde_json::to_string_pretty(body).map_err(|error| fault(error.to_string()))?
        }
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    write(&text)
}

/// Whether runs of a DAG start and go on.
pub(crate) const fn dag_state(dag: &weft_api::Dag) -> &'static str {
    match (dag.paused, dag.held) {
        (true, true) => "held",
        (true, false) => "paused",
        (false, _) => "active",
    }
}

/// Writes to standard output. A reader that went away wants no more, and that is no fault.
pub(crate) fn write(text: &str) -> Result<(), Problem> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Problem::new(
            Code::DataUnavailable,
            format!("can't write to standard output: {error}"),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Thing(&'static str, u32);

    impl Row for Thing {
        const COLUMNS: &'static [&'static str] = &["NAME", "COUNT"];

        fn cells(&self, _zone: &Zone) -> Vec<String> {
            vec![self.0.to_owned(), self.1.to_string()]
        }
    }

    fn plain(items: &[Thing], width: Option<u16>) -> String {
        anstream::adapter::strip_str(&drawn(items, &Zone::utc(), width)).to_string()
    }

    #[test]
    fn columns_stand_under_their_heads() {
        let things = [Thing("a", 1), Thing("a-long-one", 20)];
        assert_eq!(
            plain(&things, None),
            "NAME        COUNT\na           1\na-long-one  20\n"
        );
        assert_eq!(plain(&[], None), "NAME  COUNT\n");
    }

    #[test]
    fn nothing_steers_the_terminal_and_nothing_breaks_a_line() {
        let text = plain(&[Thing("a\u{1b}[2Jb\nc", 1)], None);
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_narrow_terminal_is_kept_to() {
        let text = plain(&[Thing("word word word word word word", 1)], Some(20));
        assert!(
            text.lines().all(|line| line.chars().count() <= 20),
            "{text}"
        );
    }
}
