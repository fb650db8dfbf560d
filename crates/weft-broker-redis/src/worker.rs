//! The worker's handle for one shard.
//!
//! Redis writes signals, pushed claims and wake-ups to one stream for each worker, its *inbox*,
//! which a task of the handle (`inbox`) reads. So a worker needs one blocking connection;
//! every other call is a script. A claim call that finds nothing registers a claim waiter: the
//! next publish claims for it at once and pushes the claim to the inbox (`pushed_claim`).

mod claim_waiter;
mod inbox;
mod pushed_claim;
mod registration;
mod session;
mod shard_order;
mod sharded;

pub use sharded::ShardedWorker;

use crate::{
    broker::{MAX_MEMORY_BYTES, MAX_WAIT, Redis, draw_name, millis, portion, unexpected},
    reply,
    script::Script,
};
use async_trait::async_trait;
use claim_waiter::ClaimWaiter;
use pushed_claim::PushedClaim;
use registration::Registration;
use session::WorkerSession;
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::timeout};
use weft_broker::{
    AttemptKey, BrokerError, Claim, HeldClaim, LeaseTerms, Report, Signal, WorkerBroker,
    WorkerInfo,
    message::{DISPATCH_VERSION, REPORT_VERSION, read_dispatch, write_key, write_report},
};

/// The waiter id of a claim call that registers none; ids begin at 1.
const NO_WAITER: u64 = 0;
/// Leases that one call renews or releases.
const MAX_KEYS_PER_CALL: usize = 5_000;

/// A claim trims the inbox when so many entries were read; a renewal always does.
const TRIM_AFTER: usize = 16;

/// One worker's end of one shard. Dropping it ends its task; what the worker held expires
/// with its leases.
#[derive(Debug)]
pub struct RedisWorker {
    session: Arc<WorkerSession>,
    inbox: JoinHandle<()>,
}

/// The arguments of one claim call.
struct ClaimRequest {
    /// The most attempts to claim.
    max: u32,
    /// The id of the claim waiter to register when no attempt is queued, and the most attempts
    /// to push to it. Without one the next publish wakes the worker instead.
    waiter: Option<(u64, u32)>,
    /// How many attempts a worker of several shards holds of the other ones.
    held_on_other_shards: Option<u32>,
}

impl Drop for RedisWorker {
    fn drop(&mut self) {
        self.inbox.abort();
    }
}

impl Redis {
    /// A handle for one worker, which registers with it.
    pub fn worker(self: &Arc<Self>) -> RedisWorker {
        let session = Arc::new(WorkerSession::new(Arc::clone(self)));
        let inbox = tokio::spawn(inbox::run(session.clone()));
        RedisWorker { session, inbox }
    }
}

impl RedisWorker {
    /// Claims up to `max` queued attempts and returns them with the shard's weight. If none are
    /// queued, registers `waiter` so that the next publish is pushed to it.
    async fn claim_queued(
        &self,
        registration: &Registration,
        request: &ClaimRequest,
    ) -> Result<(Vec<Claim>, u32), BrokerError> {
        let bounds = self.session.redis.options.bounds;
        let (waiter, max_pushed) = request.waiter.unwrap_or((NO_WAITER, 0));
        let trim = self.session.trim(TRIM_AFTER);
        let mut reply = self
            .session
            .call(registration, Script::Claim, |command| {
                command.arg(request.max).arg(DISPATCH_VERSION);
                command.arg(bounds.notices).arg(waiter).arg(max_pushed);
                command.arg(or_empty(request.held_on_other_shards));
                command.arg(before(trim.as_deref()));
            })
            .await?;
        let lease = Duration::from_millis(u64::try_from(reply.number()?).unwrap_or(0));
        let unreadable = reply.number()?;
        self.session.warn_of_unreadable(unreadable);
        let weight = u32::try_from(reply.number()?).unwrap_or(0);
        let mut claims = Vec::new();
        while !reply.is_empty() {
            let waited = u64::try_from(reply.number()?).unwrap_or(0);
            let version = u32::try_from(reply.number()?).unwrap_or(u32::MAX);
            match read_dispatch(version, &reply.bytes()?) {
                Ok(dispatch) => claims.push(Claim {
                    dispatch,
                    secret: None,
                    lease,
                    waited: Duration::from_millis(waited),
                }),
                Err(error) => {
                    tracing::error!(worker = %registration.id, %error, operation = "decode dispatch", "reading a dispatch failed; its lease expires");
                }
            }
        }
        Ok((claims, weight))
    }

    /// Renews leases and returns the attempts that the worker lost. `held_on_other_shards` is
    /// as in [`ClaimRequest`].
    async fn renew_leases(
        &self,
        attempts: &[HeldClaim],
        held_on_other_shards: Option<u32>,
    ) -> Result<Vec<AttemptKey>, BrokerError> {
        let registration = self.session.registration()?;
        let trim = self.session.trim(1);
        let mut lost = Vec::new();
        let mut rest = attempts;
        loop {
            let (now, later) = rest.split_at(rest.len().min(MAX_KEYS_PER_CALL));
            let keys: Vec<String> = now.iter().map(|claim| write_key(&claim.key)).collect();
            let mut reply = self
                .session
                .call(&registration, Script::Renew, |command| {
                    command.arg(or_empty(held_on_other_shards));
                    command.arg(before(trim.as_deref()));
                    for key in &keys {
                        command.arg(key);
                    }
                })
                .await?;
            while !reply.is_empty() {
                let at = usize::try_from(reply.number()?).unwrap_or(usize::MAX);
                lost.extend(now.get(at).map(|claim| claim.key));
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
        holding: &[HeldClaim],
    ) -> Result<LeaseTerms, BrokerError> {
        let options = &self.session.redis.options;
        let token = draw_token();
        let last = self.session.last_token();
        let incarnation = draw_name();
        let capacity = worker.slots.saturating_add(worker.prefetch);
        let queues = json_list(worker.queues.iter().map(|queue| &**queue));
        let labels = serde_json::to_string(&worker.labels).expect("texts have a JSON form");
        let memory = worker.memory_bytes.map(|bytes| bytes.min(MAX_MEMORY_BYTES));
        let memory = memory.map_or(-1, u64::cast_signed);
        let keys: Vec<String> = holding.iter().map(|claim| write_key(&claim.key)).collect();
        let (word, mut reply) = self
            .session
            .redis
            .run(Script::Register, |command| {
                command.arg(&token).arg(&last).arg(&*worker.id);
                command.arg(&queues).arg(capacity).arg(&labels);
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
            // No scheduler has taken the shard over yet.
            Err(_empty) => options.terms.renew_every.min(lease / 3),
        };
        let server = reply.text()?;
        self.session.set_registration(Registration {
            token: token.into(),
            id: worker.id.clone(),
            incarnation: incarnation.into(),
            server: server.into(),
        });
        Ok(LeaseTerms { lease, renew_every })
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        let max = max.max(1);
        let mut waiter = ClaimWaiter::new(&self.session);
        loop {
            let registration = self.session.registration()?;
            let pushed = self.session.take_pushed(&registration, max);
            if !pushed.is_empty() {
                if pushed.iter().any(|pushed| pushed.waiter == waiter.id) {
                    waiter.set_removed();
                }
                let claims = pushed.into_iter().filter_map(PushedClaim::into_claim);
                let claims: Vec<Claim> = claims.collect();
                if !claims.is_empty() {
                    return Ok(claims);
                }
            }
            waiter.set_registered(&registration);
            let request = ClaimRequest {
                max,
                waiter: Some((waiter.id, max)),
                held_on_other_shards: None,
            };
            let (claims, _weight) = self.claim_queued(&registration, &request).await?;
            if !claims.is_empty() {
                waiter.set_removed();
                return Ok(claims);
            }
            // A wake-up is a hint: only the next call tells whether there is work.
            if timeout(MAX_WAIT, self.session.work.notified())
                .await
                .is_err()
            {
                tracing::trace!(worker = %registration.id, operation = "claim", "no attempts to claim");
            }
        }
    }

    async fn renew(&self, attempts: &[HeldClaim]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.renew_leases(attempts, None).await
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        let registration = self.session.registration()?;
        let bound = self.session.redis.options.bounds.unconfirmed_reports;
        let id = json_list(std::iter::once(&*registration.id));
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
                .session
                .call(&registration, Script::Report, |command| {
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
        let registration = self.session.registration()?;
        self.session.signals(&registration, max.max(1)).await
    }

    async fn release(&self, attempts: &[HeldClaim]) -> Result<(), BrokerError> {
        let registration = self.session.registration()?;
        for attempts in attempts.chunks(MAX_KEYS_PER_CALL) {
            let keys: Vec<String> = attempts.iter().map(|claim| write_key(&claim.key)).collect();
            self.session
                .call(&registration, Script::Release, |command| {
                    for key in &keys {
                        command.arg(key);
                    }
                })
                .await?;
        }
        Ok(())
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        let registration = self.session.registration()?;
        self.session
            .call(&registration, Script::Pause, |_none| {})
            .await?;
        Ok(())
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        let registration = self.session.registration()?;
        self.session
            .call(&registration, Script::Leave, |_none| {})
            .await?;
        self.session.drop_registration(&registration);
        Ok(())
    }
}

/// A registration's name, which can't be guessed.
fn draw_token() -> String {
    draw_name() + &draw_name()
}

fn or_empty(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// The inbox entry up to which the inbox is trimmed, from the last one whose signals were taken.
fn before(taken: Option<&str>) -> String {
    taken.map(reply::after).unwrap_or_default()
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
