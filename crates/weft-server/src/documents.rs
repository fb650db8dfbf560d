//! The DAGs of versions, parsed once: a version never changes.

use crate::problem::Problem;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use weft_core::document::{self, Dag, Format, Source};
use weft_store::{RunStore, VersionId};
use weft_store_sql::Database;

/// The most text of documents whose DAGs are kept, in bytes.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// Parsed DAGs by version. What doesn't fit any more is let go all at once:
/// reading a document again is cheap, keeping an order of use isn't needed.
#[derive(Default)]
pub(crate) struct Documents(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    dags: HashMap<VersionId, Arc<Dag>>,
    text_bytes: usize,
}

impl Documents {
    /// The DAG of a version that a row of the database names.
    pub(crate) async fn of(
        &self,
        database: &Database,
        version: VersionId,
    ) -> Result<Arc<Dag>, Problem> {
        if let Some(dag) = self.kept().dags.get(&version) {
            return Ok(Arc::clone(dag));
        }
        let stored = RunStore::version(database, version).await?.ok_or_else(|| {
            Problem::internal(format!("the version {version:?} is named and not there"))
        })?;
        let dag = Arc::new(parse_text(&stored.document)?);
        let mut kept = self.kept();
        if kept.text_bytes + stored.document.len() > MAX_TEXT_BYTES {
            *kept = Kept::default();
        }
        kept.text_bytes += stored.document.len();
        kept.dags.insert(version, Arc::clone(&dag));
        Ok(dag)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Nothing half-done can stand behind the lock: its users don't panic between two changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one DAG of a document that the database holds: it was valid once.
pub(crate) fn parse_text(text: &str) -> Result<Dag, Problem> {
    let source = Source {
        name: "the stored document",
        text,
        format: Format::Json,
    };
    let document = document::parse(source).map_err(Problem::internal)?;
    document
        .dags
        .into_iter()
        .next()
        .ok_or_else(|| Problem::internal("a stored document has no DAG"))
}
