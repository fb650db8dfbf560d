//! Checks what ran ahead of a commit: nothing of it could be seen, and it counts only with the output
//! that it ran on.

use super::{Auditor, Done, Made, Watched};
use crate::coverage::Coverage;
use std::{collections::HashMap, sync::Arc};
use weft_broker::{Dispatch, ReportedOutcome};
use weft_core::{
    grant::GrantRequest,
    run::{Attempt, Instance},
    run_id::RunId,
};

/// What workers ran ahead, by instance and number.
#[derive(Debug, Default)]
pub(super) struct RanAhead {
    ends: HashMap<(RunId, Instance, u32), Vec<End>>,
    /// A task ran ahead that reaches something outside its sandbox.
    effect: Option<String>,
}

/// An end, and the output that it ran on if it is of a chain.
#[derive(Debug, Clone)]
struct End {
    outcome: ReportedOutcome,
    on: Option<Arc<str>>,
}

/// An attempt of this turn that ran ahead, and what it may have run on.
#[derive(Debug)]
pub(super) struct Counted {
    run: RunId,
    attempt: Attempt,
    ends: Vec<End>,
}

impl Auditor {
    /// A worker begins a task with these grants ahead of a commit.
    pub fn begun_ahead(&mut self, dispatch: &Dispatch, grants: &GrantRequest) {
        let is_sealed =
            grants.http.is_empty() && grants.variables.is_empty() && grants.connections.is_empty();
        if !is_sealed {
            let (run, task) = (dispatch.key.run, &dispatch.document.task);
            let effect = format!("{task} of run {run} ran ahead, and could be seen outside");
            self.ran_ahead.effect.get_or_insert(effect);
        }
    }

    /// It ended, having run on this output if it is of a chain.
    pub fn ended_ahead(
        &mut self,
        dispatch: &Dispatch,
        on: Option<Arc<str>>,
        outcome: &ReportedOutcome,
    ) {
        let Attempt {
            instance, number, ..
        } = dispatch.key.attempt;
        let of_it = (dispatch.key.run, instance, number);
        let end = End {
            outcome: outcome.clone(),
            on,
        };
        self.ran_ahead.ends.entry(of_it).or_default().push(end);
    }

    pub(super) fn check_effects(&self) -> Result<(), String> {
        self.ran_ahead.effect.clone().map_or(Ok(()), Err)
    }

    /// Checks that what counts of what ran ahead ran on the output that counts of its upstream.
    pub(super) fn check_ahead(
        &self,
        counted: Vec<Counted>,
        coverage: &mut Coverage,
    ) -> Result<(), String> {
        for Counted { run, attempt, ends } in counted {
            let Some(watched) = self.runs.get(&run) else {
                continue;
            };
            if watched.was_operated || watched.broken {
                continue;
            }
            let instance = attempt.instance;
            let task = &watched.parsed.dag.tasks[instance.task.as_usize()];
            if ends.iter().any(|end| end.on.is_none()) {
                coverage.add("committed: ran ahead of its dispatch");
                continue;
            }
            coverage.add("committed: ran ahead in a chain");
            let upstream = Instance {
                task: task.upstreams[0],
                index: 0,
            };
            let counts = watched.last_output(upstream);
            let fits = ends.iter().any(|end| end.on.as_deref() == counts);
            if !fits {
                return Err(format!(
                    "{attempt:?} of run {run} ran ahead on {ends:?}, and {counts:?} counts"
                ));
            }
        }
        Ok(())
    }
}

impl RanAhead {
    /// What a worker reported of an attempt that ran ahead: it had no nonce then.
    pub(super) fn find(&self, run: RunId, attempt: Attempt, made: &mut Made) -> Option<Counted> {
        let ends = self.ends.get(&(run, attempt.instance, attempt.number))?;
        if made.contains_key(&(run, attempt)) {
            return None;
        }
        let outcomes = ends.iter().map(|end| end.outcome.clone()).collect();
        made.insert((run, attempt), outcomes);
        Some(Counted {
            run,
            attempt,
            ends: ends.clone(),
        })
    }
}

impl Counted {
    /// It was dispatched in no order, and took no free slot.
    pub(super) fn is_dispatched_ahead(&self, done: &mut Done) {
        let of_it = (self.run, self.attempt.instance);
        done.dispatched.retain(|dispatched| *dispatched != of_it);
    }
}

impl Watched {
    fn last_output(&self, instance: Instance) -> Option<&str> {
        self.outputs.get(&instance)?.last().map(|text| &**text)
    }
}
