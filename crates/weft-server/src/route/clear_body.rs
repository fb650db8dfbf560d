//! What the body of a clear selects, and the other runs that it is for.

use super::many_runs::{Bulk, PAGE_RUNS, Wanted, required_key};
use crate::{
    app::App,
    caller::Caller,
    cursor::List,
    problem::{Code, Problem},
};
use weft_api::{BulkPage, Clear, ClearPreview};
use weft_core::{
    run::{Indexes, Rejection, Selection},
    run_id::RunId,
    time::Timestamp,
};
use weft_store_sql::{OtherDates, RunRow};

/// The selection of a body, each task once.
pub(super) fn selection(body: &Clear) -> Result<Selection<String>, Problem> {
    let invalid = |detail: &str| Problem::new(Code::InvalidValue, detail);
    if body.tasks.is_empty() && !body.only_failed {
        return Err(invalid(
            "at least one task must be named; without tasks, only_failed clears what failed of the whole run",
        ));
    }
    let mut tasks: Vec<String> = Vec::with_capacity(body.tasks.len());
    for task in &body.tasks {
        if !tasks.contains(task) {
            tasks.push(task.clone());
        }
    }
    let indexes = body.indexes.as_deref().map(str::parse::<Indexes>);
    let indexes = indexes.transpose();
    let indexes = indexes.map_err(|error| invalid(&format!("indexes: {error}")))?;
    if indexes.is_some() && tasks.len() != 1 {
        return Err(invalid(
            "indexes: name the one mapped task that they are of",
        ));
    }
    if indexes.is_some() && body.upstream {
        return Err(invalid(
            "indexes: with upstream the mapped task starts over as a whole, since its list may change; leave out one of \
             the two",
        ));
    }
    Ok(Selection {
        tasks,
        indexes,
        upstream: body.upstream,
        downstream: body.downstream,
        only_failed: body.only_failed,
    })
}

/// The preview of a selection that clears nothing of a run. With other runs it may clear something
/// of those.
pub(super) fn refused(
    row: &RunRow,
    body: &Clear,
    rejection: Rejection,
) -> Result<ClearPreview, Problem> {
    match rejection {
        Rejection::NothingSelected => Ok(ClearPreview {
            tasks: Vec::new(),
            instances: Vec::new(),
            total: 0,
            others: None,
        }),
        Rejection::Unknown => Err(Problem::new(
            Code::InvalidValue,
            format!(
                "indexes: the task {} has no instance {} in the run {}",
                body.tasks.join(", "),
                body.indexes.as_deref().unwrap_or_default(),
                row.id
            ),
        )),
        other @ (Rejection::Duplicate
        | Rejection::Stale
        | Rejection::WrongState
        | Rejection::RunEnded) => Err(Problem::new(Code::InvalidValue, other.to_string())),
    }
}

/// The DAG's other runs that a clear is for.
pub(super) struct Others {
    dates: Option<OtherDates>,
    cursor: Option<String>,
    key: Option<String>,
}

impl Others {
    pub(super) fn of(body: &Clear, key: Option<&str>) -> Result<Self, Problem> {
        let dates = match (body.past, body.future) {
            (false, false) => None,
            (true, false) => Some(OtherDates::Earlier),
            (false, true) => Some(OtherDates::Later),
            (true, true) => Some(OtherDates::All),
        };
        if dates.is_none() && body.cursor.is_some() {
            return Err(Problem::new(
                Code::InvalidValue,
                "cursor: a clear of one run has no pages; with past or future it has",
            ));
        }
        let key = match dates {
            Some(_) => required_key(key.map(str::to_owned), body.dry_run)?,
            None => None,
        };
        Ok(Self {
            dates,
            cursor: body.cursor.clone(),
            key,
        })
    }

    /// Acts on a page of them; nothing where the clear is for one run.
    pub(super) async fn act(
        self,
        app: &App,
        by: &Caller,
        row: &RunRow,
        selection: Selection<String>,
    ) -> Result<Option<BulkPage>, Problem> {
        let Some(dates) = self.dates else {
            return Ok(None);
        };
        let list = List::new("clear", &(&by.tenant, row.id, dates, &selection));
        let after: Option<(i64, i64)> = list.key(self.cursor.as_deref())?;
        let after = after.and_then(|(date, run)| Some((Timestamp(date), RunId::from_i64(run)?)));
        let mut rows = app
            .database()
            .list_runs_beside(row, dates, after, PAGE_RUNS + 1)
            .await?;
        let is_last = rows.len() <= PAGE_RUNS as usize;
        rows.truncate(PAGE_RUNS as usize);
        let bulk = Bulk {
            app,
            by,
            wanted: &Wanted::Clear(selection),
            key: self.key.as_deref(),
        };
        let mut page = bulk.act_on(&rows).await?;
        let last = rows.iter().rev().find_map(|read| read.as_ref().ok());
        page.next = last
            .filter(|_| !is_last)
            .map(|run| list.after(&(run.logical_date.0, run.id.as_i64())));
        Ok(Some(page))
    }
}
