//! Watches an installation from outside and believes only what is committed.
//!
//! It makes every run again from the events that were committed, holds each of
//! them against the naive model, and compares rows, dispatches, confirmations,
//! limits and work with it. It does not know what a scheduler has in memory.

mod ahead;
mod assets;
mod bounds;
mod closing;
mod fairness;
mod keys;
mod notifications;
mod past;
mod preconditions;
mod rows;
mod state;
mod work;

pub use past::Past;
pub use work::Work;

use super::{broker_state::BrokerState, documents::Parsed, tables::Tables, worker::Worker};
use crate::{coverage::Coverage, reference::Model, scenario::Scenario};
use ahead::RanAhead;
use past::LostWork;
use state::{Account, Active, Done, Fairness, Watched};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};
use tokio::time::Instant;
use weft_broker::{AttemptKey, Dispatch, Report, ReportedOutcome};
use weft_core::{
    concurrency::Concurrency,
    document::TaskIndex,
    id::TaskId,
    plan::{Defaults, Plan},
    run::{Action, Attempt, Event, Instance, InstanceState, Outcome, Run, RunState, record},
    run_id::RunId,
    suspicion::ENOUGH,
    wait::Wait,
};
use weft_store::{DagKey, DagState, EventChunk, NewRun, ShardId, ShardSettings, Turn, VersionId};

/// The auditor of one world.
#[derive(Debug, Default)]
pub struct Auditor {
    runs: BTreeMap<RunId, Watched>,
    versions: BTreeMap<VersionId, Arc<Parsed>>,
    /// Everything that workers ever reported.
    made: Made,
    /// Attempts that were the one suspect when their worker died, by DAG and task.
    deaths: Deaths,
    /// Attempts that a worker's next process reported.
    suspected: HashSet<AttemptKey>,
    active: Active,
    running: BTreeMap<DagKey, BTreeSet<RunId>>,
    /// The settings and DAGs that each start of a scheduler has read.
    read_by_start: BTreeMap<u64, ReadState>,
    fairness: Fairness,
    /// What everything cost.
    pub work: Work,
    /// The bounds on the runs of each DAG.
    pub(crate) max_active_runs: BTreeMap<DagKey, u32>,
    /// And those by key.
    pub(crate) concurrency: BTreeMap<DagKey, Concurrency>,
    /// The epochs that have committed something.
    epochs: BTreeSet<(ShardId, i64)>,
    lost: LostWork,
    ran_ahead: RanAhead,
    /// The attempt whose deferral each event ended.
    woke: BTreeMap<i64, (RunId, Attempt)>,
}

/// What lies beside the rows when a turn is committed.
#[derive(Debug)]
pub struct Seen<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) workers: &'a [Worker],
    pub(crate) broker_state: &'a BrokerState,
    pub(crate) coverage: &'a mut Coverage,
}

/// Reports by attempt.
type Made = HashMap<(RunId, Attempt), Vec<ReportedOutcome>>;
/// Attempts by DAG and task.
type Deaths = HashMap<(DagKey, TaskId), HashSet<(RunId, Attempt)>>;

#[derive(Debug, Default)]
struct ReadState {
    settings: BTreeMap<ShardId, ShardSettings>,
    /// The versions of each DAG that it has read as active, the latest last.
    active: BTreeMap<DagKey, Vec<VersionId>>,
}

impl Auditor {
    /// A scheduler has read the settings of a shard.
    pub fn settings_read(&mut self, start: u64, shard: ShardId, settings: ShardSettings) {
        let read_state = self.read_by_start.entry(start).or_default();
        read_state.settings.insert(shard, settings);
    }

    /// A scheduler has read DAGs.
    pub fn dags_read(&mut self, start: u64, dags: &[DagState]) {
        let read_state = self.read_by_start.entry(start).or_default();
        for dag in dags {
            let read = read_state.active.entry(dag.key).or_default();
            if let Some(active) = dag.active.filter(|active| read.last() != Some(active)) {
                read.push(active);
            }
        }
    }

    /// A scheduler reads all active runs of a shard, which it does once for each epoch.
    pub fn recovers(&self, shard: ShardId, epoch: i64) -> Result<(), String> {
        if self.epochs.contains(&(shard, epoch)) {
            return Err("all active runs are read again, after turns were committed".into());
        }
        Ok(())
    }

    /// A worker made a report.
    pub fn reported(&mut self, report: &Report) {
        let made = self
            .made
            .entry((report.key.run, report.key.attempt))
            .or_default();
        made.push(report.outcome.clone());
    }

    /// A worker that died with this attempt in guest code reports it: whichever has it by
    /// then, it is lost.
    pub fn suspected(&mut self, key: AttemptKey) {
        self.suspected.insert(key);
    }

    /// A worker died while it ran this and nothing else that is suspected.
    pub fn died(&mut self, dispatch: &Dispatch) {
        if let Some(run) = self.runs.get(&dispatch.key.run) {
            let task = dispatch.document.task.clone();
            let deaths = self.deaths.entry((run.dag, task)).or_default();
            deaths.insert((dispatch.key.run, dispatch.key.attempt));
        }
    }

    /// The version that a run is pinned to.
    pub fn parsed_of(&mut self, run: RunId, tables: &Tables) -> Option<Arc<Parsed>> {
        let version = tables.run_row(run)?.stored.version;
        self.parsed(version, tables)
    }

    fn parsed(&mut self, version: VersionId, tables: &Tables) -> Option<Arc<Parsed>> {
        if let Some(known) = self.versions.get(&version) {
            return Some(Arc::clone(known));
        }
        let parsed = Arc::new(Parsed::read(&tables.version_row(version)?.document));
        self.versions.insert(version, Arc::clone(&parsed));
        Some(parsed)
    }

    /// The tasks of running runs that wait for the check of their conditions on other runs.
    pub fn waiting_for_past(&self) -> Vec<(RunId, TaskIndex)> {
        let running = self.runs.iter();
        let running = running.filter(|(_, run)| run.machine.state() == RunState::Running);
        let waiting = running.flat_map(|(id, run)| {
            let tasks = run.machine.plan().tasks();
            let waiting = tasks.filter(|task| run.machine.awaits_precondition(*task));
            waiting.map(|task| (*id, task))
        });
        waiting.collect()
    }

    /// A turn was written.
    pub fn committed(
        &mut self,
        start: u64,
        turn: &Turn,
        seen: &mut Seen<'_>,
    ) -> Result<(), String> {
        let shard = turn.lease.shard;
        if self.epochs.insert((shard, turn.lease.epoch)) {
            self.fairness.forget(shard);
        }
        for new in &turn.new_runs {
            self.check_pinned(start, new)?;
        }
        let ready = self.ready(shard);
        let mut done = Done::default();
        for chunk in &turn.events {
            self.apply(chunk, seen, &mut done)?;
        }
        self.check_allowed(turn, &done, seen)?;
        self.check_rows(turn, seen)?;
        self.check_effects()?;
        self.check_ahead(std::mem::take(&mut done.ahead), seen.coverage)?;
        check_arrivals(turn, seen)?;
        check_called_runs(turn, seen)?;
        check_approvals(turn, seen)?;
        self.check_updates(turn, seen)?;
        self.count(turn);
        // While the run that breaks a turn is sought, each run is written alone:
        // one may begin before another's end is written.
        if seen.tables.unwritable.is_empty() {
            self.check_bounds(start, shard, &done)?;
            self.check_keys(&done, seen)?;
        }
        let is_checked = seen.tables.unwritable.is_empty();
        // A run that a command, its timeout or a deadline is to end or clear may be held until that is
        // written, as it is in this turn or a later one.
        let may_be_held = |run: RunId| {
            let deadline = self.runs.get(&run).and_then(|run| run.machine.timeout_at());
            deadline.is_some_and(|deadline| Some(deadline) <= done.latest)
                || turn.commands.iter().any(|done| done.run == run)
                || seen.tables.has_waiting_command(run)
                || self.stops_at_deadline(run, done.latest, seen.tables)
        };
        let ready = ready.into_iter().filter(|(id, _)| !may_be_held(*id));
        let ready = ready.collect();
        self.follow_fairness(start, shard, &ready, &done, is_checked)?;
        let verdict = self.work.turn(turn, done.events, done.actions);
        if seen.tables.unwritable.is_empty() {
            verdict
        } else {
            // What could be written alone is written once more with the rest.
            Ok(())
        }
    }

    /// Checks that a scheduled run gets the version that its scheduler read as active.
    fn check_pinned(&self, start: u64, new: &NewRun) -> Result<(), String> {
        let read_state = self.read_by_start.get(&start);
        let read = read_state.and_then(|read_state| read_state.active.get(&new.dag));
        // It may not have been able to read the document of the last one yet.
        let mut last = read.into_iter().flatten().rev().take(3);
        if last.any(|version| *version == new.version) {
            return Ok(());
        }
        Err(format!(
            "the scheduled run {} got version {:?}, and its scheduler read {read:?}",
            new.id, new.version
        ))
    }

    fn watch(&mut self, id: RunId, tables: &Tables) -> Result<&mut Watched, String> {
        if !self.runs.contains_key(&id) {
            let row = tables
                .run_row(id)
                .ok_or_else(|| format!("events of a run {id} that does not exist"))?;
            let (stored, shard) = (row.stored.clone(), row.shard);
            let parsed = self
                .parsed(stored.version, tables)
                .ok_or_else(|| format!("run {id} is of a version that does not exist"))?;
            self.runs.insert(id, Watched::new(&stored, shard, parsed));
        }
        Ok(self.runs.get_mut(&id).expect("it was just inserted"))
    }

    fn apply(
        &mut self,
        chunk: &EventChunk,
        seen: &mut Seen<'_>,
        done: &mut Done,
    ) -> Result<(), String> {
        let id = chunk.run;
        let events = record::decode(&chunk.body)
            .map_err(|error| format!("a chunk of run {id} can't be read: {error}"))?;
        let begun = record::defaults([&chunk.body])
            .map_err(|error| format!("the defaults of run {id} can't be read: {error}"))?;
        self.watch(id, seen.tables)?;
        let Self {
            runs,
            made,
            deaths,
            suspected,
            ran_ahead,
            ..
        } = self;
        let run = runs.get_mut(&id).expect("it is watched");
        if std::mem::take(&mut run.is_written_in_portions) {
            seen.coverage.add("committed: run in portions");
        }
        run.take_defaults(id, begun)?;
        let mut actions = Vec::new();
        for (at, event) in events {
            if let Event::Finished { attempt, .. } = &event
                && let Some(counted) = ran_ahead.find(id, *attempt, made)
            {
                counted.is_dispatched_ahead(done);
                done.ahead.push(counted);
            }
            run.apply_committed(id, &event, (made, deaths, suspected), seen)?;
            let was_ready = match &event {
                Event::Dispatched { instance, .. } => {
                    run.machine.instance(*instance) == Some(InstanceState::Ready)
                }
                _ => false,
            };
            actions.clear();
            run.machine
                .handle(at, event.clone(), &mut actions)
                .map_err(|rejection| {
                    format!("{event:?} of run {id} was committed, and does not fit: {rejection}")
                })?;
            seen.coverage.add(kind(&event));
            run.model
                .apply(at, &event, was_ready, &run.machine)
                .map_err(|rejection| {
                    format!(
                        "{event:?} of run {id} was committed, and the model rejects it: {rejection}"
                    )
                })?;
            if let Some(difference) = run.model.difference(&run.machine) {
                return Err(format!("run {id} after {event:?}: {difference}"));
            }
            done.latest = done.latest.max(Some(at.now));
            done.events += 1;
            done.actions += actions.len() as u64;
            run.note_event(id, &event, done);
            run.forget_cleared(&actions);
        }
        Ok(())
    }

    /// Which runs of which DAG run, and what is active, after a turn.
    fn count(&mut self, turn: &Turn) {
        for chunk in &turn.events {
            let Some(run) = self.runs.get_mut(&chunk.run) else {
                continue;
            };
            let running = self.running.entry(run.dag).or_default();
            if run.machine.state() == RunState::Running {
                running.insert(chunk.run);
            } else {
                running.remove(&chunk.run);
            }
            self.active.recount(run);
        }
        for update in &turn.runs {
            if let Some(run) = self.runs.get_mut(&update.id)
                && run.broken
            {
                self.active.give_up(run);
                let running = self.running.entry(run.dag).or_default();
                running.remove(&update.id);
            }
        }
    }
}

/// Checks that each event that was taken reached the instance that waited for it.
fn check_arrivals(turn: &Turn, seen: &mut Seen<'_>) -> Result<(), String> {
    for done in &turn.commands {
        match &done.refused {
            None if seen.tables.check_arrival(done.id)? => {
                seen.coverage.add("committed: event ended a wait");
            }
            None | Some(_) => {}
        }
    }
    Ok(())
}

/// Checks that each run that an instance waits for as one that it called was created in the same turn
/// or before.
fn check_called_runs(turn: &Turn, seen: &mut Seen<'_>) -> Result<(), String> {
    for row in &turn.instances {
        if let Some(Wait::Call(run)) = &row.wait {
            seen.coverage.add("committed: wait for a called run");
            if seen.tables.state_of(*run).is_none() && seen.tables.unwritable.is_empty() {
                return Err(format!(
                    "{:?} of run {} waits for the run {run} that it called, and there is none",
                    row.instance, row.run
                ));
            }
        }
    }
    Ok(())
}

/// Checks that what an instance asks is there to be answered.
fn check_approvals(turn: &Turn, seen: &mut Seen<'_>) -> Result<(), String> {
    for row in &turn.instances {
        if let Some(Wait::Approval { .. }) = &row.wait {
            seen.coverage.add("committed: wait for an approval");
            if !seen.tables.is_asked((row.run, row.instance, row.number)) {
                return Err(format!(
                    "{:?} of run {} waits for an answer, and there is no question",
                    row.instance, row.run
                ));
            }
        }
    }
    Ok(())
}

impl Watched {
    /// Notes what the event starts, dispatches or operates on, once the machine has applied it.
    fn note_event(&mut self, id: RunId, event: &Event, done: &mut Done) {
        match *event {
            Event::Start => drop(done.started.insert((self.dag, id))),
            Event::Dispatched { instance, nonce } => {
                let next = self.machine.next_number(instance).unwrap_or(1);
                let attempt = Attempt {
                    instance,
                    number: next - 1,
                    nonce,
                };
                self.dispatched.insert(attempt);
                self.note_early(attempt);
                done.dispatched.push((id, instance));
            }
            Event::Clear { .. } | Event::Mark { .. } => self.was_operated = true,
            Event::PreconditionChecked {
                task, runs: true, ..
            } => done.allowed.push((id, task)),
            _ => {}
        }
    }

    /// The outputs and deferrals of cleared tasks no longer count.
    fn forget_cleared(&mut self, actions: &[Action]) {
        for action in actions {
            let (task, indexes) = match action {
                Action::Cleared { task, .. } => (*task, 0..u32::MAX),
                Action::InstancesCleared { task, indexes } => (*task, indexes.clone()),
                _ => continue,
            };
            let stays =
                |instance: &Instance| instance.task != task || !indexes.contains(&instance.index);
            self.resume.retain(|instance, _| stays(instance));
            self.deferred.retain(|instance, _| stays(instance));
            self.counted.retain(|(instance, _), _| stays(instance));
        }
    }

    fn new(stored: &weft_store::StoredRun, shard: ShardId, parsed: Arc<Parsed>) -> Self {
        let accounts = parsed.dag.tasks.iter().map(Account::of).collect();
        Self {
            tenant: stored.tenant.clone(),
            dag: stored.dag,
            version: stored.version,
            shard,
            machine: Run::new(Arc::clone(&parsed.plan)),
            model: model_of(&parsed.plan),
            has_begun: false,
            parsed,
            dispatched: HashSet::new(),
            had: HashMap::new(),
            accounts,
            outputs: HashMap::new(),
            counted: HashMap::new(),
            resume: HashMap::new(),
            calls: HashMap::new(),
            deferred: HashMap::new(),
            was_operated: false,
            is_written_in_portions: false,
            broken: false,
        }
    }

    /// Checks that the first chunk of its events, and no other, says with which defaults it
    /// began, and follows it with those.
    fn take_defaults(&mut self, id: RunId, begun: Option<Defaults>) -> Result<(), String> {
        match begun {
            Some(defaults) if !self.has_begun => {
                let plan = Arc::new(Plan::new(&self.parsed.dag, &defaults));
                self.model = model_of(&plan);
                self.machine = Run::new(plan);
                self.has_begun = true;
                Ok(())
            }
            None if self.has_begun => Ok(()),
            Some(_) => Err(format!("run {id} has recorded its defaults twice")),
            None => Err(format!("run {id} began without recording its defaults")),
        }
    }

    /// Whether an event has its reason in the world.
    fn apply_committed(
        &mut self,
        id: RunId,
        event: &Event,
        (made, deaths, suspected): (&Made, &Deaths, &HashSet<AttemptKey>),
        seen: &mut Seen<'_>,
    ) -> Result<(), String> {
        match event {
            Event::Finished { attempt, outcome } => {
                let key = (id, *attempt);
                let made = made.get(&key).map(Vec::as_slice).unwrap_or_default();
                // A list that was cleared after it was mapped over can't be taken apart again.
                let task = &self.parsed.dag.tasks[attempt.instance.task.as_usize()].id;
                let is_blamed = deaths
                    .get(&(self.dag, task.clone()))
                    .is_some_and(|deaths| deaths.len() >= ENOUGH as usize);
                if is_blamed && made.is_empty() {
                    seen.coverage.add("committed: failed for deaths of workers");
                }
                let can_fail_by_itself = (self.was_operated || is_blamed)
                    && matches!(
                        outcome,
                        Outcome::Failed {
                            retryable: false,
                            ..
                        }
                    );
                if made.is_empty() && !can_fail_by_itself {
                    return Err(format!(
                        "{event:?} of run {id} was committed, and no worker reported it"
                    ));
                }
                if matches!(outcome, Outcome::Deferred { .. }) {
                    let states = made.iter().filter_map(|made| match made {
                        ReportedOutcome::Deferred { state, .. } => Some(Arc::clone(state)),
                        _ => None,
                    });
                    self.resume.insert(attempt.instance, states.collect());
                    let waits = made.iter().filter_map(|made| match made {
                        ReportedOutcome::Deferred { wait, call, .. } => {
                            Some(wait.is_some() || call.is_some())
                        }
                        _ => None,
                    });
                    let calls = made.iter().any(|made| {
                        matches!(made, ReportedOutcome::Deferred { call: Some(_), .. })
                    });
                    *self.calls.entry(attempt.instance).or_default() += usize::from(calls);
                    let deferral = (*attempt, waits.collect());
                    self.deferred.insert(attempt.instance, deferral);
                }
            }
            Event::Lost { attempt } => {
                let now = Instant::now();
                let runs = seen
                    .workers
                    .iter()
                    .find_map(|worker| Some((worker, worker.certainly_runs(id, *attempt, now)?)));
                if let Some((worker, key)) = runs
                    && !suspected.contains(&key)
                    && !seen.broker_state.may_have_lost_lease(&key, now)
                {
                    return Err(format!(
                        "{attempt:?} of run {id} was declared lost, and {} runs it",
                        worker.id
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What an accepted event is counted as.
const fn kind(event: &Event) -> &'static str {
    match event {
        Event::Start => "committed: start",
        Event::Expanded { .. } => "committed: expanded",
        Event::ExpandFailed { .. } => "committed: expand failed",
        Event::PreconditionChecked { .. } => "committed: condition checked",
        Event::Dispatched { .. } => "committed: dispatched",
        Event::Started { .. } => "committed: started",
        Event::Finished { outcome, .. } => match outcome {
            Outcome::Success => "committed: success",
            Outcome::Branch { .. } => "committed: branch",
            Outcome::Skipped => "committed: skipped",
            Outcome::Deferred { .. } => "committed: deferred",
            Outcome::Failed { .. } => "committed: failed",
        },
        Event::Lost { .. } => "committed: lost",
        Event::Due { .. } => "committed: due",
        Event::Woken { .. } => "committed: woken",
        Event::Cancel => "committed: cancel",
        Event::Clear { .. } => "committed: clear",
        Event::Mark { .. } => "committed: mark",
    }
}

/// The naive model of a run with this plan.
fn model_of(plan: &Plan) -> Model {
    let steps = plan.tasks().map(|task| plan.step(task).clone());
    Model::new(&Scenario {
        steps: steps.collect(),
        bounds: plan.bounds(),
        part: None,
    })
}
