//! The worker's end of a gate.

use super::wire::{Answer, Call, Request, SignalMessage};
use async_trait::async_trait;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use weft_broker::{
    AttemptKey, BrokerError, Claim, LeaseTerms, Report, Signal, WorkerBroker, WorkerInfo,
    message::{read_key, write_key},
};

/// Brings a call to the gate and its answer back.
#[async_trait]
pub trait GatewayTransport: Send + Sync {
    /// Both are JSON. The gate answers within [`super::MAX_WAIT`] and what the way takes.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]: whether the call was carried out is not known.
    async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError>;

    /// The worker has this registration from now on, by which others of its requests are known.
    fn set_session(&self, _session: &str) {}
}

/// A worker's handle whose broker stands behind a gate.
#[derive(Debug)]
pub struct GatewayBroker<C> {
    carrier: C,
    session: Mutex<Option<String>>,
}

impl<C: GatewayTransport> GatewayBroker<C> {
    /// Over a way to the gate.
    pub fn new(carrier: C) -> Self {
        Self {
            carrier,
            session: Mutex::new(None),
        }
    }

    async fn call(&self, call: Call) -> Result<Answer, BrokerError> {
        let session = self.session().clone();
        let registers = matches!(call, Call::Register { .. });
        if session.is_none() && !registers {
            return Err(BrokerError::Unregistered);
        }
        let request = Request { session, call };
        let bytes = serde_json::to_vec(&request).expect("the keys are texts");
        let answer = self.carrier.call(bytes).await?;
        match serde_json::from_slice(&answer).map_err(|error| strange(&error))? {
            Answer::Refused(refusal) => Err(refusal.into()),
            answer => Ok(answer),
        }
    }

    async fn order(&self, call: Call) -> Result<(), BrokerError> {
        match self.call(call).await? {
            Answer::Done => Ok(()),
            _other => Err(unexpected()),
        }
    }

    fn session(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        // A text that is replaced as a whole is never half-changed.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn strange(error: &dyn std::fmt::Display) -> BrokerError {
    BrokerError::Unavailable(format!("the gate gave a strange answer: {error}"))
}

fn unexpected() -> BrokerError {
    strange(&"it answers another call")
}

#[async_trait]
impl<C: GatewayTransport> WorkerBroker for GatewayBroker<C> {
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[AttemptKey],
    ) -> Result<LeaseTerms, BrokerError> {
        let holding = holding.iter().map(write_key).collect();
        match self.call(Call::register(worker, holding)).await? {
            Answer::Registered {
                session,
                lease_ms,
                renew_every_ms,
            } => {
                self.carrier.set_session(&session);
                *self.session() = Some(session);
                Ok(LeaseTerms {
                    lease: Duration::from_millis(lease_ms),
                    renew_every: Duration::from_millis(renew_every_ms),
                })
            }
            _other => Err(unexpected()),
        }
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        loop {
            let Answer::Claimed { claims } = self.call(Call::Claim { max }).await? else {
                return Err(unexpected());
            };
            let mut read = Vec::with_capacity(claims.len());
            for claim in claims {
                match claim.into_claim() {
                    Ok(claim) => read.push(claim),
                    // Nobody renews it: its lease ends, and the scheduler hears of that.
                    Err(error) => {
                        tracing::error!(%error, "a dispatch can't be read; its attempt is given up");
                    }
                }
            }
            if !read.is_empty() {
                return Ok(read);
            }
        }
    }

    async fn renew(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        let attempts = attempts.iter().map(write_key).collect();
        let Answer::Lost { attempts } = self.call(Call::Renew { attempts }).await? else {
            return Err(unexpected());
        };
        let lost = attempts.iter().map(|key| read_key(key));
        lost.collect::<Result<_, _>>()
            .map_err(|error| strange(&error))
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        self.order(Call::report(&reports)).await
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        loop {
            let Answer::Signals { signals } = self.call(Call::Signals { max }).await? else {
                return Err(unexpected());
            };
            let signals: Vec<Signal> = signals
                .iter()
                .filter_map(|signal| SignalMessage::read(signal).transpose())
                .collect::<Result<_, _>>()
                .map_err(|error| strange(&error))?;
            if !signals.is_empty() {
                return Ok(signals);
            }
        }
    }

    async fn release(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        let attempts = attempts.iter().map(write_key).collect();
        self.order(Call::Release { attempts }).await
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        self.order(Call::Pause).await
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        self.order(Call::Leave).await?;
        *self.session() = None;
        Ok(())
    }
}
