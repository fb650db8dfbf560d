//! From what turns noticed to deliveries: which destinations want it, and what is folded.

use std::collections::{BTreeMap, HashMap};
use weft_core::{
    document::{self, Dag, Format, Source},
    id::TenantId,
    notification::{Destination, Notice, NoticeCause, NoticeRun, NotifyOn},
};
use weft_store::{DagKey, RunStore as _, StoreError, VersionId};
use weft_store_sql::{Database, NewDelivery, Noticed};

/// The most destinations of one tenant.
const MAX_DESTINATIONS: u32 = 500;
/// The most documents that are kept between two rounds.
const MAX_DOCUMENTS: usize = 200;

/// What is read of the DAGs of versions, which never change.
#[derive(Default)]
pub(super) struct Documents(HashMap<VersionId, Option<Names>>);

/// Names of a version.
struct Names {
    tags: Vec<String>,
    tasks: Vec<String>,
}

impl Documents {
    async fn load(&mut self, database: &Database, version: VersionId) -> Result<(), StoreError> {
        if self.0.contains_key(&version) {
            return Ok(());
        }
        if self.0.len() >= MAX_DOCUMENTS {
            self.0.clear();
        }
        let names = match database.version(version).await {
            Ok(stored) => stored.and_then(|stored| names_of(&stored.document)),
            // Notices of its runs lack the names of tasks.
            Err(StoreError::Corrupt(_)) => None,
            Err(error) => return Err(error),
        };
        self.0.insert(version, names);
        Ok(())
    }

    fn tags(&self, version: VersionId) -> &[String] {
        let names = self.0.get(&version).and_then(Option::as_ref);
        names.map_or(&[], |names| &names.tags)
    }

    fn task(&self, version: VersionId, task: document::TaskIndex) -> Option<String> {
        let names = self.0.get(&version)?.as_ref()?;
        names.tasks.get(task.as_usize()).cloned()
    }
}

fn names_of(text: &str) -> Option<Names> {
    let source = Source {
        name: "the stored document",
        text,
        format: Format::Json,
    };
    let dag: Dag = document::parse(source).ok()?.dags.into_iter().next()?;
    Some(Names {
        tasks: dag.tasks.iter().map(|task| task.id.to_string()).collect(),
        tags: dag.tags,
    })
}

/// Plans the oldest noticed rows; `false` if there were none.
pub(super) async fn plan(
    database: &Database,
    documents: &mut Documents,
    limit: u32,
) -> Result<bool, StoreError> {
    let mut batch = database.noticed(limit).await?;
    if batch.rows.is_empty() {
        return Ok(false);
    }
    let mut destinations: BTreeMap<TenantId, Vec<(String, Destination)>> = BTreeMap::new();
    for row in &batch.rows {
        documents.load(database, row.version).await?;
        if !destinations.contains_key(&row.tenant) {
            let found = database.destinations(&row.tenant, MAX_DESTINATIONS).await?;
            destinations.insert(row.tenant.clone(), found);
        }
    }
    let mut last = std::mem::take(&mut batch.last);
    let mut planned = Planned::default();
    for row in &batch.rows {
        for on in occasions(row, &mut last) {
            let notice = notice(row, on, documents);
            let tags = documents.tags(row.version);
            for (name, destination) in &destinations[&row.tenant] {
                if destination.wants(on, row.dag_id.as_str(), tags) {
                    let notice = notice.clone();
                    planned.add(NewDelivery::new(&row.tenant, name, destination, notice));
                }
            }
        }
    }
    // Another process that was faster planned the same rows.
    database.plan_deliveries(&batch, &last, planned.0).await?;
    Ok(true)
}

/// What a row is about: a success may be a recovery as well. Remembers how the DAG fares.
fn occasions(row: &Noticed, last: &mut BTreeMap<DagKey, NotifyOn>) -> Vec<NotifyOn> {
    match row.on {
        NotifyOn::Success | NotifyOn::Failure => {
            let before = last.insert(row.dag, row.on);
            let is_recovery = row.on == NotifyOn::Success && before == Some(NotifyOn::Failure);
            let recovery = is_recovery.then_some(NotifyOn::Recovery);
            std::iter::once(row.on).chain(recovery).collect()
        }
        NotifyOn::Retry
        | NotifyOn::Recovery
        | NotifyOn::Deadline
        | NotifyOn::Approval
        | NotifyOn::Test => vec![row.on],
    }
}

fn notice(row: &Noticed, on: NotifyOn, documents: &Documents) -> Notice {
    let failure = row.failure.as_ref();
    let run = NoticeRun {
        dag: row.dag_id.to_string(),
        run: row.run.to_string(),
        task: failure.and_then(|failure| documents.task(row.version, failure.task)),
        index: failure.map(|failure| failure.index),
        at: row.at.0,
    };
    let cause = failure.map(|failure| NoticeCause {
        fingerprint: hex(&failure.fingerprint.0),
        code: failure.code.clone(),
        message: failure.message.clone(),
    });
    Notice {
        on,
        count: row.attempts,
        first: row.at.0,
        last: row.at.0,
        dags: vec![row.dag_id.to_string()],
        runs: vec![run],
        cause,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes every text");
    }
    text
}

/// Deliveries of one batch: those of one fold are one.
#[derive(Default)]
struct Planned(Vec<NewDelivery>);

impl Planned {
    fn add(&mut self, new: NewDelivery) {
        let same = self.0.iter_mut().find(|other| {
            other.fold_key == new.fold_key
                && other.destination == new.destination
                && other.tenant == new.tenant
        });
        match same {
            Some(other) => other.notice.merge(new.notice),
            None => self.0.push(new),
        }
    }
}
