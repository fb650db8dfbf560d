//! The attempts that a worker holds: their leases and phases.

use crate::{clock::BootInstant, load::Component};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use weft_broker::{AttemptKey, ClaimSecret, Dispatch};
use weft_sandbox::CancelSignal;

/// The attempts that a worker holds, by key.
pub(crate) type HeldAttempts = HashMap<AttemptKey, Held>;

/// One held attempt.
pub(crate) struct Held {
    /// What proves the claim.
    pub(crate) secret: Option<ClaimSecret>,
    /// When the worker got it.
    pub(crate) claimed: BootInstant,
    /// When the lease ends, unless it is renewed.
    pub(crate) lease_ends: BootInstant,
    /// Since when it waits to start, its time in the broker's queue included.
    pub(crate) queued: Instant,
    pub(crate) stage: Stage,
}

/// The phase of an attempt.
pub(crate) enum Stage {
    /// Its component is being loaded.
    Loading(Box<Dispatch>),
    /// It waits for a slot and memory.
    Waiting(Box<Dispatch>, Component),
    /// It runs in a task of its own.
    Running(Running),
}

/// A running attempt.
pub(crate) struct Running {
    /// Its limit on memory, in bytes.
    pub(crate) memory_bytes: u64,
    pub(crate) cancel: CancelSignal,
    pub(crate) fate: Fate,
}

/// Whether a running attempt may continue.
pub(crate) enum Fate {
    /// It may end by itself.
    Free {
        /// Kills it.
        kill: oneshot::Sender<()>,
    },
    /// It was revoked and asked to stop: its outcome no longer counts.
    Revoked {
        /// When it is killed.
        kill_at: BootInstant,
        /// Kills it.
        kill: oneshot::Sender<()>,
    },
    /// It was killed after its revocation; its log is kept.
    KilledRevoked,
    /// It was killed because its lease was lost or about to expire: another worker may run it.
    KilledLost,
}

impl Fate {
    /// Asks a running attempt to stop within `grace`.
    fn revoke(self, cancel: &CancelSignal, kill_at: BootInstant) -> Self {
        match self {
            Self::Free { kill } => {
                cancel.cancel();
                Self::Revoked { kill_at, kill }
            }
            decided @ (Self::Revoked { .. } | Self::KilledRevoked | Self::KilledLost) => decided,
        }
    }

    fn kill(self, fate: Self) -> Self {
        match self {
            Self::Free { kill } | Self::Revoked { kill, .. } => {
                // An attempt that has just ended receives nothing.
                let _ended = kill.send(());
                fate
            }
            decided @ (Self::KilledRevoked | Self::KilledLost) => decided,
        }
    }
}

impl Running {
    /// Asks the attempt to stop; it is killed at `kill_at`.
    pub(crate) fn revoke(&mut self, kill_at: BootInstant) {
        self.change(|fate, cancel| fate.revoke(cancel, kill_at));
    }

    /// Kills the attempt without a report.
    pub(crate) fn lose(&mut self) {
        self.change(|fate, _cancel| fate.kill(Fate::KilledLost));
    }

    /// Kills the attempt when its grace is over.
    pub(crate) fn tick(&mut self, now: BootInstant) {
        if matches!(&self.fate, Fate::Revoked { kill_at, .. } if *kill_at <= now) {
            self.change(|fate, _cancel| fate.kill(Fate::KilledRevoked));
        }
    }

    fn change(&mut self, change: impl FnOnce(Fate, &CancelSignal) -> Fate) {
        let fate = std::mem::replace(&mut self.fate, Fate::KilledLost);
        self.fate = change(fate, &self.cancel);
    }
}

impl Held {
    /// Whether the attempt's lease must be renewed: not after it was revoked or killed, since its
    /// outcome no longer counts.
    pub(crate) const fn is_kept(&self) -> bool {
        match &self.stage {
            Stage::Loading(_) | Stage::Waiting(..) => true,
            Stage::Running(running) => matches!(running.fate, Fate::Free { .. }),
        }
    }

    /// Whether the lease is about to expire, so that the attempt must stop.
    pub(crate) fn is_lost(&self, now: BootInstant, margin: Duration) -> bool {
        self.lease_ends <= now + margin
    }
}
