//! DAG versions, parsed once and shared by their runs.

use crate::options::VERSIONS;
use std::{collections::HashMap, sync::Arc};
use weft_core::{
    digest::Digest,
    document::{Code, Dag, Format, Source, TaskIndex, parse},
    fair_queue::Account,
    id::{TaskId, TenantId},
    inputs,
    plan::{Defaults, Plan},
    policy::DEFAULT_QUEUE,
    timetable::Timetable,
};
use weft_store::{RunStore, StoreError, StoredVersion, VersionId};

/// A version as the scheduler uses it.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) dag: Arc<Dag>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) timetable: Option<Timetable>,
    pub(crate) tasks: Vec<TaskFacts>,
}

/// What is worked out once for each task.
#[derive(Debug)]
pub(crate) struct TaskFacts {
    pub(crate) code: Arc<Code>,
    /// The file that holds the code; `None` where the version names none, which no deploy lets through.
    pub(crate) digest: Option<Digest>,
    pub(crate) queue: Arc<str>,
    /// What an active instance takes up.
    pub(crate) account: Arc<Account>,
    /// Whether any task downstream takes its output.
    pub(crate) feeds: bool,
}

/// The versions that were used last.
#[derive(Debug)]
pub(crate) struct Versions {
    defaults: Defaults,
    known: HashMap<VersionId, (Arc<Version>, u64)>,
    uses: u64,
}

impl Versions {
    pub(crate) fn new(defaults: Defaults) -> Self {
        Self {
            defaults,
            known: HashMap::new(),
            uses: 0,
        }
    }

    /// A version, from memory or the database.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`] for one that is missing or can't be read.
    pub(crate) async fn get(
        &mut self,
        store: &dyn RunStore,
        id: VersionId,
        tenant: &TenantId,
    ) -> Result<Arc<Version>, StoreError> {
        self.uses += 1;
        if let Some((version, used)) = self.known.get_mut(&id) {
            *used = self.uses;
            return Ok(Arc::clone(version));
        }
        let stored = store
            .version(id)
            .await?
            .ok_or_else(|| StoreError::Corrupt(format!("version {} is missing", id.0)))?;
        let version = Arc::new(Version::read(&stored, tenant, &self.defaults)?);
        if self.known.len() >= VERSIONS {
            self.forget_oldest();
        }
        self.known.insert(id, (Arc::clone(&version), self.uses));
        Ok(version)
    }

    /// Half of them at once, so that the search is paid for by many insertions.
    fn forget_oldest(&mut self) {
        let mut uses: Vec<u64> = self.known.values().map(|(_, used)| *used).collect();
        uses.sort_unstable();
        let middle = uses[uses.len() / 2];
        self.known.retain(|_, (_, used)| *used >= middle);
    }
}

impl Version {
    /// The task of this name.
    pub(crate) fn task(&self, id: &TaskId) -> Option<TaskIndex> {
        let position = self.dag.tasks.iter().position(|task| task.id == *id)?;
        Some(task_index(position))
    }

    fn read(
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
        let mut feeds = vec![false; dag.tasks.len()];
        for index in 0..dag.tasks.len() {
            for needed in inputs::needs(&dag, task_index(index)) {
                feeds[needed.as_usize()] = true;
            }
        }
        let tasks = dag
            .tasks
            .iter()
            .zip(feeds)
            .map(|(task, feeds)| TaskFacts {
                code: Arc::new(task.code.clone()),
                digest: digest_of(&task.code),
                queue: task.queue.as_deref().unwrap_or(DEFAULT_QUEUE).into(),
                account: Arc::new(Account {
                    tenant: tenant.clone(),
                    dag: stored.dag.0.unsigned_abs(),
                    pool: task.pool.as_deref().map(Into::into),
                    pool_slots: task.pool_slots.unwrap_or(1),
                }),
                feeds,
            })
            .collect();
        Ok(Self {
            plan: Arc::new(Plan::new(&dag, defaults)),
            timetable: Timetable::of(&dag),
            dag: Arc::new(dag),
            tasks,
        })
    }
}

fn task_index(index: usize) -> TaskIndex {
    TaskIndex(u32::try_from(index).expect("documents have fewer than 2^32 tasks"))
}
