//! The gate itself: registrations of workers beyond it, and their calls.
//!
//! A registration is a random name that only its worker knows, and belongs to
//! whoever registered ([`SessionOwner`]): nobody else's calls reach it. What a
//! worker sends is not trusted: everything has a bound, and what it may see
//! follows from the attempts that it holds.

use super::{
    MAX_WAIT,
    wire::{Answer, Call, ClaimMessage, Refusal, Request, SignalMessage, worker_info},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};
use weft_broker::{
    AttemptKey, BrokerError, Claim, Report, Signal, WorkerBroker, WorkerInfo,
    message::{MessageError, read_key, read_report, write_key},
};
use weft_core::id::TenantId;

/// Workers beyond the gate at once.
const MOST_SESSIONS: usize = 10_000;
/// The most slots and prefetch together that a worker may announce.
const MOST_PLACES: u32 = 20_000;
/// The most queues and labels of a worker.
const MOST_NAMES: usize = 64;
/// The longest name of a worker, queue or label, in bytes.
const MOST_NAME_BYTES: usize = 256;
/// The most attempts that are claimed at once.
const MOST_CLAIMED: u32 = 1_000;
/// The most signals of one answer.
const MOST_SIGNALS: usize = 4_096;
/// A registration whose worker has not called for so long is forgotten; its broker's own
/// registration ended long before.
const FORGET_AFTER: Duration = Duration::from_mins(10);

/// Whose calls they are, in the carrier's own terms: the number of a token, and how far it is
/// trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionOwner {
    /// Reaches the broker through the gate alone. What the broker hands it is proof.
    Token(i64),
    /// May reach the broker itself as well ([`weft_broker::direct_worker`]), and write there what it likes: an
    /// attempt counts as its own only where the database agrees. So its workers' names hold its
    /// number, which nobody else's do.
    Trusted(i64),
}

/// What stands between a trusted worker's own name and the number of its token.
const SIGN: char = '#';

impl SessionOwner {
    /// The name that a worker of this owner has in the installation; nothing where it would be
    /// one of somebody who is trusted.
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

/// An attempt that a worker beyond the gate holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAttempt {
    /// Whose it is.
    pub tenant: TenantId,
    /// The variables that it was granted, by name.
    pub variables: Vec<String>,
}

/// Makes a handle of the broker behind the gate.
type MakeHandle = Box<dyn Fn() -> Arc<dyn WorkerBroker> + Send + Sync>;

/// Answers the calls of workers beyond it.
pub struct WorkerSessions {
    handle: MakeHandle,
    /// Names that no worker beyond the gate can have.
    reserved: Vec<Arc<str>>,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

/// One registration.
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
}

/// A claim of the worker's. One that it no longer renews it has lost, whatever it asks.
struct Claimed {
    /// Nothing where it was claimed before this process began, or by somebody whose word the
    /// broker may be giving, until it was looked up.
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
    /// A gate before a broker; `handle` makes one worker's end of it.
    pub fn new(
        handle: impl Fn() -> Arc<dyn WorkerBroker> + Send + Sync + 'static,
        reserved: Vec<Arc<str>>,
    ) -> Self {
        Self {
            handle: Box::new(handle),
            reserved,
            sessions: Mutex::default(),
        }
    }

    /// Carries out a call of this owner. Waits for at most [`MAX_WAIT`] where the call
    /// waits; dropping the future drops the call.
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
            } => {
                let id = owner.worker_name(&id).ok_or_else(|| {
                    broken("a worker's name ends in # and digits only where its token is trusted")
                })?;
                let info = worker_info(&id, &queues, slots, prefetch, memory_bytes, labels);
                check(&info)?;
                let holding = keys(&holding)?;
                self.register(owner, &info, &holding).await
            }
            call => match self.session(owner, request.session.as_deref()) {
                Some((name, session)) => self.pass_on(&name, &session, call).await?,
                None => Err(BrokerError::Unregistered),
            },
        };
        let answer = answered.unwrap_or_else(|error| Answer::Refused(Refusal::from(error)));
        Ok(serde_json::to_vec(&answer).expect("the keys are texts"))
    }

    /// An attempt that the registration claimed here and still holds: its lease goes on.
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

    /// Attempts that the registration says it claimed through a process before this one, or that
    /// the broker alone vouches for, and that it does not deny. Who looks them up says what they are by [`Self::record_attempt`], after
    /// making sure that they are the attempts that are under way: a broker that has lost what it
    /// knew believes every worker.
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

    /// The name under which the registration's worker works.
    pub fn worker_name(&self, owner: SessionOwner, session: &str) -> Option<Arc<str>> {
        let (_name, session) = self.session(owner, Some(session))?;
        Some(Arc::clone(&session.worker))
    }

    /// What an attempt is that the registration may hold.
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

    /// Whether the registration holds an attempt of this tenant.
    pub fn serves_tenant(&self, owner: SessionOwner, session: &str, tenant: &TenantId) -> bool {
        self.session(owner, Some(session))
            .is_some_and(|(_name, session)| {
                let state = session.state();
                let mut held = state.held.values().filter_map(Claimed::live);
                held.any(|held| held.tenant == *tenant)
            })
    }

    /// Whether this is a live registration of the owner's.
    pub fn is_registered(&self, owner: SessionOwner, session: &str) -> bool {
        self.session(owner, Some(session)).is_some()
    }

    async fn register(
        &self,
        owner: SessionOwner,
        info: &WorkerInfo,
        holding: &[AttemptKey],
    ) -> Result<Answer, BrokerError> {
        let before = self.make_room(owner, info)?;
        let broker = (self.handle)();
        let terms = broker.register(info, holding).await?;
        let known = before.map(|(name, session)| {
            self.sessions().remove(&name);
            std::mem::take(&mut session.state().held)
        });
        let mut known = known.unwrap_or_default();
        let asked = Instant::now();
        // What it says that it holds counts only where the broker says so, too.
        let lost = match holding {
            [] => Vec::new(),
            holding => broker.renew(holding).await?,
        };
        let held = holding
            .iter()
            .filter(|key| !lost.contains(key))
            .map(|key| {
                let claimed = Claimed {
                    attempt: known.remove(key).and_then(|claimed| claimed.attempt),
                    lease_ends: asked + terms.lease,
                };
                (*key, claimed)
            })
            .collect();
        let name = format!("{:032x}", fastrand::u128(..));
        let session = Session {
            owner,
            worker: info.id.clone(),
            broker,
            state: Mutex::new(SessionState {
                last_call: Instant::now(),
                lease: terms.lease,
                held,
            }),
        };
        self.sessions().insert(name.clone(), Arc::new(session));
        Ok(Answer::registered(name, terms))
    }

    /// The worker's registration before this one. Forgets those that nobody uses.
    fn make_room(
        &self,
        owner: SessionOwner,
        info: &WorkerInfo,
    ) -> Result<Option<(String, Arc<Session>)>, BrokerError> {
        let taken = || {
            Err(BrokerError::Unavailable(format!(
                "there is another worker with the name {:?}: give this one a name of its own",
                info.id
            )))
        };
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
            None if sessions.len() >= MOST_SESSIONS => Err(BrokerError::Unavailable(format!(
                "there are {MOST_SESSIONS} workers already"
            ))),
            None => Ok(None),
        }
    }

    async fn pass_on(
        &self,
        name: &str,
        session: &Session,
        call: Call,
    ) -> Result<Result<Answer, BrokerError>, MessageError> {
        let broker = &session.broker;
        Ok(match call {
            Call::Register { .. } => Err(BrokerError::Unregistered),
            Call::Claim { max } => {
                match timeout(MAX_WAIT, broker.claim(max.clamp(1, MOST_CLAIMED))).await {
                    Ok(claims) => claims.map(|claims| session.hand_out(&claims)),
                    Err(_nothing) => Ok(Answer::Claimed { claims: Vec::new() }),
                }
            }
            Call::Renew { attempts } => {
                let attempts = keys(&attempts)?;
                let asked = Instant::now();
                broker.renew(&attempts).await.map(|lost| {
                    session.prolong(&attempts, asked);
                    session.drop_held(&lost);
                    Answer::Lost {
                        attempts: lost.iter().map(write_key).collect(),
                    }
                })
            }
            Call::Report { version, reports } => {
                let reports = reports
                    .iter()
                    .map(|report| read_report(version, report.get().as_bytes()))
                    .map(|report| report.map(|report| session.signed(report)))
                    .collect::<Result<Vec<Report>, _>>()?;
                let ended: Vec<AttemptKey> = reports.iter().map(|report| report.key).collect();
                broker.report(reports).await.map(|()| {
                    session.drop_held(&ended);
                    Answer::Done
                })
            }
            Call::Signals { max } => {
                match timeout(MAX_WAIT, broker.signals(max.clamp(1, MOST_SIGNALS))).await {
                    Ok(signals) => signals.map(|signals| session.tell(signals)),
                    Err(_nothing) => Ok(Answer::Signals {
                        signals: Vec::new(),
                    }),
                }
            }
            Call::Release { attempts } => {
                let attempts = keys(&attempts)?;
                broker.release(&attempts).await.map(|()| {
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
        // Nothing foreign is called while it is locked.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn hand_out(&self, claims: &[Claim]) -> Answer {
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
                // It may have written the dispatch itself.
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

    /// What is revoked is not held any more, from the moment that its worker is told.
    fn tell(&self, signals: Vec<Signal>) -> Answer {
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

    /// A renewal that was asked for at this moment was made.
    fn prolong(&self, attempts: &[AttemptKey], asked: Instant) {
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

    /// The report in the name of the worker that sent it, whatever it calls itself.
    fn signed(&self, mut report: Report) -> Report {
        report.worker = Arc::clone(&self.worker);
        report
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keys(texts: &[String]) -> Result<Vec<AttemptKey>, MessageError> {
    if texts.len() > MOST_PLACES as usize {
        return Err(broken(format!(
            "a call names at most {MOST_PLACES} attempts"
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
    if id.is_empty() || id.len() > MOST_NAME_BYTES {
        return Err(broken(format!(
            "a worker's name has 1 to {MOST_NAME_BYTES} bytes"
        )));
    }
    if queues.len() > MOST_NAMES || labels.len() > MOST_NAMES {
        return Err(broken(format!(
            "a worker has at most {MOST_NAMES} queues and as many labels"
        )));
    }
    if words.any(|word| word.len() > MOST_NAME_BYTES) {
        return Err(broken(format!(
            "a queue or label has at most {MOST_NAME_BYTES} bytes"
        )));
    }
    if slots.saturating_add(*prefetch) > MOST_PLACES {
        return Err(broken(format!("a worker has at most {MOST_PLACES} places")));
    }
    Ok(())
}

fn broken(why: impl std::fmt::Display) -> MessageError {
    MessageError::Broken(why.to_string())
}
