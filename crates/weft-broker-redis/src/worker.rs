//! A worker's handle.
//!
//! What the scheduler says to a worker, and that there is work for it, stands in
//! one stream, its *inbox*, which a task of the handle (`inbox`) reads. So one
//! connection waits, whatever the worker waits for; every other call is a script.
//! What is published while a claim waits is claimed for it at once, and stands in the
//! inbox as well (`handed`).

mod handed;
mod inbox;
mod post;
mod sharded;
mod turns;

pub use sharded::ShardedWorker;

use super::{MAX_WAIT, MOST_MEMORY, Redis, millis, portion, reply, script::Script, unexpected};
use async_trait::async_trait;
use handed::{Ask, Handed};
use post::{Post, Session};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::timeout};
use weft_broker::{
    AttemptKey, BrokerError, Claim, LeaseTerms, Report, Signal, WorkerBroker, WorkerInfo,
    message::{DISPATCH_VERSION, REPORT_VERSION, read_dispatch, write_key, write_report},
};

/// In the place of the name of a call that is to be handed nothing; names begin at 1.
const NO_CLAIM: u64 = 0;
/// Leases that are renewed or given back in one call.
const MOST_RENEWED: usize = 5_000;

/// One worker's end. Dropping it ends its task; what the worker held comes back
/// when its leases end.
#[derive(Debug)]
pub struct RedisWorker {
    post: Arc<Post>,
    inbox: JoinHandle<()>,
}

impl Drop for RedisWorker {
    fn drop(&mut self) {
        self.inbox.abort();
    }
}

impl RedisWorker {
    pub(super) fn new(redis: Arc<Redis>) -> Self {
        let post = Arc::new(Post::new(redis));
        let inbox = tokio::spawn(inbox::run(post.clone()));
        Self { post, inbox }
    }

    /// Claims what there is now, and says what the shard counts for beside others. Where there
    /// is nothing, what is published next may be handed to the call of this name, up to so many;
    /// without one the worker is woken. `beside` is how many a worker of several shards holds of the
    /// others.
    async fn take(
        &self,
        session: &Session,
        max: u32,
        ask: Option<(u64, u32)>,
        beside: Option<u32>,
    ) -> Result<(Vec<Claim>, u32), BrokerError> {
        let bounds = self.post.redis.options.bounds;
        let (name, most) = ask.unwrap_or((NO_CLAIM, 0));
        let mut reply = self
            .post
            .call(session, Script::Claim, |command| {
                command.arg(max).arg(DISPATCH_VERSION);
                command.arg(bounds.notices).arg(name).arg(most);
                command.arg(or_empty(beside));
            })
            .await?;
        let lease = Duration::from_millis(u64::try_from(reply.number()?).unwrap_or(0));
        let left = reply.number()?;
        self.post.left_to_newer(left);
        let weight = u32::try_from(reply.number()?).unwrap_or(0);
        let mut claims = Vec::new();
        while !reply.is_empty() {
            let waited = u64::try_from(reply.number()?).unwrap_or(0);
            let version = u32::try_from(reply.number()?).unwrap_or(u32::MAX);
            match read_dispatch(version, &reply.bytes()?) {
                Ok(dispatch) => claims.push(Claim {
                    dispatch,
                    lease,
                    waited: Duration::from_millis(waited),
                }),
                // Nobody renews it: its lease ends, and the scheduler hears of that.
                Err(error) => {
                    tracing::error!(worker = %session.id, %error, "a dispatch can't be read; its attempt is given up");
                }
            }
        }
        Ok((claims, weight))
    }

    /// Renews leases. `beside` is as in [`Self::take`].
    async fn renew_beside_others(
        &self,
        attempts: &[AttemptKey],
        beside: Option<u32>,
    ) -> Result<Vec<AttemptKey>, BrokerError> {
        let session = self.post.session()?;
        let mut lost = Vec::new();
        let mut rest = attempts;
        loop {
            let (now, later) = rest.split_at(rest.len().min(MOST_RENEWED));
            let keys: Vec<String> = now.iter().map(write_key).collect();
            let mut reply = self
                .post
                .call(&session, Script::Renew, |command| {
                    command.arg(or_empty(beside));
                    for key in &keys {
                        command.arg(key);
                    }
                })
                .await?;
            while !reply.is_empty() {
                let at = usize::try_from(reply.number()?).unwrap_or(usize::MAX);
                lost.extend(now.get(at));
            }
            rest = later;
            if rest.is_empty() {
                return Ok(lost);
            }
        }
    }
}

#[async_trait]
impl WorkerBroker for RedisWorker {
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[AttemptKey],
    ) -> Result<LeaseTerms, BrokerError> {
        let options = &self.post.redis.options;
        let token = format!("{:032x}", fastrand::u128(..));
        let before = self.post.token_before();
        let incarnation = format!("{:016x}", fastrand::u64(..));
        let places = worker.slots.saturating_add(worker.prefetch);
        let queues = json_list(worker.queues.iter().map(|queue| &**queue));
        let labels = serde_json::to_string(&worker.labels).expect("texts have a JSON form");
        let memory = worker.memory_bytes.map(|bytes| bytes.min(MOST_MEMORY));
        let memory = memory.map_or(-1, u64::cast_signed);
        let keys: Vec<String> = holding.iter().map(write_key).collect();
        let (word, mut reply) = self
            .post
            .redis
            .run(Script::Register, |command| {
                command.arg(&token).arg(&before).arg(&*worker.id);
                command.arg(&queues).arg(places).arg(&labels);
                command.arg(&incarnation).arg(millis(options.terms.lease));
                command
                    .arg(millis(options.redeliver_every))
                    .arg(worker.slots)
                    .arg(memory);
                for key in &keys {
                    command.arg(key);
                }
            })
            .await?;
        if word != "ok" {
            return Err(unexpected(&word));
        }
        let incarnation = reply.text()?;
        let lease = Duration::from_millis(u64::try_from(reply.number()?).unwrap_or(0));
        let renew_every = match reply.text()?.parse() {
            Ok(renew) => Duration::from_millis(renew),
            // No scheduler has said yet.
            Err(_empty) => options.terms.renew_every.min(lease / 3),
        };
        let server = reply.text()?;
        self.post.registered(Session {
            token: token.into(),
            id: worker.id.clone(),
            incarnation: incarnation.into(),
            server: server.into(),
        });
        Ok(LeaseTerms { lease, renew_every })
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        let max = max.max(1);
        let mut ask = Ask::new(&self.post);
        loop {
            let session = self.post.session()?;
            let handed = self.post.handed(&session, max);
            if !handed.is_empty() {
                if handed.iter().any(|handed| handed.ask == ask.name) {
                    ask.is_over();
                }
                let claims = handed.into_iter().filter_map(Handed::into_claim);
                let claims: Vec<Claim> = claims.collect();
                if !claims.is_empty() {
                    return Ok(claims);
                }
            }
            ask.begins(&session);
            let (claims, _weight) = self
                .take(&session, max, Some((ask.name, max)), None)
                .await?;
            if !claims.is_empty() {
                ask.is_over();
                return Ok(claims);
            }
            // Being woken is a hint; what it was that woke is found by looking, or nothing was.
            if timeout(MAX_WAIT, self.post.work.notified()).await.is_err() {
                tracing::trace!(worker = %session.id, "nothing to claim");
            }
        }
    }

    async fn renew(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.renew_beside_others(attempts, None).await
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        let session = self.post.session()?;
        let bound = self.post.redis.options.bounds.unconfirmed_reports;
        let id = json_list(std::iter::once(&*session.id));
        let messages: Vec<(String, String)> = reports
            .iter()
            .map(|report| {
                let message = write_report(report);
                (
                    write_key(&report.key),
                    format!("{REPORT_VERSION} {message}"),
                )
            })
            .collect();
        let mut refused = 0;
        let mut rest = &messages[..];
        loop {
            let (now, later) = rest.split_at(portion(rest, |(_key, message)| message.len()));
            let mut reply = self
                .post
                .call(&session, Script::Report, |command| {
                    command.arg(bound).arg(&id);
                    for (key, message) in now {
                        command.arg(key).arg(message);
                    }
                })
                .await?;
            refused += reply.number()?;
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        if refused > 0 {
            let what = "the broker's list of unconfirmed reports";
            return Err(BrokerError::Full { what, bound });
        }
        Ok(())
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        let session = self.post.session()?;
        let taken = self.post.taken().map(|id| reply::after(&id));
        self.post
            .call(&session, Script::Listen, |command| {
                command.arg(taken.as_deref().unwrap_or_default());
            })
            .await?;
        self.post.signals(&session, max.max(1)).await
    }

    async fn release(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        let session = self.post.session()?;
        for attempts in attempts.chunks(MOST_RENEWED) {
            let keys: Vec<String> = attempts.iter().map(write_key).collect();
            self.post
                .call(&session, Script::Release, |command| {
                    for key in &keys {
                        command.arg(key);
                    }
                })
                .await?;
        }
        Ok(())
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        let session = self.post.session()?;
        self.post.call(&session, Script::Pause, |_none| {}).await?;
        Ok(())
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        let session = self.post.session()?;
        self.post.call(&session, Script::Leave, |_none| {}).await?;
        self.post.forget(&session);
        Ok(())
    }
}

fn or_empty(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn json_list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    serde_json::to_string(&seen).expect("texts have a JSON form")
}
