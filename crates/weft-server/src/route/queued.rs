//! What a queued run waits for.

use super::dags::{self, active_document};
use crate::{app::App, problem::Problem};
use weft_core::{concurrency::Concurrency, run::RunState};
use weft_store_sql::RunRow;

/// In words, unless the run waits for its time or only for a scheduler.
pub(super) async fn waits_for(app: &App, run: &RunRow) -> Result<Option<String>, Problem> {
    let now = crate::clock::now();
    if run.state != RunState::Pending || run.not_before > now {
        return Ok(None);
    }
    let dag = dags::find(app, &run.tenant, &run.dag_id).await?;
    if dag.paused {
        return Ok(Some("its DAG is paused".into()));
    }
    // The bounds of the active version hold for runs of all versions.
    let Some(document) = active_document(app, &dag).await? else {
        return Ok(None);
    };
    let key = run.concurrency_key.as_deref();
    let (active, of_key) = app.database().active_runs_of_key(run.dag, key).await?;
    if let Some(most) = document.max_active_runs
        && active >= most
    {
        return Ok(Some(format!("active runs of the DAG: {active} of {most}")));
    }
    let Some(key) = key else {
        return Ok(None);
    };
    if let Some(most) = document.concurrency.max_per_key()
        && of_key >= most
    {
        return Ok(Some(format!(
            "active runs of the key {key}: {of_key} of {most}"
        )));
    }
    held_by_rate(app, run, &document.concurrency, key).await
}

async fn held_by_rate(
    app: &App,
    run: &RunRow,
    concurrency: &Concurrency,
    key: &str,
) -> Result<Option<String>, Problem> {
    let Some(rate) = concurrency.rate_limit else {
        return Ok(None);
    };
    let after = crate::clock::now().minus(rate.per);
    let (count, first) = app.database().starts_of_key(run.dag, key, after).await?;
    let Some(first) = first.filter(|_| count >= rate.runs) else {
        return Ok(None);
    };
    let (per, next) = (rate.per, first.plus(rate.per));
    let which = match key {
        "" => String::new(),
        key => format!(" of the key {key}"),
    };
    Ok(Some(format!(
        "starts{which} in the last {per}: {count} of {}; the next one at {next}",
        rate.runs
    )))
}
