//! Runs, tasks and assets that instances wait for, and runs that instances called.

use super::{Tables, named_events::FIRST_OWN_COMMAND, operating::is_dated};
use weft_core::{
    id::{DagId, TenantId},
    run::{Instance, RunState},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};
use weft_store::{Awaited, CommandId, CommandKind, Turn};

impl Tables {
    /// See `RunStore::awaited`.
    pub fn awaited(&self, waits: &[(TenantId, Wait)]) -> Vec<Awaited> {
        let find = |(tenant, wait): &(TenantId, Wait)| match wait {
            Wait::Event(_) | Wait::Approval { .. } => Awaited::NoRun,
            Wait::Run(run) | Wait::Call(run) | Wait::RunTask { run, .. } => {
                self.awaited_run(tenant, *run)
            }
            Wait::Asset {
                asset,
                partition,
                since,
            } => match self.last_update(tenant, asset, partition.as_deref()) {
                Some(update) if update.at >= *since => Awaited::Update(update),
                _ => Awaited::NoUpdate,
            },
            Wait::Dag { dag, logical_date }
            | Wait::DagTask {
                dag, logical_date, ..
            } => {
                let mut dags = self.dags.iter();
                let found =
                    dags.find(|(_, row)| row.state.tenant == *tenant && row.state.id == *dag);
                let Some((key, _)) = found else {
                    return Awaited::NoDag;
                };
                let mut runs = self.runs.iter();
                let run = runs.find(|(_, row)| {
                    let stored = &row.stored;
                    is_dated(stored.kind)
                        && (stored.dag, stored.logical_date) == (*key, *logical_date)
                });
                run.map_or(Awaited::NoRun, |(id, _)| self.awaited_run(tenant, *id))
            }
        };
        waits.iter().map(find).collect()
    }

    fn awaited_run(&self, tenant: &TenantId, run: RunId) -> Awaited {
        let row = self.runs.get(&run);
        match row.filter(|row| row.stored.tenant == *tenant) {
            None => Awaited::NoRun,
            Some(row) => Awaited::Run {
                run,
                dag: self.dags[&row.stored.dag].state.id.clone(),
                version: row.stored.version,
                state: row.state(),
            },
        }
    }

    /// Gives the runs that were called by those whose tree a turn cancels the same command.
    pub(super) fn cancel_called_runs(&mut self, turn: &Turn) {
        let carried = turn.commands.iter().filter(|done| done.refused.is_none());
        let trees = carried.filter(|done| {
            let row = self.commands.get(&done.id);
            row.is_some_and(|row| row.kind == CommandKind::CancelTree)
        });
        let trees: Vec<RunId> = trees.map(|done| done.run).collect();
        for tree in trees {
            let called: Vec<RunId> = self
                .runs
                .iter()
                .filter(|(_, row)| !row.state().is_ended())
                .filter(|(_, row)| row.stored.caller.as_ref().is_some_and(|by| by.run == tree))
                .map(|(id, _)| *id)
                .collect();
            for run in called {
                let id = self.next_own_command();
                self.insert_command(id, run, CommandKind::CancelTree, Timestamp(0));
            }
        }
    }

    /// The state of a run; none where there is none.
    pub fn state_of(&self, run: RunId) -> Option<RunState> {
        self.runs.get(&run).map(super::RunRow::state)
    }

    /// What is wrong with a state that a task was given of a run that it waited for, or of a task of that run. What
    /// ended may have been cleared since.
    pub fn wrong_end(&self, run: &str, task: Option<&str>, state: Option<&str>) -> Option<String> {
        let run = run.parse().ok();
        let found = run.and_then(|run| self.state_of(run));
        match (found, task, state) {
            (None, _, Some("missing"))
            | (Some(_), _, Some("success" | "failed" | "cancelled"))
            | (Some(_), None, Some("queued"))
            | (Some(_), Some(_), Some("skipped")) => None,
            (found, _, _) => Some(format!("the run is {found:?}")),
        }
    }

    /// The instances that called runs, once for each run.
    pub fn callers(&self) -> impl Iterator<Item = (RunId, Instance)> + '_ {
        let callers = self
            .runs
            .values()
            .filter_map(|row| row.stored.caller.as_ref());
        callers.map(|by| (by.run, by.instance))
    }
}

/// What a task may name.
impl Tables {
    /// One of the tenant's last runs.
    pub fn any_run(&self, tenant: &TenantId, pick: usize) -> Option<RunId> {
        let of_tenant = self.runs.iter().skip(self.remembered).rev().take(20);
        let of_tenant = of_tenant.filter(|(_, row)| row.stored.tenant == *tenant);
        let ids: Vec<RunId> = of_tenant.map(|(id, _)| *id).collect();
        (!ids.is_empty()).then(|| ids[pick % ids.len()])
    }

    /// The date of one of the tenant's last runs, or of none, for its DAG.
    pub fn any_date(&self, tenant: &TenantId, pick: usize) -> Option<Wait> {
        let stored = &self.runs[&self.any_run(tenant, pick)?].stored;
        Some(Wait::Dag {
            dag: self.dags[&stored.dag].state.id.clone(),
            logical_date: stored.logical_date,
        })
    }

    /// One of the tenant's DAGs.
    pub fn any_dag(&self, tenant: &TenantId, pick: usize) -> Option<DagId> {
        let of_tenant = self.dags.values().filter(|row| row.state.tenant == *tenant);
        let ids: Vec<DagId> = of_tenant.map(|row| row.state.id.clone()).collect();
        (!ids.is_empty()).then(|| ids[pick % ids.len()].clone())
    }
}

impl Tables {
    /// The id of the next command that the database writes itself.
    pub(super) fn next_own_command(&mut self) -> CommandId {
        self.last_own_command = (self.last_own_command + 1).max(FIRST_OWN_COMMAND);
        CommandId(self.last_own_command)
    }
}
