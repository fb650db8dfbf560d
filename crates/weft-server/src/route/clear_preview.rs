//! Which instances a clear would run again, from the rows of a run.
//!
//! The state machine's own rules decide; the rows tell the states, which may lag behind it by half a
//! second.

use crate::{app::App, problem::Problem, view};
use std::{collections::HashMap, ops::Range};
use weft_api::{ClearPreview, ClearedInstance, Counts, InstanceState, TaskSummary};
use weft_core::{
    document::{Dag, TaskIndex},
    plan::{Defaults, Plan},
    run::{Indexes, Part, Rejection, Selectable, Selection},
};
use weft_store_sql::RunRow;

/// The most instances that are listed; their number is exact in any case.
pub(super) const MAX_INSTANCES: usize = 1_000;
/// How many map indexes are read at once.
const PORTION: u32 = 10_000;

/// A run and the DAG of its version.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunOf<'a> {
    pub(super) row: &'a RunRow,
    pub(super) dag: &'a Dag,
}

/// The states of a run's instances as far as a clear needs them.
struct States {
    /// Of tasks that are mapped and expanded, or were.
    mapped: HashMap<TaskIndex, (u32, Counts)>,
    /// Of the others that have a row.
    single: HashMap<TaskIndex, InstanceState>,
}

impl States {
    async fn read(app: &App, run: RunOf<'_>) -> Result<Self, Problem> {
        let id = run.row.id;
        let summaries = app.database().list_summaries_of_runs(&[id]).await?;
        let mapped: HashMap<TaskIndex, _> = summaries
            .into_iter()
            .map(|summary| {
                let counts = view::run::counts(&summary.counts);
                (summary.task, (summary.instances, counts))
            })
            .collect();
        let tasks = u32::try_from(run.dag.tasks.len()).unwrap_or(u32::MAX);
        let rows = app
            .database()
            .list_single_instances(&[(id, 0..tasks)])
            .await?;
        let single = rows
            .iter()
            .map(|row| (row.task, view::instance::state_of(row.state)))
            .collect();
        Ok(Self { mapped, single })
    }

    fn single(&self, task: TaskIndex) -> InstanceState {
        let state = self.single.get(&task).copied();
        state.unwrap_or(InstanceState::Waiting)
    }

    fn selectable(&self, task: TaskIndex) -> Selectable {
        match self.mapped.get(&task) {
            // One instance is listed alike, whether the task is expanded or not.
            Some((instances, counts)) if *instances > 1 => Selectable {
                instances: *instances,
                is_expanded: true,
                failed: counts.failed + counts.upstream_failed + counts.cancelled,
                has_begun: counts.waiting < u64::from(*instances),
            },
            Some(_) | None => Selectable {
                instances: 1,
                is_expanded: false,
                failed: u64::from(has_failed(self.single(task))),
                has_begun: self.single(task) != InstanceState::Waiting,
            },
        }
    }
}

/// What the selection clears, with at most `max` instances listed; or why it clears nothing.
pub(super) async fn preview(
    app: &App,
    run: RunOf<'_>,
    selection: &Selection,
    max: usize,
) -> Result<Result<ClearPreview, Rejection>, Problem> {
    let states = States::read(app, run).await?;
    let plan = Plan::new(run.dag, &Defaults::default());
    let parts = match selection.parts(&plan, |task| states.selectable(task)) {
        Ok(parts) => parts,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let mut listing = Listing {
        app,
        run,
        states: &states,
        max,
        preview: ClearPreview {
            tasks: Vec::with_capacity(parts.len()),
            instances: Vec::new(),
            total: 0,
            others: None,
        },
    };
    for (task, part) in parts {
        let (instances, counts) = match (part, states.mapped.get(&task)) {
            (
                Part::Instances {
                    indexes,
                    only_failed,
                },
                Some((total, counts)),
            ) => {
                if indexes.is_none() {
                    listing.list_failed(task, *total, counts).await?
                } else {
                    listing
                        .list_some(task, *total, indexes, only_failed)
                        .await?
                }
            }
            (_, Some((total, counts))) => listing.list_all(task, *total, counts).await?,
            (_, None) => listing.list_single(task),
        };
        listing.add_task(task, instances, counts);
    }
    let preview = listing.preview;
    Ok(if preview.total == 0 {
        Err(Rejection::NothingSelected)
    } else {
        Ok(preview)
    })
}

/// A preview that is being made.
struct Listing<'a> {
    app: &'a App,
    run: RunOf<'a>,
    states: &'a States,
    max: usize,
    preview: ClearPreview,
}

impl Listing<'_> {
    fn room(&self) -> usize {
        self.max.saturating_sub(self.preview.instances.len())
    }

    fn add(&mut self, task: TaskIndex, index: u32, state: InstanceState) {
        if self.room() > 0 {
            let task = self.run.dag.tasks[task.as_usize()].id.to_string();
            let instance = ClearedInstance { task, index, state };
            self.preview.instances.push(instance);
        }
    }

    fn add_task(&mut self, task: TaskIndex, instances: u64, counts: Counts) {
        if instances == 0 {
            return;
        }
        let document = &self.run.dag.tasks[task.as_usize()];
        self.preview.total += instances;
        self.preview.tasks.push(TaskSummary {
            task: document.id.to_string(),
            mapped: !document.expand.is_empty(),
            instances,
            counts,
        });
    }

    fn list_single(&mut self, task: TaskIndex) -> (u64, Counts) {
        let state = self.states.single(task);
        let mut counts = Counts::default();
        view::instance::count_one(&mut counts, state);
        self.add(task, 0, state);
        (1, counts)
    }

    /// A mapped task that starts over as a whole.
    async fn list_all(
        &mut self,
        task: TaskIndex,
        total: u32,
        counts: &Counts,
    ) -> Result<(u64, Counts), Problem> {
        let end = total.min(u32::try_from(self.room()).unwrap_or(u32::MAX));
        for (index, state) in self.rows(task, 0..end, false).await? {
            self.add(task, index, state);
        }
        Ok((u64::from(total), *counts))
    }

    /// What failed of a mapped task: its counts say how many, so only those that are listed are read.
    async fn list_failed(
        &mut self,
        task: TaskIndex,
        total: u32,
        counts: &Counts,
    ) -> Result<(u64, Counts), Problem> {
        let failed = Counts {
            failed: counts.failed,
            upstream_failed: counts.upstream_failed,
            cancelled: counts.cancelled,
            ..Counts::default()
        };
        let number = failed.failed + failed.upstream_failed + failed.cancelled;
        let (mut start, mut left) = (0, number.min(self.room() as u64));
        while start < total && left > 0 {
            let end = total.min(start.saturating_add(PORTION));
            for (index, state) in self.rows(task, start..end, true).await? {
                if has_failed(state) && left > 0 {
                    self.add(task, index, state);
                    left -= 1;
                }
            }
            start = end;
        }
        Ok((number, failed))
    }

    /// Named instances of a mapped task. What may run already is not cleared.
    async fn list_some(
        &mut self,
        task: TaskIndex,
        total: u32,
        indexes: Option<Indexes>,
        only_failed: bool,
    ) -> Result<(u64, Counts), Problem> {
        let (mut number, mut counts) = (0, Counts::default());
        let ranges = indexes.as_ref().map_or(&[][..], |named| named.ranges());
        for range in ranges {
            let (mut start, last) = (range.start, range.end.min(total));
            while start < last {
                let end = last.min(start.saturating_add(PORTION));
                for (index, state) in self.rows(task, start..end, only_failed).await? {
                    let is_cleared = has_failed(state)
                        || (!only_failed && !matches!(state, InstanceState::Ready));
                    if is_cleared {
                        number += 1;
                        view::instance::count_one(&mut counts, state);
                        self.add(task, index, state);
                    }
                }
                start = end;
            }
        }
        Ok((number, counts))
    }

    async fn rows(
        &self,
        task: TaskIndex,
        indexes: Range<u32>,
        but_success: bool,
    ) -> Result<Vec<(u32, InstanceState)>, Problem> {
        let of = (self.run.row.id, task);
        let database = self.app.database();
        let rows = database
            .list_states_of_mapped_task(of, indexes, but_success)
            .await?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|(index, state)| (index, view::instance::state_of(state)))
            .collect())
    }
}

const fn has_failed(state: InstanceState) -> bool {
    matches!(
        state,
        InstanceState::Failed | InstanceState::UpstreamFailed | InstanceState::Cancelled
    )
}
