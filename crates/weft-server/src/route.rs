//! The operations of the API, one file for each resource.
//!
//! Each handler's first argument names the permission that it takes; its path,
//! parameters and answers are described where it is written, so that the
//! document can't tell of another API than the one that answers.

mod approvals;
mod asset_backfills;
mod assets;
mod audit;
mod backfills;
mod bulk;
mod by_name;
mod clear_body;
mod clear_preview;
mod commands;
mod connections;
mod dags;
mod deployments;
mod events;
mod failures;
mod fleet;
mod grid;
pub(crate) mod health;
mod history;
pub(crate) mod hooks;
mod instances;
mod layout;
mod log_level;
mod log_search;
mod logs;
mod many_runs;
mod named;
mod named_events;
mod notes;
mod notifications;
pub(crate) mod outputs;
mod overview;
mod policy;
mod pools;
mod queued;
pub(crate) mod reference;
mod run_tree;
mod runs;
mod schedule;
mod secrets;
mod session;
mod tenants;
mod tokens;
mod variables;
mod versions;
mod webhooks;

use crate::{
    app::App,
    problem::{Code, Problem},
};
use utoipa_axum::router::OpenApiRouter;

/// The base of every path of the API.
pub(crate) const BASE: &str = "/api/v1";
/// The one operation with a time limit of its own.
pub(crate) const DEPLOYMENTS: &str = "/api/v1/deployments";

/// How many items a page has by default.
const DEFAULT_PAGE: u32 = 50;
/// The most items of a page.
const MAX_PAGE: u32 = 500;

/// Everything that takes a token, beneath [`BASE`].
pub(crate) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(deployments::routes())
        .merge(dags::routes())
        .merge(versions::routes())
        .merge(runs::routes())
        .merge(commands::routes())
        .merge(bulk::routes())
        .merge(named_events::routes())
        .merge(approvals::routes())
        .merge(asset_backfills::routes())
        .merge(assets::routes())
        .merge(run_tree::routes())
        .merge(instances::routes())
        .merge(notes::routes())
        .merge(outputs::routes())
        .merge(logs::routes())
        .merge(log_search::routes())
        .merge(backfills::routes())
        .merge(variables::routes())
        .merge(connections::routes())
        .merge(notifications::routes())
        .merge(webhooks::routes())
        .merge(pools::routes())
        .merge(policy::routes())
        .merge(tenants::routes())
        .merge(tokens::routes())
        .merge(audit::routes())
        .merge(events::routes())
        .merge(fleet::routes())
        .merge(grid::routes())
        .merge(history::routes())
        .merge(failures::routes())
        .merge(overview::routes())
        .merge(schedule::routes())
        .merge(layout::routes())
}

/// What takes no token from a header, beneath [`BASE`].
pub(crate) fn open_operations() -> OpenApiRouter<App> {
    session::routes()
}

/// How many items a page gets.
fn page_size(requested: Option<u32>) -> Result<u32, Problem> {
    match requested {
        None => Ok(DEFAULT_PAGE),
        Some(size) if (1..=MAX_PAGE).contains(&size) => Ok(size),
        Some(size) => Err(Problem::new(
            Code::InvalidValue,
            format!("a page has 1 to {MAX_PAGE} items, not {size}"),
        )),
    }
}

/// A page of what was read with one item more than it holds, to know whether there is another.
fn paged<R, T>(
    mut rows: Vec<R>,
    size: u32,
    cursor: impl FnOnce(&R) -> String,
    convert: impl FnMut(&R) -> Result<T, Problem>,
) -> Result<weft_api::Page<T>, Problem> {
    let next = cut(&mut rows, size, cursor);
    let items = rows.iter().map(convert).collect::<Result<_, _>>()?;
    Ok(weft_api::Page {
        items,
        next,
        unreadable: Vec::new(),
    })
}

/// Removes the item that a page doesn't hold, and returns the cursor of the next page.
fn cut<R>(rows: &mut Vec<R>, size: u32, cursor: impl FnOnce(&R) -> String) -> Option<String> {
    let size = size as usize;
    if rows.len() <= size {
        return None;
    }
    rows.truncate(size);
    rows.last().map(cursor)
}
