//! The reader of a shard: a task beside the shard's loop that reads outputs.
//!
//! A read that fails for want of an answer is repeated until it succeeds. Only an output that is
//! missing or damaged is an answer of its own.

use super::executor::{Executor, TaskGuard};
use crate::{
    faults::FaultPoints,
    limits::{
        MAX_BLOB_FETCHES, MAX_BLOBS_AT_ONCE, MAX_BYTES_UNDER_WAY, MAX_QUERIES_AT_ONCE,
        MAX_ROW_FETCHES, OUTPUTS_PER_PAGE,
    },
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

/// The unit of the budget for bytes in flight.
const BUDGET_UNIT: u64 = 1024;

/// What the readers of all shards share.
#[derive(Debug, Clone)]
pub(super) struct ReadBudget {
    queries: Arc<Semaphore>,
    blobs: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
}

impl Default for ReadBudget {
    fn default() -> Self {
        let kibibytes = usize::try_from(u64::from(MAX_BYTES_UNDER_WAY) / BUDGET_UNIT);
        Self {
            queries: Arc::new(Semaphore::new(MAX_QUERIES_AT_ONCE)),
            blobs: Arc::new(Semaphore::new(MAX_BLOBS_AT_ONCE)),
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
        const CAPACITY: usize = MAX_ROW_FETCHES + MAX_BLOB_FETCHES;
        let (sender, requests) = mpsc::channel(CAPACITY);
        let (answer, answers) = mpsc::channel(CAPACITY);
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

    /// Whether another request may be sent now. Many that were dropped may fill the channel.
    pub(super) fn has_capacity(&self) -> bool {
        self.requests.capacity() > 0
    }

    /// Has something read. The answer comes as long as the handle lives and the request is not
    /// dropped.
    pub(super) fn request(&self, request: ReadRequest) {
        let sent = self.requests.try_send(request);
        sent.expect("the reader runs, and its channel has capacity");
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
                    // Nothing waits for one that was dropped.
                    if let Some(answer) = answer
                        && answers.send(answer).await.is_err()
                    {
                        return;
                    }
                }
            }
        }
    }

    /// Reads what is requested, unless the request is dropped before.
    async fn answer(&self, request: ReadRequest) -> Option<ReadAnswer> {
        let ReadRequest {
            fetch,
            number,
            tenant,
            generation,
            missing,
            dropped,
        } = request;
        let read = async {
            match missing {
                MissingOutputs::Rows { from } => self.read_rows(fetch, from).await,
                MissingOutputs::Blobs(blobs) => self.read_blobs(fetch, &tenant, blobs).await,
            }
        };
        let result = tokio::select! {
            biased;
            _dropped = dropped => return None,
            result = read => result,
        };
        Some(ReadAnswer {
            fetch,
            number,
            generation,
            result,
        })
    }

    async fn read_rows(&self, fetch: Fetch, from: u32) -> Result<Outcome, LostOutput> {
        let Fetch { run, task } = fetch;
        let mut delays = RetryDelays::default();
        loop {
            let read = {
                let _place = self.budget.queries.acquire().await;
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
            .buffered(MAX_BLOBS_AT_ONCE)
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
                let _place = self.budget.blobs.acquire().await;
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
