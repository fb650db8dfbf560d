//! The worker's end of the gateway.

use super::wire::{Answer, Call, Request, SignalMessage};
use async_trait::async_trait;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use weft_broker::{
    AttemptKey, BrokerError, Claim, HeldClaim, LeaseTerms, Report, Signal, WorkerBroker,
    WorkerInfo, message::read_key,
};

/// Carries a call to the gateway and returns its answer.
#[async_trait]
pub trait GatewayTransport: Send + Sync {
    /// Call and answer are JSON. The gateway answers within [`super::MAX_WAIT`] and the transport's
    /// own time.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]: the call may have been executed.
    async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError>;

    /// Sets the session, which the worker's other requests name.
    fn set_session(&self, _session: &str) {}
}

/// A worker's broker handle over the gateway.
#[derive(Debug)]
pub struct GatewayBroker<C> {
    transport: C,
    session: Mutex<Option<String>>,
}

impl<C: GatewayTransport> GatewayBroker<C> {
    /// A handle over this transport.
    pub fn new(transport: C) -> Self {
        Self {
            transport,
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
        let answer = self.transport.call(bytes).await?;
        match serde_json::from_slice(&answer).map_err(|error| malformed(&error))? {
            Answer::Refused(refusal) => Err(refusal.into()),
            answer => Ok(answer),
        }
    }

    async fn call_for_done(&self, call: Call) -> Result<(), BrokerError> {
        match self.call(call).await? {
            Answer::Done => Ok(()),
            _other => Err(unexpected()),
        }
    }

    fn session(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        // The text is replaced as a whole, so a poisoned one is consistent.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn malformed(error: &dyn std::fmt::Display) -> BrokerError {
    BrokerError::Unavailable(format!("the gateway gave a malformed answer: {error}"))
}

fn unexpected() -> BrokerError {
    malformed(&"it is the answer to another call")
}

#[async_trait]
impl<C: GatewayTransport> WorkerBroker for GatewayBroker<C> {
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[HeldClaim],
    ) -> Result<LeaseTerms, BrokerError> {
        match self.call(Call::register(worker, holding)).await? {
            Answer::Registered {
                session,
                lease_ms,
                renew_every_ms,
            } => {
                self.transport.set_session(&session);
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
                    Err(error) => {
                        tracing::error!(%error, operation = "decode dispatch", "reading a dispatch failed; its lease expires");
                    }
                }
            }
            if !read.is_empty() {
                return Ok(read);
            }
        }
    }

    async fn renew(&self, attempts: &[HeldClaim]) -> Result<Vec<AttemptKey>, BrokerError> {
        let Answer::Lost { attempts } = self.call(Call::renew(attempts)).await? else {
            return Err(unexpected());
        };
        let lost = attempts.iter().map(|key| read_key(key));
        lost.collect::<Result<_, _>>()
            .map_err(|error| malformed(&error))
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        self.call_for_done(Call::report(&reports)).await
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
                .map_err(|error| malformed(&error))?;
            if !signals.is_empty() {
                return Ok(signals);
            }
        }
    }

    async fn release(&self, attempts: &[HeldClaim]) -> Result<(), BrokerError> {
        self.call_for_done(Call::release(attempts)).await
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        self.call_for_done(Call::Pause).await
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        self.call_for_done(Call::Leave).await?;
        *self.session() = None;
        Ok(())
    }
}
