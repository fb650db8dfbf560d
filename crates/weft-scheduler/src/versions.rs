//! DAG versions, parsed once and shared by their runs.

use crate::limits::MAX_CACHED_VERSIONS;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use weft_core::{
    digest::Digest,
    document::{Code, Dag, Format, Source, TaskIndex, parse},
    fair_queue::Account,
    id::{TaskId, TenantId},
    inputs,
    plan::{Defaults, Plan},
    policy::DEFAULT_QUEUE,
    run_ahead::next_in_chain,
    time::DurationMs,
    timetable::Timetable,
};
use weft_store::{StoreError, StoredVersion, VersionId};

/// A version as the scheduler uses it.
#[derive(Debug)]
pub(crate) struct Version {
    id: VersionId,
    pub(crate) dag: Arc<Dag>,
    pub(crate) plan: Arc<Plan>,
    /// What the plan has where the document says nothing.
    pub(crate) defaults: Defaults,
    pub(crate) timetable: Option<Timetable>,
    pub(crate) tasks: Arc<[TaskFacts]>,
    /// Whether a task updates assets.
    pub(crate) has_outlets: bool,
    /// The deadlines of tasks, and that of a run as a whole, since the run was due.
    pub(crate) deadlines: Arc<[(Option<TaskIndex>, DurationMs)]>,
}

/// What is derived once for each task.
#[derive(Debug)]
pub(crate) struct TaskFacts {
    pub(crate) code: Arc<Code>,
    /// The file that contains the code; `None` where the version names none, which every deploy rejects.
    pub(crate) digest: Option<Digest>,
    /// What a live instance occupies.
    pub(crate) account: Arc<Account>,
    /// Whether a downstream task takes its output.
    pub(crate) has_consumers: bool,
    /// The task that may run ahead on its success, if what both are granted allows it.
    pub(crate) next_in_chain: Option<TaskIndex>,
    /// How long its last success took, in any run.
    pub(crate) last_wall: LastWall,
}

/// How long the last success of a task took, as far as this process knows. It decides only whether a
/// task is worth running ahead.
#[derive(Debug, Default)]
pub(crate) struct LastWall(AtomicU64);

impl LastWall {
    pub(crate) fn get(&self) -> Option<Duration> {
        let micros = self.0.load(Ordering::Relaxed);
        (micros > 0).then(|| Duration::from_micros(micros))
    }

    pub(crate) fn set(&self, micros: u64) {
        self.0.store(micros, Ordering::Relaxed);
    }
}

/// The versions that were used last.
#[derive(Debug)]
pub(crate) struct Versions {
    /// Of new runs.
    defaults: Defaults,
    cached: HashMap<VersionId, Cached>,
    uses: u64,
}

#[derive(Debug)]
struct Cached {
    version: Arc<Version>,
    /// The same with the defaults of runs that began before these were changed.
    earlier: Vec<Arc<Version>>,
    /// When it was used last, in uses of any version.
    used: u64,
}

impl Versions {
    pub(crate) fn new(defaults: Defaults) -> Self {
        Self {
            defaults,
            cached: HashMap::new(),
            uses: 0,
        }
    }

    /// A version that is in memory.
    pub(crate) fn get(&mut self, id: VersionId) -> Option<Arc<Version>> {
        self.uses += 1;
        let cached = self.cached.get_mut(&id)?;
        cached.used = self.uses;
        Some(Arc::clone(&cached.version))
    }

    /// The same version for a run that began with these defaults.
    pub(crate) fn with_defaults(
        &mut self,
        version: Arc<Version>,
        defaults: &Defaults,
    ) -> Arc<Version> {
        if version.defaults == *defaults {
            return version;
        }
        let Some(cached) = self.cached.get_mut(&version.id) else {
            return Arc::new(version.with_defaults(defaults));
        };
        let mut earlier = cached.earlier.iter();
        if let Some(known) = earlier.find(|known| known.defaults == *defaults) {
            return Arc::clone(known);
        }
        let version = Arc::new(version.with_defaults(defaults));
        cached.earlier.push(Arc::clone(&version));
        version
    }

    /// Parses and keeps a version that was read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for one that is missing or can't be parsed.
    pub(crate) fn insert(
        &mut self,
        id: VersionId,
        tenant: &TenantId,
        stored: Option<&StoredVersion>,
    ) -> Result<Arc<Version>, StoreError> {
        let stored =
            stored.ok_or_else(|| StoreError::Corrupt(format!("version {} is missing", id.0)))?;
        let version = Arc::new(Version::parse(stored, tenant, &self.defaults)?);
        if self.cached.len() >= MAX_CACHED_VERSIONS {
            self.evict_oldest();
        }
        let cached = Cached {
            version: Arc::clone(&version),
            earlier: Vec::new(),
            used: self.uses,
        };
        self.cached.insert(id, cached);
        Ok(version)
    }

    /// Evicts half of them at once, so that many insertions share the cost of the search.
    fn evict_oldest(&mut self) {
        let mut uses: Vec<u64> = self.cached.values().map(|cached| cached.used).collect();
        uses.sort_unstable();
        let middle = uses[uses.len() / 2];
        self.cached.retain(|_, cached| cached.used >= middle);
    }
}

impl Version {
    /// The index of a task.
    pub(crate) fn task(&self, id: &TaskId) -> Option<TaskIndex> {
        let position = self.dag.tasks.iter().position(|task| task.id == *id)?;
        Some(task_index(position))
    }

    fn with_defaults(&self, defaults: &Defaults) -> Self {
        Self {
            id: self.id,
            plan: Arc::new(Plan::new(&self.dag, defaults)),
            defaults: defaults.clone(),
            timetable: self.timetable.clone(),
            dag: Arc::clone(&self.dag),
            tasks: Arc::clone(&self.tasks),
            has_outlets: self.has_outlets,
            deadlines: Arc::clone(&self.deadlines),
        }
    }

    fn parse(
        stored: &StoredVersion,
        tenant: &TenantId,
        defaults: &Defaults,
    ) -> Result<Self, StoreError> {
        let corrupt = |why: String| StoreError::Corrupt(format!("version {}: {why}", stored.id.0));
        let document = parse(Source {
            name: "the stored document",
            text: &stored.document,
            format: Format::Json,
        })
        .map_err(|error| corrupt(error.to_string()))?;
        let [dag] = <[Dag; 1]>::try_from(document.dags)
            .map_err(|dags| corrupt(format!("it has {} DAGs", dags.len())))?;
        let digest_of = |code: &Code| {
            let name = match code {
                Code::Own { .. } => "",
                Code::Component { file, .. } => file,
                Code::Program(program) => &program.file,
            };
            let file = stored.files.iter().find(|file| file.name == name);
            file.map(|file| file.digest)
        };
        let mut has_consumers = vec![false; dag.tasks.len()];
        for index in 0..dag.tasks.len() {
            for needed in inputs::needs(&dag, task_index(index)) {
                has_consumers[needed.as_usize()] = true;
            }
        }
        let plan = Arc::new(Plan::new(&dag, defaults));
        let digests: Vec<_> = dag.tasks.iter().map(|task| digest_of(&task.code)).collect();
        let next_of = |index| {
            let next = next_in_chain(&dag, &plan, TaskIndex(index))?;
            let is_of_file = digests[index as usize] == digests[next.as_usize()];
            is_of_file.then_some(next)
        };
        let tasks = (0..)
            .zip(dag.tasks.iter().zip(has_consumers))
            .map(|(index, (task, has_consumers))| TaskFacts {
                code: Arc::new(task.code.clone()),
                digest: digests[index as usize],
                account: Arc::new(Account {
                    tenant: tenant.clone(),
                    dag: stored.dag.0.unsigned_abs(),
                    queue: task.queue.as_deref().unwrap_or(DEFAULT_QUEUE).into(),
                    pool: task.pool.as_deref().map(Into::into),
                    pool_slots: task.pool_slots.unwrap_or(1),
                }),
                has_consumers,
                next_in_chain: next_of(index),
                last_wall: LastWall::default(),
            })
            .collect();
        Ok(Self {
            id: stored.id,
            plan,
            defaults: defaults.clone(),
            timetable: Timetable::of(&dag),
            has_outlets: dag.tasks.iter().any(|task| !task.outlets.is_empty()),
            deadlines: deadlines(&dag),
            dag: Arc::new(dag),
            tasks,
        })
    }
}

fn deadlines(dag: &Dag) -> Arc<[(Option<TaskIndex>, DurationMs)]> {
    let of_tasks = (0..).zip(&dag.tasks).filter_map(|(index, task)| {
        let deadline = task.deadline?;
        Some((Some(TaskIndex(index)), deadline.after))
    });
    let of_run = dag.deadline.map(|deadline| (None, deadline.after));
    of_run.into_iter().chain(of_tasks).collect()
}

fn task_index(index: usize) -> TaskIndex {
    TaskIndex(u32::try_from(index).expect("documents have fewer than 2^32 tasks"))
}
