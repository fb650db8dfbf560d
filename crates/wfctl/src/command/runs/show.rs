//! A run for people.

use crate::{
    local_time::Zone,
    table::{self, tally},
};
use weft_api::{Run, TaskSummary};

/// What it is and how its tasks stand.
pub(super) fn text(run: &Run, tasks: &[TaskSummary], zone: &Zone) -> String {
    let mut pairs = vec![
        ("run", run.id.clone()),
        ("dag", format!("{} (version {})", run.dag, run.version)),
        ("state", table::run_state(run.state).to_owned()),
    ];
    if let Some(why) = &run.held {
        let end = format!("to end it: wfctl runs fail {} --force", run.id);
        pairs.push(("held aside", format!("it can't be continued: {why}; {end}")));
    }
    pairs.extend([
        ("kind", table::run_kind(run.kind).to_owned()),
        ("logical date", zone.shown(run.logical_date)),
    ]);
    if run.data_interval.start != run.data_interval.end {
        let (start, end) = (
            zone.shown(run.data_interval.start),
            zone.shown(run.data_interval.end),
        );
        pairs.push(("data interval", format!("{start} - {end}")));
    }
    if !run.params.is_empty() {
        let params: Vec<String> = run
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.push(("parameters", params.join(" ")));
    }
    if run.started.is_none() {
        pairs.push(("not before", zone.shown(run.not_before)));
    }
    let key = run.concurrency_key.clone();
    pairs.extend(key.map(|key| ("concurrency key", key)));
    let waits_for = run.waits_for.clone();
    pairs.extend(waits_for.map(|why| ("waits for its turn", why)));
    pairs.push(("created", zone.shown(run.created)));
    pairs.extend(run.created_by.clone().map(|by| ("created by", by)));
    pairs.extend(run.called_by.clone().map(|run| ("called by", run)));
    pairs.extend(run.started.map(|at| ("started", zone.shown(at))));
    pairs.extend(run.ended.map(|at| ("ended", zone.shown(at))));
    pairs.extend(
        run.started
            .map(|_at| ("took", table::took(run.started, run.ended))),
    );
    let note = run.note.as_ref();
    pairs.extend(note.map(|note| ("note", crate::command::note::shown(note, zone))));
    pairs.push(("instances", tally::phrase(&run.counts)));
    let mut text = table::fields(&pairs);
    if !tasks.is_empty() {
        text.push('\n');
        text.push_str(&table::drawn(tasks, zone, None));
    }
    text
}
