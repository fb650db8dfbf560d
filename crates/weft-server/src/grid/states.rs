//! The states of a run's tasks: read once for a run that has ended, and kept up to a bound.

use super::{Code, RunLengths};
use crate::problem::Problem;
use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use weft_core::{
    document::{Dag, TaskIndex},
    run::Counts,
    run_id::RunId,
};
use weft_store::{InstanceTag, TaskSummary};
use weft_store_sql::{Database, RunBrief};

/// The most memory of states that are kept, in bytes.
const MAX_KEPT_BYTES: usize = 64 << 20;
/// How long they are kept: a change that leaves a run's end and counts as they were shows after it.
const KEPT_FOR: Duration = Duration::from_mins(5);
/// The most rows of instances that are read by one statement.
const MAX_ROWS_AT_ONCE: u64 = 100_000;
/// A mapped task with more instances is stepped over when a run that goes on is read.
const MAX_READ_INSTANCES: u32 = 16;

/// The states of a run's tasks.
#[derive(Debug, Default)]
pub(crate) struct RunStates {
    /// One for each task of the run's version; the worst of a mapped task.
    pub(crate) tasks: RunLengths,
    /// The mapped tasks that were expanded.
    pub(crate) mapped: Vec<(TaskIndex, u32, Counts)>,
}

impl RunStates {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.tasks.bytes() + size_of_val(&self.mapped[..])
    }
}

/// What says that the states of a run are still the same.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stamp {
    ended: Option<weft_core::time::Timestamp>,
    counts: Counts,
}

/// States of runs that have ended.
#[derive(Default)]
pub(crate) struct GridStates(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    runs: HashMap<RunId, (Stamp, Instant, Arc<RunStates>)>,
    bytes: usize,
}

impl GridStates {
    /// The states of these runs, in their order; each comes with its version's DAG.
    pub(crate) async fn of(
        &self,
        database: &Database,
        runs: &[(&RunBrief, Arc<Dag>)],
    ) -> Result<Vec<Arc<RunStates>>, Problem> {
        let mut found: Vec<Option<Arc<RunStates>>> =
            runs.iter().map(|(run, _dag)| self.kept_of(run)).collect();
        let mut chunk = Vec::new();
        let mut rows = 0;
        for at in 0..runs.len() {
            let (run, dag) = &runs[at];
            if found[at].is_some() {
                continue;
            }
            if !run.has_all_rows() {
                found[at] = Some(Arc::new(going_on(database, run, dag).await?));
                continue;
            }
            chunk.push(at);
            let total: u64 = run.counts.in_order().into_iter().sum();
            rows += total - run.counts.success;
            if rows >= MAX_ROWS_AT_ONCE {
                self.read_ended(database, runs, std::mem::take(&mut chunk), &mut found)
                    .await?;
                rows = 0;
            }
        }
        self.read_ended(database, runs, chunk, &mut found).await?;
        Ok(found
            .into_iter()
            .map(|states| states.expect("each run was kept, read alone, or in a chunk"))
            .collect())
    }

    /// Reads the runs at these positions, which have ended.
    async fn read_ended(
        &self,
        database: &Database,
        runs: &[(&RunBrief, Arc<Dag>)],
        chunk: Vec<usize>,
        found: &mut [Option<Arc<RunStates>>],
    ) -> Result<(), Problem> {
        if chunk.is_empty() {
            return Ok(());
        }
        let ids: Vec<RunId> = chunk.iter().map(|at| runs[*at].0.id).collect();
        let mut others: HashMap<RunId, Vec<(TaskIndex, InstanceTag)>> = HashMap::new();
        for (run, task, state) in database.list_states_but_success(&ids).await? {
            others.entry(run).or_default().push((task, state));
        }
        let mut summaries: HashMap<RunId, Vec<TaskSummary>> = HashMap::new();
        for summary in database.list_summaries_of_runs(&ids).await? {
            summaries.entry(summary.run).or_default().push(summary);
        }
        for at in chunk {
            let (run, dag) = &runs[at];
            let states = arrange(
                dag,
                Code::SUCCESS,
                &others.remove(&run.id).unwrap_or_default(),
                &summaries.remove(&run.id).unwrap_or_default(),
            );
            let states = Arc::new(states);
            self.keep(run, &states);
            found[at] = Some(states);
        }
        Ok(())
    }

    fn kept_of(&self, run: &RunBrief) -> Option<Arc<RunStates>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stamp, at, states) = kept.runs.get(&run.id)?;
        let is_same = *stamp == stamp_of(run) && at.elapsed() < KEPT_FOR && run.has_all_rows();
        is_same.then(|| Arc::clone(states))
    }

    fn keep(&self, run: &RunBrief, states: &Arc<RunStates>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // All of it goes at once: reading again is cheap, and an order of use isn't needed.
        if kept.bytes + states.bytes() > MAX_KEPT_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += states.bytes();
        let entry = (stamp_of(run), Instant::now(), Arc::clone(states));
        if let Some((_stamp, _at, before)) = kept.runs.insert(run.id, entry) {
            kept.bytes -= before.bytes();
        }
    }
}

fn stamp_of(run: &RunBrief) -> Stamp {
    Stamp {
        ended: run.ended,
        counts: run.counts,
    }
}

/// Reads a run whose instances don't all have rows: what has none waits.
async fn going_on(database: &Database, run: &RunBrief, dag: &Dag) -> Result<RunStates, Problem> {
    let summaries = database.list_summaries_of_runs(&[run.id]).await?;
    let large: Vec<u32> = summaries
        .iter()
        .filter(|summary| summary.instances > MAX_READ_INSTANCES)
        .map(|summary| summary.task.0)
        .collect();
    let ranges = without(dag.tasks.len(), &large).map(|range| (run.id, range));
    let rows = database
        .list_single_instances(&ranges.collect::<Vec<_>>())
        .await?;
    let states: Vec<_> = rows.iter().map(|row| (row.task, row.state)).collect();
    Ok(arrange(dag, Code::WAITING, &states, &summaries))
}

/// The ranges of tasks between those that are left out.
fn without(tasks: usize, left_out: &[u32]) -> impl Iterator<Item = Range<u32>> {
    let end = u32::try_from(tasks).expect("a document has at most 250,000 tasks");
    let mut sorted = left_out.to_vec();
    sorted.sort_unstable();
    let starts = std::iter::once(0).chain(sorted.clone().into_iter().map(|task| task + 1));
    let ends = sorted.into_iter().chain([end]);
    starts.zip(ends).filter_map(|(start, end)| {
        let range = start..end;
        (!range.is_empty()).then_some(range)
    })
}

/// The states of all tasks: those that were read, the worst of mapped ones, and `other` for the rest.
fn arrange(
    dag: &Dag,
    other: Code,
    states: &[(TaskIndex, InstanceTag)],
    summaries: &[TaskSummary],
) -> RunStates {
    let mut known: BTreeMap<u32, Code> = states
        .iter()
        .map(|(task, state)| (task.0, Code::of(*state)))
        .collect();
    for summary in summaries {
        if let Some(worst) = Code::worst(&summary.counts) {
            known.insert(summary.task.0, worst);
        }
    }
    let mut tasks = RunLengths::default();
    let mut next = 0;
    let end = u32::try_from(dag.tasks.len()).expect("a document has at most 250,000 tasks");
    for (task, code) in known.range(..end) {
        tasks.push(other, task - next);
        tasks.push(*code, 1);
        next = task + 1;
    }
    tasks.push(other, end - next);
    let mapped = summaries
        .iter()
        .map(|summary| (summary.task, summary.instances, summary.counts))
        .collect();
    RunStates { tasks, mapped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_step_over_what_is_left_out() {
        let ranges = |tasks, left_out: &[u32]| without(tasks, left_out).collect::<Vec<_>>();
        let whole = ranges(5, &[]);
        assert_eq!((whole.len(), &whole[0]), (1, &(0..5)));
        assert_eq!(ranges(5, &[3, 0]), [1..3, 4..5]);
        assert_eq!(ranges(2, &[0, 1]), []);
        assert_eq!(ranges(0, &[]), []);
    }
}
