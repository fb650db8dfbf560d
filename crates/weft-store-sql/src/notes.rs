//! Notes that people write about runs and task instances: one each, with its author and its time.

use crate::{
    Database,
    audit::{self, Change},
    backend::{args, statements},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use weft_core::{id::TenantId, run::Instance, run_id::RunId, time::Timestamp};
use weft_store::StoreError;

statements! {
    /// $1 tenant, $2 run, $3 task, $4 map index, $5 body.
    PUT = "INSERT INTO notes (run, task, map_index, body) \
        SELECT r.id, CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS TEXT) FROM runs r \
        WHERE r.tenant = $1 AND r.id = $2 AND r.expiring = 0 \
        ON CONFLICT (run, task, map_index) DO UPDATE SET body = excluded.body RETURNING run";
    DELETE = "DELETE FROM notes WHERE run = (SELECT r.id FROM runs r WHERE r.tenant = $1 AND r.id = $2) \
        AND task = $3 AND map_index = $4 RETURNING run";
    SHOW = "SELECT n.body FROM runs r CROSS JOIN notes n \
        WHERE r.tenant = $1 AND r.id = $2 AND n.run = r.id AND n.task = $3 AND n.map_index = $4";
    EXISTS = "SELECT id FROM runs WHERE tenant = $1 AND id = $2 AND expiring = 0";
}

/// The longest text of a note, in bytes.
pub const MAX_NOTE_BYTES: usize = 4 << 10;
/// The task of a note on the run itself.
const RUN_ITSELF: i64 = -1;

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it says.
    pub text: String,
    /// Who wrote it, as the audit names them.
    pub by: String,
    /// When, in milliseconds since the epoch.
    #[serde(with = "at")]
    pub at: Timestamp,
}

mod at {
    //! A time as a number.

    use serde::{Deserialize as _, Deserializer, Serializer};
    use weft_core::time::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp)
    }
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteSubject<'a> {
    /// The run.
    pub run: RunId,
    /// One of its instances, and the id of its task; the run itself if absent.
    pub instance: Option<(Instance, &'a str)>,
}

impl NoteSubject<'_> {
    fn key(&self) -> (i64, i64) {
        self.instance.map_or((RUN_ITSELF, 0), |(instance, _)| {
            (instance.task.0.into(), instance.index.into())
        })
    }
}

impl Database {
    /// Replaces the note; without a text it is removed. `false` where there is no such run.
    pub async fn put_note(
        &self,
        tenant: &TenantId,
        subject: NoteSubject<'_>,
        text: &str,
        actor: &str,
    ) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let (task, index) = subject.key();
        let run = subject.run;
        let mut tx = self.backend().begin().await?;
        let changed = if text.is_empty() {
            let key = args![tenant, run, task, index];
            tx.run_one(DELETE, key).await?.is_some()
        } else {
            let note = Note {
                text: text.to_owned(),
                by: actor.to_owned(),
                at: now,
            };
            let body = serde_json::to_string(&note).expect("texts and a number are JSON");
            let values = args![tenant, run, task, index, body];
            tx.run_one(PUT, values).await?.is_some()
        };
        if !changed {
            let exists = tx.run_one(EXISTS, args![tenant, run]).await?;
            return Ok(text.is_empty() && exists.is_some());
        }
        let details = match subject.instance {
            None => json!({ "text": text }),
            Some((instance, task)) => {
                json!({ "task": task, "index": instance.index, "text": text })
            }
        };
        let change = Change {
            at: now,
            tenant: Some(tenant),
            actor,
            action: "run.note",
            subject: &run.to_string(),
            details: Some(details.to_string()),
        };
        audit::append(&mut tx, change).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The note on a task instance.
    pub async fn show_note(
        &self,
        tenant: &TenantId,
        subject: NoteSubject<'_>,
    ) -> Result<Option<Note>, StoreError> {
        let (task, index) = subject.key();
        let key = args![tenant, subject.run, task, index];
        let row = self.backend().read_one(SHOW, key).await?;
        let body: Option<String> = row.map(|mut row| row.take()).transpose()?;
        decode_note(body.as_deref())
    }
}

/// A note as its column has it.
pub(crate) fn decode_note(body: Option<&str>) -> Result<Option<Note>, StoreError> {
    body.map(|body| {
        serde_json::from_str(body)
            .map_err(|error| StoreError::Corrupt(format!("a note can't be read: {error}")))
    })
    .transpose()
}
