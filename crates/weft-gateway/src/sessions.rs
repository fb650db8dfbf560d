//! The server's end of the gateway: the workers' sessions, and their calls.
//!
//! A session has a random name that only its worker knows, and an owner ([`SessionOwner`]);
//! calls of other owners can't use it. Workers are not trusted: everything that they send is
//! bounded, they prove each attempt that they name ([`VerifyingBroker`]), and what they may read
//! follows from the attempts that they hold. Workers of a trusted owner prove nothing, since they
//! can write to Redis anyway.

mod names;

pub use names::{MAX_NAME_IDLE, WorkerNames};

use super::{
    MAX_WAIT,
    wire::{Answer, Call, ClaimMessage, Refusal, Request, SignalMessage, claims, worker_info},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};
use weft_broker::{
    AttemptKey, BrokerError, Claim, ClaimKeys, HeldClaim, Report, Signal, VerifyingBroker,
    WorkerBroker, WorkerInfo,
    message::{MessageError, read_key, read_report, write_key},
};
use weft_core::id::TenantId;

/// The most sessions at once.
const MAX_SESSIONS: usize = 10_000;
/// The most slots and prefetch together that a worker may announce.
const MAX_CAPACITY: u32 = 20_000;
/// The most queues and labels of a worker.
const MAX_NAMES: usize = 64;
/// The longest name of a worker, queue or label, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// The most attempts that are claimed at once.
const MAX_CLAIMED: u32 = 1_000;
/// The most signals of one answer.
const MAX_SIGNALS: usize = 4_096;
/// A session without a call for this long is removed; its registration with the broker ended
/// long before.
const FORGET_AFTER: Duration = Duration::from_mins(10);

/// The owner of a session: the number of its token, and how far it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionOwner {
    /// Reaches the broker through the gateway alone: what the broker gives it is its own.
    Token(i64),
    /// May access Redis itself as well ([`weft_broker::direct_worker`]) and write anything there:
    /// an attempt counts as its own only if the database agrees. Its workers' names contain the
    /// token's number, and no other workers' names do.
    Trusted(i64),
}

/// Separates a trusted worker's own name from the number of its token.
const SIGN: char = '#';

impl SessionOwner {
    /// The name that a worker of this owner has in the installation; `None` if only a trusted
    /// owner may use it.
    pub fn worker_name(self, worker: &str) -> Option<String> {
        match self {
            Self::Trusted(token) => Some(format!("{worker}{SIGN}{token}")),
            Self::Token(_) => {
                let is_signed = worker.rsplit_once(SIGN).is_some_and(|(_name, token)| {
                    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit())
                });
                (!is_signed).then(|| worker.to_owned())
            }
        }
    }
}

/// An attempt that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAttempt {
    /// Tenant of the attempt's run.
    pub tenant: TenantId,
    /// The variables that it was granted, by name.
    pub variables: Vec<String>,
}

/// Makes a broker handle for one worker.
type MakeHandle = Box<dyn Fn() -> Arc<dyn WorkerBroker> + Send + Sync>;

/// The sessions of the gateway's workers; answers their calls.
pub struct WorkerSessions {
    handle: MakeHandle,
    /// Make and verify the secrets of claims.
    claim_keys: ClaimKeys,
    /// Which token's workers have which names.
    names: Arc<dyn WorkerNames>,
    /// Names that no worker of the gateway may have.
    reserved: Vec<Arc<str>>,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

/// One session.
struct Session {
    owner: SessionOwner,
    worker: Arc<str>,
    broker: Arc<dyn WorkerBroker>,
    state: Mutex<SessionState>,
}

struct SessionState {
    last_call: Instant,
    lease: Duration,
    held: HashMap<AttemptKey, Claimed>,
    /// When the session's owner last claimed the worker's name.
    name_claimed: Instant,
}

/// A claim of the worker, until its lease ends.
struct Claimed {
    /// `None` until it was verified with the database: the attempt was claimed before this
    /// process started, or the owner can write to Redis.
    attempt: Option<HeldAttempt>,
    lease_ends: Instant,
}

impl Claimed {
    fn is_live(&self) -> bool {
        Instant::now() < self.lease_ends
    }

    fn live(&self) -> Option<&HeldAttempt> {
        self.attempt.as_ref().filter(|_attempt| self.is_live())
    }
}

impl std::fmt::Debug for WorkerSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerSessions")
            .field("sessions", &self.sessions().len())
            .finish_non_exhaustive()
    }
}

impl WorkerSessions {
    /// Sessions over a broker; `handle` makes a handle for one worker. Every server of an
    /// installation has the same `claim_keys`.
    pub fn new(
        handle: impl Fn() -> Arc<dyn WorkerBroker> + Send + Sync + 'static,
        claim_keys: ClaimKeys,
        names: Arc<dyn WorkerNames>,
        reserved: Vec<Arc<str>>,
    ) -> Self {
        Self {
            handle: Box::new(handle),
            claim_keys,
            names,
            reserved,
            sessions: Mutex::default(),
        }
    }

    /// Executes a call of this owner. A blocking call waits for at most [`MAX_WAIT`]; dropping
    /// the future drops the call.
    ///
    /// # Errors
    /// [`MessageError::Broken`] where the call can't be read, or goes beyond a bound.
    pub async fn handle_call(
        &self,
        owner: SessionOwner,
        call: &[u8],
    ) -> Result<Vec<u8>, MessageError> {
        let request: Request = serde_json::from_slice(call).map_err(broken)?;
        let answered = match request.call {
            Call::Register {
                id,
                queues,
                slots,
                prefetch,
                labels,
                holding,
                memory_bytes,
                secrets,
            } => {
                let id = owner.worker_name(&id).ok_or_else(|| {
                    broken("a worker's name ends in # and digits only where its token is trusted")
                })?;
                let info = worker_info(&id, &queues, slots, prefetch, memory_bytes, labels);
                check(&info)?;
                let holding = claims(keys(&holding)?, secrets.as_deref());
                self.register(owner, &info, holding).await
            }
            call => match self.session(owner, request.session.as_deref()) {
                Some((name, session)) => self.forward(&name, &session, call).await?,
                None => Err(BrokerError::Unregistered),
            },
        };
        let answer = answered.unwrap_or_else(|error| Answer::Refused(Refusal::from(error)));
        Ok(serde_json::to_vec(&answer).expect("the keys are texts"))
    }

    /// The attempt, if the session holds it under a live lease and it is verified.
    pub fn find_held(
        &self,
        owner: SessionOwner,
        session: &str,
        attempt: &AttemptKey,
    ) -> Option<HeldAttempt> {
        let (_name, session) = self.session(owner, Some(session))?;
        let state = session.state();
        state.held.get(attempt)?.live().cloned()
    }

    /// The held attempts that are not verified: claimed through an earlier process, or by an
    /// owner that can write to Redis. The caller verifies with the database that they are
    /// running and then calls [`Self::record_attempt`]: a broker that lost its state believes
    /// every worker.
    pub fn unverified_attempts(&self, owner: SessionOwner, session: &str) -> Vec<AttemptKey> {
        let Some((_name, session)) = self.session(owner, Some(session)) else {
            return Vec::new();
        };
        let state = session.state();
        let held = state.held.iter();
        held.filter(|(_key, claimed)| claimed.attempt.is_none() && claimed.is_live())
            .map(|(key, _claimed)| *key)
            .collect()
    }

    /// The name of the session's worker in the installation.
    pub fn worker_name(&self, owner: SessionOwner, session: &str) -> Option<Arc<str>> {
        let (_name, session) = self.session(owner, Some(session))?;
        Some(Arc::clone(&session.worker))
    }

    /// Records a verified attempt of the session.
    pub fn record_attempt(
        &self,
        owner: SessionOwner,
        session: &str,
        attempt: &AttemptKey,
        is: HeldAttempt,
    ) {
        if let Some((_name, session)) = self.session(owner, Some(session))
            && let Some(claimed) = session.state().held.get_mut(attempt)
        {
            claimed.attempt = Some(is);
        }
    }

    /// Whether the session holds a verified attempt of this tenant.
    pub fn serves_tenant(&self, owner: SessionOwner, session: &str, tenant: &TenantId) -> bool {
        self.session(owner, Some(session))
            .is_some_and(|(_name, session)| {
                let state = session.state();
                let mut held = state.held.values().filter_map(Claimed::live);
                held.any(|held| held.tenant == *tenant)
            })
    }

    /// Whether the owner has this session.
    pub fn is_registered(&self, owner: SessionOwner, session: &str) -> bool {
        self.session(owner, Some(session)).is_some()
    }

    async fn register(
        &self,
        owner: SessionOwner,
        info: &WorkerInfo,
        holding: Vec<HeldClaim>,
    ) -> Result<Answer, BrokerError> {
        let before = self.find_previous(owner, info)?;
        self.claim_name(owner, &info.id).await?;
        let broker = self.broker_for(owner);
        let terms = broker.register(info, &holding).await?;
        let known = before.map(|(name, session)| {
            self.sessions().remove(&name);
            std::mem::take(&mut session.state().held)
        });
        let mut known = known.unwrap_or_default();
        let asked = Instant::now();
        // An announced attempt counts only if the broker agrees that the worker holds it.
        let lost = match &holding[..] {
            [] => Vec::new(),
            holding => broker.renew(holding).await?,
        };
        let held = holding
            .iter()
            .map(|claim| &claim.key)
            .filter(|key| !lost.contains(key))
            .map(|key| {
                let claimed = Claimed {
                    attempt: known.remove(key).and_then(|claimed| claimed.attempt),
                    lease_ends: asked + terms.lease,
                };
                (*key, claimed)
            })
            .collect();
        let name = draw_name();
        let session = Session {
            owner,
            worker: info.id.clone(),
            broker,
            state: Mutex::new(SessionState {
                last_call: Instant::now(),
                lease: terms.lease,
                held,
                name_claimed: asked,
            }),
        };
        self.sessions().insert(name.clone(), Arc::new(session));
        Ok(Answer::registered(name, terms))
    }

    /// A new handle of the broker for a worker of this owner.
    fn broker_for(&self, owner: SessionOwner) -> Arc<dyn WorkerBroker> {
        let broker = (self.handle)();
        match owner {
            SessionOwner::Token(_) => {
                Arc::new(VerifyingBroker::new(broker, self.claim_keys.clone()))
            }
            SessionOwner::Trusted(_) => broker,
        }
    }

    /// The worker's previous session. Removes unused sessions.
    fn find_previous(
        &self,
        owner: SessionOwner,
        info: &WorkerInfo,
    ) -> Result<Option<(String, Arc<Session>)>, BrokerError> {
        let taken = || Err(names::taken(&info.id));
        if self.reserved.contains(&info.id) {
            return taken();
        }
        let mut sessions = self.sessions();
        let now = Instant::now();
        sessions.retain(|_name, session| {
            now.saturating_duration_since(session.state().last_call) < FORGET_AFTER
        });
        let before = sessions
            .iter()
            .find(|(_name, session)| session.worker == info.id);
        match before {
            Some((_name, session)) if session.owner != owner => taken(),
            Some((name, session)) => Ok(Some((name.clone(), Arc::clone(session)))),
            None if sessions.len() >= MAX_SESSIONS => Err(BrokerError::Unavailable(format!(
                "there are {MAX_SESSIONS} workers already"
            ))),
            None => Ok(None),
        }
    }

    async fn forward(
        &self,
        name: &str,
        session: &Session,
        call: Call,
    ) -> Result<Result<Answer, BrokerError>, MessageError> {
        let broker = &session.broker;
        Ok(match call {
            Call::Register { .. } => Err(BrokerError::Unregistered),
            Call::Claim { max } => {
                match timeout(MAX_WAIT, broker.claim(max.clamp(1, MAX_CLAIMED))).await {
                    Ok(claims) => claims.map(|claims| session.add_claims(&claims)),
                    Err(_nothing) => Ok(Answer::Claimed { claims: Vec::new() }),
                }
            }
            Call::Renew { attempts, secrets } => {
                let attempts = keys(&attempts)?;
                let claims = claims(attempts.clone(), secrets.as_deref());
                if let Err(error) = self.keep_name(session).await {
                    return Ok(Err(error));
                }
                let asked = Instant::now();
                broker.renew(&claims).await.map(|lost| {
                    session.extend_leases(&attempts, asked);
                    session.drop_held(&lost);
                    Answer::Lost {
                        attempts: lost.iter().map(write_key).collect(),
                    }
                })
            }
            Call::Report {
                version,
                reports,
                secrets,
            } => {
                let mut reports = reports
                    .iter()
                    .map(|report| read_report(version, report.get().as_bytes()))
                    .map(|report| report.map(|report| session.with_sender(report)))
                    .collect::<Result<Vec<Report>, _>>()?;
                let ended: Vec<AttemptKey> = reports.iter().map(|report| report.key).collect();
                let claims = claims(ended.clone(), secrets.as_deref());
                for (report, claim) in reports.iter_mut().zip(claims) {
                    report.secret = claim.secret;
                }
                broker.report(reports).await.map(|()| {
                    session.drop_held(&ended);
                    Answer::Done
                })
            }
            Call::Signals { max } => {
                match timeout(MAX_WAIT, broker.signals(max.clamp(1, MAX_SIGNALS))).await {
                    Ok(signals) => signals.map(|signals| session.add_signals(signals)),
                    Err(_nothing) => Ok(Answer::Signals {
                        signals: Vec::new(),
                    }),
                }
            }
            Call::Release { attempts, secrets } => {
                let attempts = keys(&attempts)?;
                let claims = claims(attempts.clone(), secrets.as_deref());
                broker.release(&claims).await.map(|()| {
                    session.drop_held(&attempts);
                    Answer::Done
                })
            }
            Call::Pause => broker.pause().await.map(|()| Answer::Done),
            Call::Leave => broker.leave().await.map(|()| {
                self.sessions().remove(name);
                Answer::Done
            }),
        })
    }

    fn session(&self, owner: SessionOwner, name: Option<&str>) -> Option<(String, Arc<Session>)> {
        let sessions = self.sessions();
        let (name, session) = sessions.get_key_value(name?)?;
        if session.owner != owner {
            return None;
        }
        session.state().last_call = Instant::now();
        Some((name.clone(), Arc::clone(session)))
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        // No holder of the lock calls foreign code.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn add_claims(&self, claims: &[Claim]) -> Answer {
        let mut state = self.state();
        for Claim {
            dispatch, lease, ..
        } in claims
        {
            let attempt = match self.owner {
                SessionOwner::Token(_) => Some(HeldAttempt {
                    tenant: dispatch.tenant.clone(),
                    variables: dispatch.granted.variables.clone(),
                }),
                // The owner may have written the dispatch itself.
                SessionOwner::Trusted(_) => None,
            };
            let claimed = Claimed {
                attempt,
                lease_ends: Instant::now() + *lease,
            };
            state.held.insert(dispatch.key, claimed);
        }
        Answer::Claimed {
            claims: claims.iter().map(ClaimMessage::of).collect(),
        }
    }

    /// A revoked attempt is no longer held once its worker gets the signal.
    fn add_signals(&self, signals: Vec<Signal>) -> Answer {
        let revoked: Vec<AttemptKey> = signals
            .iter()
            .filter_map(|signal| match signal {
                Signal::Revoked(key) => Some(*key),
                Signal::Confirmed(_) | Signal::Drain => None,
            })
            .collect();
        self.drop_held(&revoked);
        Answer::Signals {
            signals: signals.into_iter().map(SignalMessage::of).collect(),
        }
    }

    /// Extends the leases from the time at which the renewal was requested.
    fn extend_leases(&self, attempts: &[AttemptKey], asked: Instant) {
        let mut state = self.state();
        let lease_ends = asked + state.lease;
        for key in attempts {
            if let Some(claimed) = state.held.get_mut(key) {
                claimed.lease_ends = lease_ends;
            }
        }
    }

    fn drop_held(&self, attempts: &[AttemptKey]) {
        let mut state = self.state();
        for key in attempts {
            state.held.remove(key);
        }
    }

    /// The report with the session's worker as its sender.
    fn with_sender(&self, mut report: Report) -> Report {
        report.worker = Arc::clone(&self.worker);
        report
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's name, which no worker can guess.
fn draw_name() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has randomness once it has booted");
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

fn keys(texts: &[String]) -> Result<Vec<AttemptKey>, MessageError> {
    if texts.len() > MAX_CAPACITY as usize {
        return Err(broken(format!(
            "a call names at most {MAX_CAPACITY} attempts"
        )));
    }
    texts.iter().map(|text| read_key(text)).collect()
}

fn check(info: &WorkerInfo) -> Result<(), MessageError> {
    let WorkerInfo {
        id,
        queues,
        slots,
        prefetch,
        memory_bytes: _,
        labels,
    } = info;
    let names = queues.iter().map(|queue| &**queue);
    let mut words = names.chain(labels.iter().flat_map(|(name, word)| [&**name, &**word]));
    if id.is_empty() || id.len() > MAX_NAME_BYTES {
        return Err(broken(format!(
            "a worker's name has 1 to {MAX_NAME_BYTES} bytes"
        )));
    }
    if queues.len() > MAX_NAMES || labels.len() > MAX_NAMES {
        return Err(broken(format!(
            "a worker has at most {MAX_NAMES} queues and as many labels"
        )));
    }
    if words.any(|word| word.len() > MAX_NAME_BYTES) {
        return Err(broken(format!(
            "a queue or label has at most {MAX_NAME_BYTES} bytes"
        )));
    }
    if slots.saturating_add(*prefetch) > MAX_CAPACITY {
        return Err(broken(format!(
            "a worker has at most {MAX_CAPACITY} slots and prefetch"
        )));
    }
    Ok(())
}

fn broken(why: impl std::fmt::Display) -> MessageError {
    MessageError::Broken(why.to_string())
}
