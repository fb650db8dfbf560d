//! The reader of a shard: a task beside the shard's loop that reads outputs.
//!
//! A read that fails for want of an answer is repeated until it succeeds. Only an output that is
//! missing or damaged is an answer of its own.

use super::executor::{Executor, TaskGuard};
use crate::{
    faults::FaultPoints,
    limits::{MAX_BYTES_UNDER_WAY, MAX_FETCHES, MAX_READS_AT_ONCE, OUTPUTS_PER_PAGE},
    options::Deps,
    outputs::{BlobOutput, MissingOutputs},
    retry::RetryDelays,
    shard::reads::{Fetch, LostOutput, Outcome, ReadAnswer, ReadRequest},
};
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{FuturesUnordered, iter},
};
use std::sync::Arc;
use tokio::{
    sync::{Semaphore, mpsc},
    time::sleep,
};
use weft_blob::BlobError;
use weft_core::{digest::Digest, id::TenantId};
use weft_store::StoreError;

/// The unit of the budget for bytes under way.
const BUDGET_UNIT: u64 = 1024;

/// What the readers of all shards share.
#[derive(Debug, Clone)]
pub(super) struct ReadBudget {
    reads: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
}

impl Default for ReadBudget {
    fn default() -> Self {
        let kibibytes = usize::try_from(u64::from(MAX_BYTES_UNDER_WAY) / BUDGET_UNIT);
        Self {
            reads: Arc::new(Semaphore::new(MAX_READS_AT_ONCE)),
            kibibytes: Arc::new(Semaphore::new(kibibytes.unwrap_or(usize::MAX))),
        }
    }
}

/// The loop's side of the reader.
pub(super) struct ReaderHandle {
    requests: mpsc::Sender<ReadRequest>,
    answers: mpsc::Receiver<ReadAnswer>,
    _task: TaskGuard,
}

impl ReaderHandle {
    /// Starts a reader.
    pub(super) fn start(
        executor: &dyn Executor,
        deps: Deps,
        faults: FaultPoints,
        budget: ReadBudget,
    ) -> Self {
        // As many fetches are under way at most, so that neither channel is ever full.
        let (sender, requests) = mpsc::channel(MAX_FETCHES);
        let (answer, answers) = mpsc::channel(MAX_FETCHES);
        let reader = Reader {
            deps,
            faults,
            budget,
        };
        let task = executor.spawn(Box::pin(reader.run(requests, answer)));
        Self {
            requests: sender,
            answers,
            _task: task,
        }
    }

    /// Has something read. The answer comes as long as the handle lives.
    pub(super) fn request(&self, request: ReadRequest) {
        let sent = self.requests.try_send(request);
        sent.expect("the reader runs, and no more fetches are under way than its channel holds");
    }

    /// The next answer. Cancel-safe.
    pub(super) async fn receive(&mut self) -> ReadAnswer {
        match self.answers.recv().await {
            Some(answer) => answer,
            // The reader is as long-lived as its handle.
            None => std::future::pending().await,
        }
    }

    /// An answer that has arrived.
    pub(super) fn try_receive(&mut self) -> Option<ReadAnswer> {
        self.answers.try_recv().ok()
    }
}

struct Reader {
    deps: Deps,
    faults: FaultPoints,
    budget: ReadBudget,
}

impl Reader {
    async fn run(
        self,
        mut requests: mpsc::Receiver<ReadRequest>,
        answers: mpsc::Sender<ReadAnswer>,
    ) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                request = requests.recv() => match request {
                    Some(request) => under_way.push(self.answer(request)),
                    None => return,
                },
                Some(answer) = under_way.next() => {
                    if answers.send(answer).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn answer(&self, request: ReadRequest) -> ReadAnswer {
        let ReadRequest {
            fetch,
            tenant,
            generation,
            missing,
        } = request;
        let result = match missing {
            MissingOutputs::Rows { from } => self.read_rows(fetch, from).await,
            MissingOutputs::Blobs(blobs) => self.read_blobs(fetch, &tenant, blobs).await,
        };
        ReadAnswer {
            fetch,
            generation,
            result,
        }
    }

    async fn read_rows(&self, fetch: Fetch, from: u32) -> Result<Outcome, LostOutput> {
        let Fetch { run, task } = fetch;
        let mut delays = RetryDelays::default();
        loop {
            let read = {
                let _turn = self.budget.reads.acquire().await;
                let store = &self.deps.store;
                store
                    .outputs_of_task(run, task, from, OUTPUTS_PER_PAGE)
                    .await
            };
            match read {
                Ok(rows) => {
                    let is_last = rows.len() < OUTPUTS_PER_PAGE as usize;
                    return Ok(Outcome::Rows { rows, is_last });
                }
                Err(error @ (StoreError::Unavailable(_) | StoreError::Full(_))) => {
                    tracing::warn!(%error, %run, task = task.0, operation = "read outputs", "database call failed; it is retried after a delay");
                }
                Err(error @ (StoreError::Corrupt(_) | StoreError::Defect(_))) => {
                    return Err(LostOutput(error.to_string()));
                }
            }
            sleep(delays.next_delay()).await;
        }
    }

    async fn read_blobs(
        &self,
        fetch: Fetch,
        tenant: &TenantId,
        blobs: Vec<(u32, BlobOutput)>,
    ) -> Result<Outcome, LostOutput> {
        let reads = blobs.into_iter().map(|(index, blob)| async move {
            let text = self.read_blob(fetch, tenant, blob).await?;
            Ok((index, blob.digest, text))
        });
        let texts: Vec<(u32, Digest, Arc<str>)> = iter(reads)
            .buffered(MAX_READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(Outcome::Texts(texts))
    }

    async fn read_blob(
        &self,
        fetch: Fetch,
        tenant: &TenantId,
        blob: BlobOutput,
    ) -> Result<Arc<str>, LostOutput> {
        let mut delays = RetryDelays::default();
        let mut has_failed = false;
        let units = blob.bytes.clamp(1, u64::from(MAX_BYTES_UNDER_WAY)) / BUDGET_UNIT;
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        loop {
            let read = {
                let _bytes = self.budget.kibibytes.acquire_many(units).await;
                let _turn = self.budget.reads.acquire().await;
                self.deps.blobs.read_output(tenant, &blob.digest).await
            };
            match read {
                Ok(bytes) => {
                    let text = String::from_utf8(bytes);
                    let text = text.map_err(|_not_utf8| {
                        LostOutput(format!("the blob {} is not UTF-8", blob.digest))
                    });
                    return text.map(Into::into);
                }
                Err(
                    error @ (BlobError::Missing { .. }
                    | BlobError::Damaged { .. }
                    | BlobError::TooLarge { .. }),
                ) => return Err(LostOutput(error.to_string())),
                Err(
                    error @ (BlobError::Full { .. }
                    | BlobError::Forbidden { .. }
                    | BlobError::InvalidUrl { .. }
                    | BlobError::Unavailable { .. }),
                ) => {
                    if !self.faults.repeats_reads() {
                        return Err(LostOutput(error.to_string()));
                    }
                    if !has_failed {
                        has_failed = true;
                        tracing::warn!(%error, run = %fetch.run, task = fetch.task.0, operation = "read output", "the blob store does not answer; the read is repeated until it does, and what needs the output waits");
                    }
                }
            }
            sleep(delays.next_delay()).await;
        }
    }
}
