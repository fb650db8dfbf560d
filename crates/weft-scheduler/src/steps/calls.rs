//! Runs that tasks call.
//!
//! The turn that commits the deferral of the task creates the run, so that a call is made once,
//! however often the report is repeated or the task retried. What is wrong with a call wakes the
//! task at once, with the reason.

use super::{
    due_runs::{self, RunOf},
    events::RunEvents,
};
use crate::{active_run::ActiveRun, versions::Version};
use serde_json::{Map, Value};
use std::sync::Arc;
use weft_broker::{Notice, ReportedOutcome};
use weft_core::{
    id::DagId,
    run::{Instance, InstanceState, RunState},
    run_id::RunId,
    wait::{AwaitedRun, Call, Wait, Woken},
};
use weft_store::{Caller, DagKey, RunKind};

/// The most runs of which each calls the next.
const MAX_CALL_DEPTH: usize = 32;

/// The run and the DAG of a call that a notice brings.
pub(crate) fn call_of(notice: &Notice) -> Option<(RunId, &DagId)> {
    match notice {
        Notice::Finished(report) => match &report.outcome {
            ReportedOutcome::Deferred {
                call: Some(call), ..
            } => Some((report.key.run, &call.dag)),
            _ => None,
        },
        Notice::Started { .. }
        | Notice::Expired { .. }
        | Notice::Released { .. }
        | Notice::Demand => None,
    }
}

/// What becomes of a call.
pub(crate) enum Planned {
    /// A run is created.
    Run(Box<PlannedRun>),
    /// None is.
    Refused(Refusal),
}

/// A run that a call creates.
pub(crate) struct PlannedRun {
    dag: DagKey,
    id: RunId,
    call: Call,
    version: Arc<Version>,
    params: Arc<str>,
    caller: Caller,
}

/// Why a call creates no run.
pub(crate) struct Refusal {
    code: &'static str,
    message: String,
}

/// Plans the call of a task instance.
pub(crate) fn plan(
    events: &mut RunEvents<'_>,
    run: RunId,
    instance: Instance,
    call: Call,
) -> Planned {
    match find(events, run, instance, &call) {
        Err(refusal) => Planned::Refused(refusal),
        Ok((dag, version, params, caller)) => Planned::Run(Box::new(PlannedRun {
            dag,
            id: due_runs::draw_free_run_id(events.cx, events.runs, events.batch),
            call,
            version,
            params,
            caller,
        })),
    }
}

type Found = (DagKey, Arc<Version>, Arc<str>, Caller);

fn find(
    events: &mut RunEvents<'_>,
    run: RunId,
    instance: Instance,
    call: &Call,
) -> Result<Found, Refusal> {
    let refuse = |code, message| Err(Refusal { code, message });
    let id = &call.dag;
    let Some(active) = events.runs.get(run) else {
        return refuse("run_not_found", format!("there is no run {run}"));
    };
    let granted = &active.task(instance.task).grants.dags;
    if !granted.iter().any(|granted| granted == id.as_str()) {
        return refuse(
            "not_granted",
            format!(
                "calling the DAG {id} was not granted to this task; add it to its grants: grants = {{ dags = [\"{id}\"] }}"
            ),
        );
    }
    let caller = caller(active, instance);
    if caller.dags.contains(id) {
        let path: Vec<&str> = caller.dags.iter().map(DagId::as_str).collect();
        let path = path.join(" calls ");
        return refuse(
            "call_loop",
            format!("{path}, which must not call {id} again"),
        );
    }
    if caller.dags.len() >= MAX_CALL_DEPTH {
        return refuse(
            "call_loop",
            format!("{MAX_CALL_DEPTH} runs call each other already, and no more may"),
        );
    }
    let entry = events.runs.dag_of_id(&active.tenant, id);
    let Some((key, entry)) = entry.and_then(|key| Some((key, events.runs.dag(key)?))) else {
        return refuse("dag_not_found", format!("there is no DAG {id}"));
    };
    if entry.state().paused {
        return refuse(
            "dag_paused",
            format!("the DAG {id} is paused: `wfctl dags unpause {id}`"),
        );
    }
    let version = entry.active_version();
    let Some(version) = version.and_then(|version| events.cx.versions.get(version)) else {
        return refuse(
            "dag_not_active",
            format!("the DAG {id} has no active version"),
        );
    };
    match params(&version, call) {
        Ok(params) => Ok((key, version, params, caller)),
        Err(problems) => refuse(
            "invalid_params",
            format!("the parameters don't fit the DAG {id}: {problems}"),
        ),
    }
}

fn caller(active: &ActiveRun, instance: Instance) -> Caller {
    let above = active.caller.iter().flat_map(|caller| &caller.dags);
    let own = std::iter::once(&active.version.dag.id);
    Caller {
        run: active.id,
        instance,
        dags: above.chain(own).cloned().collect(),
    }
}

fn params(version: &Version, call: &Call) -> Result<Arc<str>, String> {
    let given: Map<String, Value> =
        serde_json::from_str(&call.params).map_err(|error| error.to_string())?;
    due_runs::resolve_params(version, &given)
}

impl Planned {
    /// The outcome of the attempt: a deferral that waits for the run, or that is over at once.
    pub(crate) fn deferral(
        &self,
        events: &RunEvents<'_>,
        outcome: ReportedOutcome,
    ) -> ReportedOutcome {
        let ReportedOutcome::Deferred { until, state, .. } = outcome else {
            return outcome;
        };
        let wait = match self {
            Self::Run(planned) if !planned.call.is_detached => Some(Wait::Call(planned.id)),
            Self::Run(_) | Self::Refused(_) => None,
        };
        ReportedOutcome::Deferred {
            until: match wait {
                Some(_) => until,
                None => Some(events.cx.now()),
            },
            wait,
            call: None,
            approval: None,
            state,
        }
    }

    /// Applies the call, now that its instance has deferred.
    pub(crate) fn apply(self, events: &mut RunEvents<'_>, run: RunId, instance: Instance) {
        let state = events.runs.instance(run, instance);
        if !matches!(state, Some(InstanceState::Deferred { .. })) {
            return;
        }
        let woken = match self {
            Self::Run(planned) => {
                let (id, call) = (planned.id, planned.call.clone());
                planned.create(events);
                if !call.is_detached {
                    if let Some(active) = events.runs.get(run) {
                        let tenant = active.tenant.clone();
                        events.waits.add_called((run, instance), tenant, id);
                    }
                    return;
                }
                Woken::Run(AwaitedRun {
                    run: Some(id),
                    dag: Some(call.dag),
                    state: Some(RunState::Pending),
                    outputs: None,
                })
            }
            Self::Refused(Refusal { code, message }) => Woken::CallRefused { code, message },
        };
        if let Some(active) = events.runs.get_mut(run) {
            active.record(instance).woken = Some(woken.to_json().into());
        }
    }
}

impl PlannedRun {
    fn create(self, events: &mut RunEvents<'_>) {
        let date = self.call.logical_date.unwrap_or_else(|| events.cx.now());
        let of = RunOf {
            id: Some(self.id),
            kind: RunKind::Called,
            logical_date: date,
            interval: (date, date),
            params: Some(self.params),
            caller: Some(self.caller),
            taken: Vec::new(),
        };
        due_runs::create_run(events, self.dag, &self.version, of);
    }
}
