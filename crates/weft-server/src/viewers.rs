//! Changes for everybody who watches: encoded once, in batches, kept for a while so that a stream can be continued.
//!
//! One task listens to the scheduler for all streams of a kind, and only while there are streams. The first change is sent at
//! once, and then a batch at most ten times a second with the last state of each row. The end of a run does not wait for the
//! next batch, because somebody may wait for it, unless more runs end than anybody watches one by one. A batch has a number, which is the id
//! of its last event: a stream that names it gets the batches since. Where they are not there any more, or changes were
//! missed, it gets an event `resync`: read what is shown again.

use crate::{
    ports::{Change, Changes, News},
    view,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use std::{
    collections::{HashMap, VecDeque},
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::broadcast,
    time::{Instant, sleep_until},
};
use weft_core::{
    id::{TaskId, TenantId},
    run_id::RunId,
};

/// The least time between two batches.
const INTERVAL: Duration = Duration::from_millis(100);
/// The most batches in that time that are sent at once, because a run has ended.
const MAX_AT_ONCE: u32 = 20;
/// How long batches are kept, and how long the task listens on after the last stream.
const KEPT_FOR: Duration = Duration::from_mins(1);
/// The most memory of batches that are kept, in bytes.
const MAX_KEPT_BYTES: usize = 8 << 20;
/// The most rows of a batch; beyond it everybody reads again.
const MAX_ROWS: usize = 50_000;
/// The most batches that a slow stream may be behind.
const MAX_BEHIND: usize = 64;

/// What a stream shows.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) tenant: TenantId,
    pub(crate) run: Option<RunId>,
}

/// The changes of a moment.
pub(crate) struct Batch {
    number: u64,
    at: Instant,
    /// Absent where changes were missed.
    tenants: Option<HashMap<TenantId, Encoded>>,
    bytes: usize,
}

/// The events of one tenant as they are sent.
#[derive(Default)]
struct Encoded {
    all: Bytes,
    runs: HashMap<RunId, Bytes>,
}

impl Batch {
    /// The events for a stream; none where nothing of it changed.
    pub(crate) fn of(&self, filter: &Filter) -> Option<Bytes> {
        let Some(tenants) = &self.tenants else {
            return Some(resync());
        };
        let encoded = tenants.get(&filter.tenant)?;
        match filter.run {
            None => Some(encoded.all.clone()),
            Some(run) => encoded.runs.get(&run).cloned(),
        }
    }

    pub(crate) const fn number(&self) -> u64 {
        self.number
    }
}

/// An event that says that something was missed.
pub(crate) fn resync() -> Bytes {
    Bytes::from_static(b"event: resync\ndata:\n\n")
}

/// The streams of one kind.
#[derive(Clone)]
pub(crate) struct Viewers(Arc<Mutex<Shared>>);

struct Shared {
    /// Names this object in ids, so that those of another process are known as such.
    name: String,
    /// The number of the last batch.
    number: u64,
    kept: VecDeque<Arc<Batch>>,
    kept_bytes: usize,
    /// None once the task has ended.
    sender: Option<broadcast::Sender<Arc<Batch>>>,
}

/// A new stream.
pub(crate) struct Joined {
    /// What comes from now on.
    pub(crate) batches: broadcast::Receiver<Arc<Batch>>,
    /// What came since the id that the stream names; none where that is not known any more.
    pub(crate) missed: Option<Vec<Arc<Batch>>>,
    /// The number of the last batch.
    pub(crate) number: u64,
    /// What ids begin with.
    pub(crate) name: String,
}

impl Viewers {
    /// Begins to listen.
    pub(crate) fn begin(changes: Changes) -> Self {
        let viewers = Self(Arc::new(Mutex::new(Shared {
            name: crate::request_id::fresh(),
            number: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            sender: Some(broadcast::Sender::new(MAX_BEHIND)),
        })));
        tokio::spawn(listen(viewers.clone(), changes));
        viewers
    }

    /// Adds a stream that goes on after an id, if it names one; none where the task has ended.
    pub(crate) fn join(&self, after: Option<&str>) -> Option<Joined> {
        let shared = self.shared();
        let batches = shared.sender.as_ref()?.subscribe();
        let missed = after.map_or(Some(Vec::new()), |id| shared.since(id));
        Some(Joined {
            batches,
            missed,
            number: shared.number,
            name: shared.name.clone(),
        })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a batch; `None` says that changes were missed.
    fn send(&self, pending: Option<Pending>) {
        let mut shared = self.shared();
        shared.number += 1;
        let id = shared.id();
        let tenants = pending.map(|pending| pending.encode(&id));
        let bytes = tenants.iter().flat_map(HashMap::values);
        let bytes = bytes.map(|encoded| 2 * encoded.all.len()).sum();
        let batch = Arc::new(Batch {
            number: shared.number,
            at: Instant::now(),
            tenants,
            bytes,
        });
        shared.keep(Arc::clone(&batch));
        if let Some(sender) = &shared.sender {
            // The last stream may have gone.
            drop(sender.send(batch));
        }
    }

    /// Ends if there has been no stream for a while.
    fn end_if_unused(&self) -> bool {
        let mut shared = self.shared();
        let is_used = shared
            .sender
            .as_ref()
            .is_some_and(|sender| sender.receiver_count() > 0);
        if !is_used {
            shared.sender = None;
        }
        !is_used
    }

    fn end(&self) {
        self.shared().sender = None;
    }
}

impl Shared {
    fn id(&self) -> String {
        format!("{}-{}", self.name, self.number)
    }

    /// The batches after an id; none where one of them is gone, or the id is of another process.
    fn since(&self, id: &str) -> Option<Vec<Arc<Batch>>> {
        let (name, number) = id.rsplit_once('-')?;
        let number: u64 = number.parse().ok()?;
        if name != self.name || number > self.number {
            return None;
        }
        let oldest = self
            .kept
            .front()
            .map_or(self.number + 1, |batch| batch.number);
        if number + 1 < oldest {
            return None;
        }
        let since = self.kept.iter().filter(|batch| batch.number > number);
        Some(since.cloned().collect())
    }

    fn keep(&mut self, batch: Arc<Batch>) {
        self.kept_bytes += batch.bytes;
        self.kept.push_back(batch);
        while let Some(oldest) = self.kept.front() {
            if self.kept_bytes <= MAX_KEPT_BYTES && oldest.at.elapsed() <= KEPT_FOR {
                break;
            }
            self.kept_bytes -= oldest.bytes;
            self.kept.pop_front();
        }
    }
}

/// A row: a run, or an instance of it.
type Row = (RunId, Option<(TaskId, Option<u32>)>);

/// The last state of each row that changed, in the order of the first changes.
#[derive(Default)]
struct Pending {
    changes: Vec<Arc<Change>>,
    rows: HashMap<Row, usize>,
    /// Whether one of the runs has ended.
    has_end: bool,
}

impl Pending {
    fn add(&mut self, change: Arc<Change>) {
        self.has_end |= matches!(&*change, Change::Run { state, .. } if state.is_ended());
        let row = match &*change {
            Change::Run { run, .. } => (*run, None),
            Change::Instance {
                run,
                task,
                map_index,
                ..
            } => (*run, Some((task.clone(), *map_index))),
        };
        if let Some(at) = self.rows.get(&row) {
            self.changes[*at] = change;
        } else {
            self.rows.insert(row, self.changes.len());
            self.changes.push(change);
        }
    }

    fn encode(self, id: &str) -> HashMap<TenantId, Encoded> {
        let mut texts: HashMap<TenantId, (BytesMut, HashMap<RunId, BytesMut>)> = HashMap::new();
        let mut event = String::new();
        for change in &self.changes {
            event.clear();
            let name = match &**change {
                Change::Run { .. } => "run",
                Change::Instance { .. } => "instance",
            };
            let data = serde_json::to_string(&view::change::change(change))
                .expect("a change has no map with odd keys");
            write!(event, "event: {name}\ndata: {data}\n\n").expect("a String takes every text");
            let (all, runs) = texts.entry(change.tenant().clone()).or_default();
            all.put_slice(event.as_bytes());
            let of_run = runs.entry(change.run()).or_default();
            of_run.put_slice(event.as_bytes());
        }
        // The id is that of the last event: of a batch that was received in part all is sent again.
        let end = format!("id: {id}\n\n");
        let ended = |mut text: BytesMut| {
            text.put_slice(end.as_bytes());
            text.freeze()
        };
        texts
            .into_iter()
            .map(|(tenant, (all, runs))| {
                let runs = runs.into_iter().map(|(run, text)| (run, ended(text)));
                let encoded = Encoded {
                    all: ended(all),
                    runs: runs.collect(),
                };
                (tenant, encoded)
            })
            .collect()
    }
}

/// When batches are sent.
struct Pace {
    last: Option<Instant>,
    /// How many batches may still be sent at once until `renewed` is [`INTERVAL`] ago.
    at_once: u32,
    renewed: Instant,
}

impl Pace {
    fn new() -> Self {
        Self {
            last: None,
            at_once: MAX_AT_ONCE,
            renewed: Instant::now(),
        }
    }

    /// When the next batch is sent, and whether that is before its time.
    fn next(&mut self, pending: &Pending) -> (Instant, bool) {
        let now = Instant::now();
        if now >= self.renewed + INTERVAL {
            (self.at_once, self.renewed) = (MAX_AT_ONCE, now);
        }
        let due = self.last.map_or(now, |at| at + INTERVAL);
        if due > now && pending.has_end && self.at_once > 0 {
            return (now, true);
        }
        (due, false)
    }

    fn sent(&mut self, was_at_once: bool) {
        self.last = Some(Instant::now());
        self.at_once -= u32::from(was_at_once);
    }
}

/// Collects changes and sends them, until the scheduler is gone or there was no stream for a while.
async fn listen(viewers: Viewers, mut changes: Changes) {
    let mut pending = Pending::default();
    let mut pace = Pace::new();
    let mut look_at = Instant::now() + KEPT_FOR;
    'listening: loop {
        let (send_at, is_at_once) = pace.next(&pending);
        // A timer of a moment that has come ends with its next millisecond only.
        if !pending.changes.is_empty() && send_at <= Instant::now() {
            viewers.send(Some(std::mem::take(&mut pending)));
            pace.sent(is_at_once);
            continue;
        }
        tokio::select! {
            biased;
            () = sleep_until(send_at), if !pending.changes.is_empty() => {}
            news = changes.next() => {
                // What else has come goes with the same batch.
                let mut next = Some(news);
                while let Some(news) = next {
                    match news {
                        Some(News::Change(change)) if pending.changes.len() < MAX_ROWS => pending.add(change),
                        Some(News::Change(_) | News::Missed) => {
                            pending = Pending::default();
                            viewers.send(None);
                        }
                        None => break 'listening,
                    }
                    next = changes.next().now_or_never();
                }
            }
            () = sleep_until(look_at) => {
                if viewers.end_if_unused() {
                    return;
                }
                look_at = Instant::now() + KEPT_FOR;
            }
        }
    }
    viewers.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::run::{Counts, RunState};

    fn change(run: i64, running: u64) -> Arc<Change> {
        Arc::new(Change::Run {
            tenant: TenantId::default(),
            dag: "d".parse().unwrap(),
            run: RunId::from_i64(run).unwrap(),
            state: RunState::Running,
            counts: Counts {
                running,
                ..Counts::default()
            },
        })
    }

    #[test]
    fn a_batch_has_the_last_state_of_each_row_and_ends_with_its_id() {
        let mut pending = Pending::default();
        for (run, running) in [(1, 1), (2, 1), (1, 7)] {
            pending.add(change(run, running));
        }
        let encoded = pending.encode("x-3");
        let encoded = &encoded[&TenantId::default()];
        let all = String::from_utf8(encoded.all.to_vec()).unwrap();
        assert_eq!(all.matches("event: run").count(), 2);
        assert!(
            all.contains("\"running\":7") && all.ends_with("\n\nid: x-3\n\n"),
            "{all}"
        );
        let one = &encoded.runs[&RunId::from_i64(2).unwrap()];
        assert_eq!(
            String::from_utf8_lossy(one).matches("event: run").count(),
            1
        );
    }

    #[tokio::test]
    async fn a_stream_goes_on_after_an_id_that_is_kept() {
        let (news, changes) = broadcast::channel(16);
        let viewers = Viewers::begin(Changes::Here(changes));
        let mut first = viewers.join(None).unwrap();
        news.send(change(1, 1)).unwrap();
        let seen = first.batches.recv().await.unwrap();
        let id = format!("{}-{}", first.name, seen.number());
        news.send(change(1, 2)).unwrap();
        first.batches.recv().await.unwrap();
        let again = viewers.join(Some(&id)).unwrap();
        assert_eq!(again.missed.unwrap().len(), 1);
        for unknown in ["", "x-1", "7", &format!("{}-99", first.name)] {
            assert!(
                viewers.join(Some(unknown)).unwrap().missed.is_none(),
                "{unknown}"
            );
        }
        drop(news);
        while first.batches.recv().await.is_ok() {}
        assert!(viewers.join(None).is_none(), "the scheduler is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_run_does_not_wait_for_the_next_batch() {
        let (news, changes) = broadcast::channel(16);
        let viewers = Viewers::begin(Changes::Here(changes));
        let mut stream = viewers.join(None).unwrap();
        let began = Instant::now();
        for running in [1, 2] {
            news.send(change(1, running)).unwrap();
            stream.batches.recv().await.unwrap();
        }
        assert!(began.elapsed() >= INTERVAL);
        let began = Instant::now();
        let ended = Change::Run {
            tenant: TenantId::default(),
            dag: "d".parse().unwrap(),
            run: RunId::from_i64(1).unwrap(),
            state: RunState::Success,
            counts: Counts::default(),
        };
        for _end in 0..=MAX_AT_ONCE {
            assert!(began.elapsed() < INTERVAL);
            news.send(Arc::new(ended.clone())).unwrap();
            stream.batches.recv().await.unwrap();
        }
        assert!(began.elapsed() >= INTERVAL, "one too many waited");
    }
}
