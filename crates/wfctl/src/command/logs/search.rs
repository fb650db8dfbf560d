//! `wfctl logs --search`: the lines of one attempt that match, with their numbers.

use super::{LogsArgs, Printer};
use weft_api::{LogHit, LogPage, LogSearch, problem::Problems};
use weft_client::{Client, route};

/// Hits of one answer.
const HITS_AT_ONCE: u32 = 10_000;
/// Lines that are read at once, since hits are often close to each other.
const LINES_AT_ONCE: u64 = 2_000;

/// Prints the lines that match. The server searches; only pages with hits are read.
pub(super) async fn run(
    client: &Client,
    args: &LogsArgs,
    search: &str,
    values: &[&str],
    printer: &mut Printer,
) -> Result<(), Problems> {
    let (mut attempt, mut from) = (args.attempt, 0);
    loop {
        let found: LogSearch = client
            .request(&route::SEARCH_LOG, values)
            .query("q", search)
            .query("regex", args.regex)
            .query("limit", HITS_AT_ONCE)
            .query("from_line", from)
            .query_some("attempt", attempt)
            .fetch()
            .await?;
        attempt = Some(found.attempt);
        let mut hits = &*found.hits;
        while let [first, ..] = hits {
            let page: LogPage = client
                .request(&route::LOG, values)
                .query("from_line", first.line)
                .query("lines", span(hits))
                .query_some("attempt", attempt)
                .fetch()
                .await?;
            hits = printer.hits(&page, hits)?;
        }
        if !found.complete {
            anstream::eprintln!("Not every line was searched: some are lost, or it took too long.");
        }
        match found.hits.last() {
            Some(last) if (found.hits.len() as u64) < found.total => from = last.line + 1,
            Some(_) | None => return Ok(()),
        }
    }
}

/// How many lines reach from the first hit to the last one that is close to it.
fn span(hits: &[LogHit]) -> u64 {
    let first = hits.first().map_or(0, |hit| hit.line);
    let close = hits.iter().map(|hit| hit.line - first + 1);
    close
        .take_while(|span| *span <= LINES_AT_ONCE)
        .last()
        .unwrap_or(1)
}

impl Printer {
    /// Prints the hits that are on the page; returns those after it.
    fn hits<'h>(&mut self, page: &LogPage, hits: &'h [LogHit]) -> Result<&'h [LogHit], Problems> {
        let end = page.first + page.lines.len() as u64;
        let mut left = hits;
        while let [hit, rest @ ..] = left
            && hit.line < end
        {
            let at = usize::try_from(hit.line.saturating_sub(page.first));
            if let Some(line) = at.ok().and_then(|at| page.lines.get(at)) {
                self.number = Some(hit.line + 1);
                self.lines(std::slice::from_ref(line))?;
            }
            left = rest;
        }
        // A line that is lost meanwhile must not be requested for ever.
        Ok(if left.len() == hits.len() {
            &hits[1..]
        } else {
            left
        })
    }
}
