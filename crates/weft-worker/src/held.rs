//! What a worker holds: each attempt's lease and how far it has come.

use crate::{clock::BootInstant, load::Component};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use weft_broker::{AttemptKey, Dispatch};
use weft_sandbox::CancelSignal;

/// The attempts that a worker holds, by key.
pub(crate) type HeldAttempts = HashMap<AttemptKey, Held>;

/// One attempt that is held.
pub(crate) struct Held {
    /// When the lease ends, unless it is renewed.
    pub(crate) lease_ends: BootInstant,
    /// Since when it waits for its start, its time in the broker's queue included.
    pub(crate) queued: Instant,
    pub(crate) stage: Stage,
}

/// How far an attempt has come.
pub(crate) enum Stage {
    /// Its component is being loaded.
    Loading(Box<Dispatch>),
    /// Waits for a slot and memory.
    Waiting(Box<Dispatch>, Component),
    /// Runs in a task of its own.
    Running(Running),
}

/// An attempt that runs.
pub(crate) struct Running {
    /// Its limit on memory, in bytes.
    pub(crate) memory_bytes: u64,
    pub(crate) cancel: CancelSignal,
    pub(crate) fate: Fate,
}

/// What was decided about an attempt that runs.
pub(crate) enum Fate {
    /// It may end by itself.
    Free {
        /// Kills it.
        kill: oneshot::Sender<()>,
    },
    /// Its outcome doesn't count any more, and it was told to stop.
    Revoked {
        /// When it is killed.
        kill_at: BootInstant,
        /// Kills it.
        kill: oneshot::Sender<()>,
    },
    /// Killed for being revoked: somebody may want to see its log.
    KilledRevoked,
    /// Killed since its lease was lost, or nearly: somebody else runs it.
    KilledLost,
}

impl Fate {
    /// Tells an attempt that goes on to end within `grace`.
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
                // An attempt that ended by itself a moment ago hears nothing, and needs not.
                let _ended = kill.send(());
                fate
            }
            decided @ (Self::KilledRevoked | Self::KilledLost) => decided,
        }
    }
}

impl Running {
    /// The attempt is told to stop, and killed when `kill_at` has come.
    pub(crate) fn revoke(&mut self, kill_at: BootInstant) {
        self.change(|fate, cancel| fate.revoke(cancel, kill_at));
    }

    /// The attempt is killed, and nobody hears of it.
    pub(crate) fn lose(&mut self) {
        self.change(|fate, _cancel| fate.kill(Fate::KilledLost));
    }

    /// Kills the attempt where its grace is over.
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
    /// Whether the attempt's lease matters: not that of one which was revoked or
    /// killed, since nobody counts on its outcome and its end is near.
    pub(crate) const fn is_kept(&self) -> bool {
        match &self.stage {
            Stage::Loading(_) | Stage::Waiting(..) => true,
            Stage::Running(running) => matches!(running.fate, Fate::Free { .. }),
        }
    }

    /// Whether so little of the lease is left that the attempt must not go on.
    pub(crate) fn is_lost(&self, now: BootInstant, margin: Duration) -> bool {
        self.lease_ends <= now + margin
    }
}
