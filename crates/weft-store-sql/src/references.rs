//! References to blobs: versions, outputs, and the texts that may name artifacts. A blob without a
//! reference can be removed.

use crate::{
    Database,
    backend::{Row, args, statements},
    encoding,
};
use std::sync::Arc;
use weft_core::{digest::Digest, run_id::RunId, time::Timestamp};
use weft_store::StoreError;

/// As the index says it, which is not used otherwise.
macro_rules! may_name {
    ($column:literal) => {
        concat!(
            "(",
            $column,
            " LIKE '%$artifact%' OR ",
            $column,
            " LIKE '%\\u%' ESCAPE '!')"
        )
    };
}

statements! {
    VERSIONS = "SELECT id, digest, files FROM versions WHERE id > $1 ORDER BY id LIMIT $2";
    OUTPUTS = "SELECT DISTINCT output_digest FROM task_instances \
        WHERE output_digest IS NOT NULL AND output_digest > $1 ORDER BY output_digest LIMIT $2";
    IN_OUTPUTS = concat!("SELECT run, task, map_index, output FROM task_instances WHERE ", may_name!("output"),
        " AND (run, task, map_index) > ($1, $2, $3) ORDER BY run, task, map_index LIMIT $4");
    IN_RESUMES = "SELECT run, task, map_index, resume FROM task_instances WHERE resume IS NOT NULL \
        AND (run, task, map_index) > ($1, $2, $3) ORDER BY run, task, map_index LIMIT $4";
    IN_PARAMS = concat!("SELECT id, 0, 0, params FROM runs WHERE ", may_name!("params"),
        " AND id > $1 AND CAST($2 AS BIGINT) >= -1 AND CAST($3 AS BIGINT) >= -1 ORDER BY id LIMIT $4");
    OLDEST_RUNNING = "SELECT min(t.started) FROM shards CROSS JOIN runs r CROSS JOIN task_instances t \
        WHERE r.shard = shards.shard AND r.state = 2 AND t.run = r.id AND t.state = 2 AND t.state <> 10";
}

/// Where a listing of digests goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestCursor {
    /// Files of versions, after this row.
    Versions(i64),
    /// Outputs of runs, after this digest.
    Outputs(Option<Digest>),
}

impl DigestCursor {
    /// The beginning.
    pub const START: Self = Self::Versions(0);
}

/// Where a listing of texts goes on: after a run, task and map index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextCursor {
    of: TextOf,
    after: Position,
}

/// A run, a task's index, a map index.
type Position = (i64, i64, i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextOf {
    Outputs,
    Resumes,
    Params,
}

impl TextCursor {
    /// The beginning.
    pub const START: Self = Self::begin(TextOf::Outputs);

    const fn begin(of: TextOf) -> Self {
        Self {
            of,
            after: (-1, -1, -1),
        }
    }
}

impl Database {
    /// Digests that versions or outputs of existing runs name, by page: what is
    /// named by none, and is older than the first page, can go. A digest may come twice.
    pub async fn referenced_digests(
        &self,
        from: DigestCursor,
        limit: u32,
    ) -> Result<(Vec<Digest>, Option<DigestCursor>), StoreError> {
        match from {
            DigestCursor::Versions(after) => {
                let rows = self.backend().read(VERSIONS, args![after, limit]).await?;
                let mut last = None;
                let mut digests = Vec::new();
                for mut row in rows {
                    last = Some(row.take()?);
                    digests.push(row.take()?);
                    let files = encoding::decode_files(&row.take::<Arc<str>>()?)?;
                    digests.extend(files.into_iter().map(|file| file.digest));
                }
                let next = last.map_or(DigestCursor::Outputs(None), DigestCursor::Versions);
                Ok((digests, Some(next)))
            }
            DigestCursor::Outputs(after) => {
                let after = after.map_or(Vec::new(), |digest| digest.0.to_vec());
                let rows = self.backend().read(OUTPUTS, args![&*after, limit]).await?;
                let digests = rows
                    .into_iter()
                    .map(|mut row| row.take())
                    .collect::<Result<Vec<Digest>, _>>()?;
                let next = digests
                    .last()
                    .map(|last| DigestCursor::Outputs(Some(*last)));
                Ok((digests, next))
            }
        }
    }

    /// Texts (JSON) of existing runs that may name artifacts: outputs that are in the
    /// database, what deferred tasks left for their next attempt, parameters. Large outputs
    /// are blobs, which their reader looks into.
    pub async fn texts_with_references(
        &self,
        from: TextCursor,
        limit: u32,
    ) -> Result<(Vec<Arc<str>>, Option<TextCursor>), StoreError> {
        let (statement, following) = match from.of {
            TextOf::Outputs => (IN_OUTPUTS, Some(TextOf::Resumes)),
            TextOf::Resumes => (IN_RESUMES, Some(TextOf::Params)),
            TextOf::Params => (IN_PARAMS, None),
        };
        let (run, task, index) = from.after;
        let rows = self
            .backend()
            .read(statement, args![run, task, index, limit])
            .await?;
        let mut next = following.map(TextCursor::begin);
        let mut texts = Vec::with_capacity(rows.len());
        for row in rows {
            let (after, text) = text_row(row)?;
            texts.push(text);
            next = Some(TextCursor { of: from.of, after });
        }
        Ok((texts, next))
    }

    /// When the attempt that runs longest started, by the database's clock; what it made is
    /// named by nothing yet.
    pub async fn oldest_running(&self) -> Result<Option<Timestamp>, StoreError> {
        match self.backend().read_one(OLDEST_RUNNING, args![]).await? {
            Some(mut row) => row.take(),
            None => Ok(None),
        }
    }
}

fn text_row(mut row: Row) -> Result<(Position, Arc<str>), StoreError> {
    let run: RunId = row.take()?;
    Ok(((run.as_i64(), row.take()?, row.take()?), row.take()?))
}
