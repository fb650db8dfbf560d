//! Approvals: what deferred task instances asked people, and the answers.
//!
//! A turn writes a request with the deferral. An answer is written together with the command that
//! brings it to the instance, while the run's row is held, so that a request is answered once. Where
//! the scheduler refuses the command, since the wait ended otherwise in the meantime, the answer came
//! too late, and the request shows that.

use crate::{
    Database,
    audit::{self, Change},
    backend::{Bulk, Column, Row, Value, args, statements},
    encoding,
    named_events::{HOLD_RUN, WAKE, vanished},
};
use serde_json::{Map, json};
use std::sync::Arc;
use weft_core::{
    approval::Decision,
    document::TaskIndex,
    id::{DagId, OptionName, TenantId},
    run::Instance,
    run_id::RunId,
    time::Timestamp,
    wait::Woken,
};
use weft_store::{Arrival, CommandId, CommandKind, StoreError, Turn, VersionId};

macro_rules! view {
    ($from:literal) => {
        concat!(
            "SELECT a.run, a.task, a.map_index, a.number, d.id, r.version, a.request, a.asked, i.due, \
             a.choice, a.comment, a.fields, a.decided, a.decided_by, a.command, c.refused, \
             CASE WHEN i.number = a.number AND i.wait >= 'approval/' AND i.wait < 'approval0' THEN 1 ELSE 0 END ",
            $from
        )
    };
}

statements! {
    /// $1 tenant, $2 to $5 the key of the last one before, $6 limit, $7 the DAG.
    WAITING = view!("FROM approvals a CROSS JOIN task_instances i CROSS JOIN runs r CROSS JOIN dags d \
        LEFT JOIN commands c ON c.id = a.command \
        WHERE a.tenant = $1 AND a.decided IS NULL AND (a.run, a.task, a.map_index, a.number) > ($2, $3, $4, $5) \
        AND i.run = a.run AND i.task = a.task AND i.map_index = a.map_index \
        AND i.number = a.number AND i.wait >= 'approval/' AND i.wait < 'approval0' \
        AND r.id = a.run AND d.key = r.dag AND (CAST($7 AS TEXT) IS NULL OR d.id = $7) \
        ORDER BY a.run, a.task, a.map_index, a.number LIMIT $6");
    /// $1 tenant, $2 run, $3 to $5 the rest of the key of the last one before, $6 limit.
    OF_RUN = view!("FROM approvals a CROSS JOIN task_instances i CROSS JOIN runs r CROSS JOIN dags d \
        LEFT JOIN commands c ON c.id = a.command \
        WHERE a.run = $2 AND (a.task, a.map_index, a.number) > ($3, $4, $5) AND a.tenant = $1 \
        AND i.run = a.run AND i.task = a.task AND i.map_index = a.map_index AND r.id = a.run AND d.key = r.dag \
        ORDER BY a.task, a.map_index, a.number LIMIT $6");
    /// $1 tenant, $2 run, $3 task, $4 map index: the newest.
    ONE = view!("FROM approvals a CROSS JOIN task_instances i CROSS JOIN runs r CROSS JOIN dags d \
        LEFT JOIN commands c ON c.id = a.command \
        WHERE a.run = $2 AND a.task = $3 AND a.map_index = $4 AND a.tenant = $1 \
        AND i.run = a.run AND i.task = a.task AND i.map_index = a.map_index AND r.id = a.run AND d.key = r.dag \
        ORDER BY a.number DESC LIMIT 1");
    DECIDE = "UPDATE approvals SET choice = $5, comment = $6, fields = $7, decided = $8, decided_by = $9, command = $10 \
        WHERE run = $1 AND task = $2 AND map_index = $3 AND number = $4 AND decided IS NULL RETURNING run";
}

/// Requests that a turn writes. An instance that was cleared may ask again under the same number.
pub(crate) static OF_TURN: Bulk = Bulk::with(
    "WITH asked (run, task, map_index, number, request, at) AS (VALUES ",
    {
        use Column::{Int, Text};
        &[Int, Int, Int, Int, Text, Int]
    },
    ") INSERT INTO approvals (run, task, map_index, number, tenant, request, asked) \
     SELECT w.run, w.task, w.map_index, w.number, r.tenant, w.request, w.at FROM asked w CROSS JOIN runs r \
     WHERE r.id = w.run ORDER BY w.run, w.task, w.map_index \
     ON CONFLICT (run, task, map_index, number) DO UPDATE SET request = excluded.request, asked = excluded.asked, \
     choice = NULL, comment = NULL, fields = NULL, decided = NULL, decided_by = NULL, command = NULL",
);
pub(crate) static BULKS: &[&Bulk] = &[&OF_TURN];

/// A request with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRow {
    /// The run of the instance that asks.
    pub run: RunId,
    /// The instance.
    pub instance: Instance,
    /// The number of the attempt that asked.
    pub number: u32,
    /// DAG of the run.
    pub dag: DagId,
    /// The version that the run is pinned to.
    pub version: VersionId,
    /// What is asked, as [`weft_core::approval::ApprovalRequest`] writes it.
    pub request: Arc<str>,
    /// When it was asked, by the scheduler's clock.
    pub asked: Timestamp,
    /// When the wait ends without an answer.
    pub until: Option<Timestamp>,
    /// Whether the instance waits for the answer.
    pub is_waiting: bool,
    /// The answer.
    pub answer: Option<AnswerRow>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRow {
    /// The option that was chosen.
    pub option: String,
    /// Of who chose it.
    pub comment: Option<String>,
    /// The form's values: a JSON object.
    pub fields: Arc<str>,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// The name and number of the token.
    pub by: String,
    /// The command that brings it to the instance.
    pub command: CommandId,
    /// Why the scheduler refused that, if it did.
    pub refused: Option<String>,
}

/// The key of a request: its run and instance, and the number of its attempt.
pub type ApprovalKey = (RunId, Instance, u32);

/// An answer to give.
#[derive(Debug, Clone, PartialEq)]
pub struct Decide {
    /// Tenant of the run.
    pub tenant: TenantId,
    /// What is answered.
    pub key: ApprovalKey,
    /// One of the request's options.
    pub option: OptionName,
    /// For the task and readers of the run.
    pub comment: Option<String>,
    /// The form's values, which fit it.
    pub fields: Map<String, serde_json::Value>,
    /// The name of the token that answers, as the task learns it.
    pub by: String,
    /// The token's name and number.
    pub actor: String,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// No such run, or no such request.
    #[error("the task instance asks nothing")]
    Unknown,
    /// Somebody was first.
    #[error("{by} chose {option} already")]
    Decided {
        /// The name and number of the token.
        by: String,
        /// The option.
        option: String,
    },
    /// The wait ended otherwise.
    #[error("the task instance no longer waits for an answer")]
    Over,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Requests that instances of a tenant wait for, by key, after `after`; with `dag` of that DAG
    /// alone.
    pub async fn waiting_approvals(
        &self,
        tenant: &TenantId,
        dag: Option<&DagId>,
        after: Option<ApprovalKey>,
        limit: u32,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let (run, task, index, number) = key_columns(after);
        let dag = dag.map(DagId::as_str);
        let args = args![tenant, run, task, index, number, limit, dag];
        let rows = self.backend().read(WAITING, args).await?;
        rows.into_iter().map(approval_row).collect()
    }

    /// Everything that instances of a run asked, by key, after `after`.
    pub async fn approvals_of_run(
        &self,
        (tenant, run): (&TenantId, RunId),
        after: Option<ApprovalKey>,
        limit: u32,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let (_, task, index, number) = key_columns(after);
        let args = args![tenant, run, task, index, number, limit];
        let rows = self.backend().read(OF_RUN, args).await?;
        rows.into_iter().map(approval_row).collect()
    }

    /// What an instance asked last.
    pub async fn approval(
        &self,
        (tenant, run): (&TenantId, RunId),
        instance: Instance,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        let args = args![tenant, run, instance.task.0, instance.index];
        let row = self.backend().read_one(ONE, args).await?;
        row.map(approval_row).transpose()
    }

    /// Writes an answer and the command that brings it to the instance; durable when it returns.
    pub async fn decide_approval(&self, decide: &Decide) -> Result<ApprovalRow, DecideError> {
        let now = self.clock().await?;
        let (run, instance, number) = decide.key;
        let (task, index) = (instance.task.0, instance.index);
        let mut tx = self.backend().begin().await?;
        let held = tx.run_one(HOLD_RUN, args![&decide.tenant, run]).await?;
        if held.is_none() {
            return Err(DecideError::Unknown);
        }
        let asked = args![&decide.tenant, run, task, index];
        let row = tx.run_one(ONE, asked.clone()).await?;
        let row = approval_row(row.ok_or(DecideError::Unknown)?)?;
        if let Some(answer) = row.answer {
            let AnswerRow { by, option, .. } = answer;
            return Err(DecideError::Decided { by, option });
        }
        if row.number != number || !row.is_waiting {
            return Err(DecideError::Over);
        }
        let decision = Decision {
            option: decide.option.clone(),
            comment: decide.comment.clone(),
            fields: decide.fields.clone(),
            by: Some((decide.by.clone(), now)),
        };
        let woken = Woken::Approval(decision).to_json().into();
        let by = Arrival { number, woken };
        let body = encoding::encode_command(&CommandKind::EndWait { instance, by });
        let command = tx
            .run_one(WAKE, args![run, body, now, &decide.actor])
            .await?;
        let command: i64 = command.ok_or_else(vanished)?.take()?;
        let fields = serde_json::Value::Object(decide.fields.clone()).to_string();
        let mut values = args![run, task, index, number, decide.option.as_str()];
        values.extend(args![
            decide.comment.as_ref(),
            fields,
            now,
            &decide.actor,
            command
        ]);
        tx.run_one(DECIDE, values).await?.ok_or_else(vanished)?;
        let details = json!({ "task": task, "index": index, "option": decide.option.as_str() });
        let change = Change {
            at: now,
            tenant: Some(&decide.tenant),
            actor: &decide.actor,
            action: "approval.decide",
            subject: &run.to_string(),
            details: Some(details.to_string()),
        };
        audit::append(&mut tx, change).await?;
        let row = tx.run_one(ONE, asked).await?.ok_or_else(vanished)?;
        let row = approval_row(row)?;
        tx.commit().await?;
        Ok(row)
    }
}

/// The values of [`OF_TURN`].
pub(crate) fn asked(turn: &Turn) -> Vec<Value> {
    let rows = turn.approvals.iter().flat_map(|asked| {
        args![
            asked.run,
            asked.instance.task.0,
            asked.instance.index,
            asked.number,
            &asked.request,
            asked.at
        ]
    });
    rows.collect()
}

fn key_columns(key: Option<ApprovalKey>) -> (i64, i64, i64, i64) {
    key.map_or((-1, -1, -1, -1), |(run, instance, number)| {
        let (task, index) = (instance.task.0.into(), instance.index.into());
        (run.as_i64(), task, index, number.into())
    })
}

fn approval_row(mut row: Row) -> Result<ApprovalRow, StoreError> {
    let run = row.take()?;
    let instance = Instance {
        task: TaskIndex(row.take()?),
        index: row.take()?,
    };
    let (number, dag, version) = (row.take()?, row.take()?, row.take()?);
    let (request, asked, until) = (row.take()?, row.take()?, row.take()?);
    let (option, comment, fields) = (row.take()?, row.take()?, row.take()?);
    let (at, by, command): (Option<Timestamp>, Option<String>, Option<i64>) =
        (row.take()?, row.take()?, row.take()?);
    let refused = row.take()?;
    let is_waiting: i64 = row.take()?;
    let answer = match (option, fields, at, by, command) {
        (Some(option), Some(fields), Some(at), Some(by), Some(command)) => Some(AnswerRow {
            option,
            comment,
            fields,
            at,
            by,
            command: CommandId(command),
            refused,
        }),
        _ => None,
    };
    Ok(ApprovalRow {
        run,
        instance,
        number,
        dag,
        version,
        request,
        asked,
        until,
        is_waiting: is_waiting == 1 && answer.is_none(),
        answer,
    })
}
