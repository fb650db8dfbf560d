//! Checks what schedulers send to workers: only what is committed, with the code,
//! the inputs and the state of this run.

use super::{Auditor, state::Watched};
use crate::installation::tables::Tables;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use weft_broker::{AttemptKey, Dispatch};
use weft_core::{
    document::{Binding, TaskIndex},
    run::{Attempt, Instance, InstanceState},
    run_id::RunId,
    trigger_rule::TriggerRule,
};

impl Auditor {
    /// Checks an attempt that a scheduler publishes, and returns whether it is committed.
    pub fn published(&mut self, dispatch: &Dispatch, tables: &Tables) -> Result<bool, String> {
        let (id, attempt) = (dispatch.key.run, dispatch.key.attempt);
        if self.lost.dispatched.contains(&(id, attempt)) {
            return Ok(true);
        }
        let known = self.watch(id, tables);
        let is_committed = known.is_ok_and(|run| run.dispatched.contains(&attempt));
        if !is_committed && !is_sealed(dispatch) {
            return Err(format!(
                "{attempt:?} of run {id} was published, and is not committed"
            ));
        }
        let Some(run) = self.runs.get(&id) else {
            // The database lost the run, and its scheduler does not know yet.
            return Ok(false);
        };
        let pinned = tables
            .version_row(run.version)
            .map(|version| version.digest);
        if pinned != Some(dispatch.digest) {
            return Err(format!(
                "run {id} is pinned to {pinned:?}, and an attempt of it is to run {:?}",
                dispatch.digest
            ));
        }
        let task = &run.parsed.dag.tasks[attempt.instance.task.as_usize()];
        let account = &run.accounts[attempt.instance.task.as_usize()];
        let document = &dispatch.document;
        if document.task != task.id
            || document.number != attempt.number
            || document.run != id.to_string()
            || dispatch.queue != account.queue
            || dispatch.tenant != run.tenant
        {
            return Err(format!(
                "{attempt:?} of run {id} was published as {document:?}"
            ));
        }
        if is_committed && !run.is_live(&dispatch.key) {
            // It ended before it was published.
            return Ok(true);
        }
        if !is_committed && !self.lost.dispatched.is_empty() {
            // What it runs on may be lost, and its scheduler does not know yet.
            return Ok(false);
        }
        run.check_resumed(dispatch)?;
        run.check_woken(dispatch, tables, &mut self.woke)?;
        let names = document_inputs(task);
        for (name, value) in &dispatch.inputs {
            let source = names.iter().find(|(known, _)| known == name);
            let Some((_, source)) = source else {
                return Err(format!(
                    "{attempt:?} of run {id} got an input {name} of its own"
                ));
            };
            run.check_input(dispatch, name, value, *source, tables)?;
        }
        if dispatch.inputs.len() != names.len() {
            return Err(format!("{attempt:?} of run {id} got too few inputs"));
        }
        Ok(is_committed)
    }

    /// A scheduler lets a worker forget a report.
    pub fn confirmed(&self, key: &AttemptKey, tables: &Tables) -> Result<(), String> {
        let Some(run) = self.runs.get(&key.run) else {
            return Ok(());
        };
        if self.lost.ended.contains(&(key.run, key.attempt)) {
            return Ok(());
        }
        let ended = tables
            .run_row(key.run)
            .is_some_and(|row| row.state().is_ended());
        if run.is_live(key) && !ended && !run.broken {
            return Err(format!(
                "the report of {:?} of run {} was confirmed, and is not committed",
                key.attempt, key.run
            ));
        }
        Ok(())
    }
}

/// Whether nothing of an attempt can be seen outside.
fn is_sealed(dispatch: &Dispatch) -> bool {
    let granted = &dispatch.granted;
    granted.http.is_empty() && granted.variables.is_empty() && granted.connections.is_empty()
}

/// The inputs of a task with the upstream that each comes from.
fn document_inputs(task: &weft_core::document::Task) -> Vec<(String, TaskIndex)> {
    let lists = match task.mapped_group {
        None => task.expand.as_slice(),
        Some(_) => &[],
    };
    let bindings = task.inputs.iter().chain(lists);
    bindings
        .filter_map(|(name, binding)| {
            let source = match binding {
                Binding::Element { list, pointer: _ } => {
                    task.expand.get(*list as usize)?.1.upstream()
                }
                other => other.upstream(),
            };
            Some((name.clone(), source?))
        })
        .collect()
}

impl Watched {
    fn is_live(&self, key: &AttemptKey) -> bool {
        self.is_current(key.attempt)
    }

    /// Whether an attempt is queued or running.
    pub(super) fn is_current(&self, key: Attempt) -> bool {
        matches!(
            self.machine.instance(key.instance),
            Some(InstanceState::Queued { attempt } | InstanceState::Running { attempt })
                if attempt == key
        )
    }

    /// Notes what an attempt has to get at the least that doesn't wait for all upstreams.
    pub(super) fn note_early(&mut self, attempt: Attempt) {
        let task = attempt.instance.task;
        if self.parsed.plan.step(task).rule != TriggerRule::OneSuccess {
            return;
        }
        let inputs = document_inputs(&self.parsed.dag.tasks[task.as_usize()]);
        let had = inputs
            .into_iter()
            .map(|(_, source)| (source, self.succeeded(attempt, source)))
            .collect();
        self.had.insert(attempt, had);
    }

    /// How many outputs of a task were there for an attempt: in its mapped group, at most one.
    fn succeeded(&self, attempt: Attempt, source: TaskIndex) -> u64 {
        let Instance { task, index } = attempt.instance;
        if !self.parsed.dag.are_mapped_together(task, source) {
            return self.machine.counts(source).success;
        }
        let state = self.machine.instance(Instance {
            task: source,
            index,
        });
        u64::from(state == Some(InstanceState::Success))
    }

    fn check_resumed(&self, dispatch: &Dispatch) -> Result<(), String> {
        let left = self.resume.get(&dispatch.key.attempt.instance);
        let fits = match (left, &dispatch.resumed) {
            (None, None) => true,
            (None, Some(_)) => self.was_operated,
            (Some(_), None) => false,
            (Some(states), Some(resumed)) => states.contains(resumed),
        };
        if fits {
            return Ok(());
        }
        Err(format!(
            "{:?} of run {} resumes from {:?}, and its deferral left {left:?}",
            dispatch.key.attempt, dispatch.key.run, dispatch.resumed
        ))
    }

    /// Checks that an attempt receives what ended its wait, and that each event ended one.
    fn check_woken(
        &self,
        dispatch: &Dispatch,
        tables: &Tables,
        woke: &mut BTreeMap<i64, (RunId, Attempt)>,
    ) -> Result<(), String> {
        let (run, attempt) = (dispatch.key.run, dispatch.key.attempt);
        let woken = dispatch.document.woken.as_ref();
        let Some((deferral, waits)) = self.deferred.get(&attempt.instance) else {
            return match woken {
                Some(woken) if !self.was_operated => Err(format!(
                    "{attempt:?} of run {run} was woken by {woken}, and did not defer itself"
                )),
                Some(_) | None => Ok(()),
            };
        };
        if !waits.contains(&woken.is_some()) {
            return Err(format!(
                "{attempt:?} of run {run} was woken by {woken:?}; that its deferral {deferral:?} waits is {waits:?}"
            ));
        }
        if let Some(woken) = woken
            && let Some(run) = woken["run"].as_str()
            && let Some(why) =
                tables.wrong_end(run, woken["task"].as_str(), woken["state"].as_str())
        {
            return Err(format!(
                "{attempt:?} of run {} was woken by {woken:?}, and {why}",
                dispatch.key.run
            ));
        }
        let Some(event) = woken.and_then(|woken| woken["payload"].as_i64()) else {
            return Ok(());
        };
        let first = *woke.entry(event).or_insert((run, *deferral));
        if first == (run, *deferral) {
            return Ok(());
        }
        Err(format!(
            "the event {event} woke {deferral:?} of run {run}, and {first:?} before"
        ))
    }

    fn check_input(
        &self,
        dispatch: &Dispatch,
        name: &str,
        value: &str,
        source: TaskIndex,
        tables: &Tables,
    ) -> Result<(), String> {
        let run = dispatch.key.run;
        let attempt = dispatch.key.attempt;
        let dag = &self.parsed.dag;
        let is_together = dag.are_mapped_together(attempt.instance.task, source);
        let gathers = !is_together
            && (self.machine.is_expanded(source)
                || !dag.tasks[source.as_usize()].expand.is_empty());
        let whole = if gathers {
            let rows = tables.outputs_of_task(run, source, 0, u32::MAX);
            let texts: Vec<Arc<str>> = rows
                .into_iter()
                .filter_map(|(_, output)| tables.text_of(&output))
                .collect();
            format!("[{}]", texts.join(","))
        } else {
            let only = Instance {
                task: source,
                index: if is_together {
                    attempt.instance.index
                } else {
                    0
                },
            };
            let row = tables.outputs(run, &[only]).pop();
            row.and_then(|(_, output)| tables.text_of(&output))
                .map_or_else(|| "null".to_owned(), |text| text.to_string())
        };
        let index = dispatch.key.attempt.instance.index as usize;
        let expected = if name == "each" {
            let list: Vec<Value> = serde_json::from_str(&whole).unwrap_or_default();
            list.get(index).map(ToString::to_string)
        } else {
            Some(whole)
        };
        if expected.as_deref() == Some(value) || (self.was_operated && self.was_committed(value)) {
            return Ok(());
        }
        // Who may start before all upstreams have ended gets what there was by then, or
        // when it is published again. It may be published after another upstream has ended.
        let had = self.had.get(&dispatch.key.attempt);
        let had = had.and_then(|had| had.get(&source)).copied();
        if had.is_some_and(|had| parts(value, gathers) >= had) && self.was_committed(value) {
            return Ok(());
        }
        Err(format!(
            "{:?} of run {run} got {value} as {name}, and {expected:?} is committed",
            dispatch.key.attempt
        ))
    }

    /// Whether a value is made of outputs that were committed at some time.
    fn was_committed(&self, value: &str) -> bool {
        if value == "null" || value == "[]" {
            return true;
        }
        let any = |text: &str| {
            let mut outputs = self.outputs.values().flatten();
            outputs.any(|output| output.contains(text))
        };
        match serde_json::from_str::<Value>(value) {
            Ok(Value::Array(parts)) => parts.iter().all(|part| any(&part.to_string())),
            Ok(_) => any(value),
            Err(_) => false,
        }
    }
}

/// How many outputs an input is made of.
fn parts(value: &str, gathers: bool) -> u64 {
    match serde_json::from_str(value) {
        Ok(Value::Array(parts)) if gathers => parts.len() as u64,
        Ok(Value::Null) | Err(_) => 0,
        Ok(_) => 1,
    }
}
