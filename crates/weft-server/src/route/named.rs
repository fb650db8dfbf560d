//! DAGs and runs whose document names a tag or an owner.
//!
//! The database does not look into documents: rows are read in the order of their list and the others
//! are left out. One answer reads a bounded number of rows, so it may
//! hold fewer items than a page and still have a next one.

use super::dags::active_document;
use crate::{app::App, problem::Problem};
use serde::Serialize;
use std::sync::Arc;
use weft_core::{document::Dag, id::DagId, run_id::RunId};
use weft_store::Unreadable;
use weft_store_sql::{DagFilter, DagRow, RunCursor, RunFilter, RunRow};

/// How many rows are read at once.
const PORTION: u32 = 500;
/// How many portions one answer reads.
const MAX_PORTIONS: usize = 4;

/// What a document has to name.
#[derive(Debug, Default, Serialize)]
pub(super) struct Named {
    pub(super) tag: Option<String>,
    pub(super) owner: Option<String>,
}

impl Named {
    /// Whether there is anything that it has to name.
    pub(super) const fn is_given(&self) -> bool {
        self.tag.is_some() || self.owner.is_some()
    }

    fn are_in(&self, dag: Option<&Dag>) -> bool {
        let has = |wanted: &Option<String>, names: &[String]| {
            wanted.as_ref().is_none_or(|name| names.contains(name))
        };
        dag.is_some_and(|dag| has(&self.tag, &dag.tags) && has(&self.owner, &dag.owners))
    }
}

/// A DAG with the document of its active version.
pub(super) type DagOf = (DagRow, Option<Arc<Dag>>);
/// A run, or why it can't be read.
pub(super) type ReadRun = Result<RunRow, Unreadable<RunId>>;

/// At most `size` DAGs that name it, and the last one that was looked at unless there are no more.
pub(super) async fn dags(
    app: &App,
    mut filter: DagFilter,
    named: &Named,
    size: u32,
) -> Result<(Vec<DagOf>, Option<DagId>), Problem> {
    let mut found = Vec::new();
    for _portion in 0..MAX_PORTIONS {
        let rows = app.database().list_dags(&filter, PORTION).await?;
        let is_last = rows.len() < PORTION as usize;
        for row in rows {
            filter.after = Some(row.id.clone());
            let document = active_document(app, &row).await?;
            if named.are_in(document.as_deref()) {
                found.push((row, document));
            }
            if found.len() == size as usize {
                return Ok((found, filter.after));
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, filter.after))
}

/// At most `size` runs whose version names it, newest first, and the last one that was looked at
/// unless there are no more.
pub(super) async fn runs(
    app: &App,
    mut filter: RunFilter,
    named: &Named,
    size: u32,
) -> Result<(Vec<ReadRun>, Option<RunId>), Problem> {
    let mut found: Vec<ReadRun> = Vec::new();
    let mut last = None;
    for _portion in 0..MAX_PORTIONS {
        let rows = app.database().list_runs(&filter, PORTION).await?;
        let is_last = rows.len() < PORTION as usize;
        for row in rows {
            let id = row.as_ref().map_or_else(|row| row.key, |row| row.id);
            filter.from = RunCursor::Before(id);
            last = Some(id);
            let is_found = match &row {
                Err(_unreadable) => true,
                Ok(row) => {
                    let document = app.documents().of(app.database(), row.version).await?;
                    named.are_in(Some(&*document))
                }
            };
            if is_found {
                found.push(row);
            }
            if found.len() == size as usize {
                return Ok((found, last));
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, last))
}
