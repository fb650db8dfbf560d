//! Notices: what the broker reports of a shard's attempts. One module per kind that changes runs;
//! an expired lease is a lost attempt, and demand only wakes the loop.

mod finished;
mod released;
mod started;

pub(super) use finished::{End, apply_end};

use super::attempts::lose_attempt;
use crate::{context::Context, shard::Shard};
use weft_broker::Notice;
use weft_core::run_id::RunId;

/// The run that a notice is about.
pub(crate) fn run_of(notice: &Notice) -> Option<RunId> {
    match notice {
        Notice::Started { key, worker: _ } | Notice::Expired { key } | Notice::Released { key } => {
            Some(key.run)
        }
        Notice::Finished(report) => Some(report.key.run),
        Notice::Demand => None,
    }
}

/// Applies a notice about a run that is in memory.
pub(crate) fn apply_notice(shard: &mut Shard, cx: &mut Context, notice: Notice) {
    let (mut events, outbox, reconcile) = shard.split(cx);
    match notice {
        Notice::Started { key, worker } => {
            started::apply(&mut events, outbox, key, worker);
        }
        Notice::Finished(report) => finished::apply(&mut events, *report),
        Notice::Expired { key } => lose_attempt(&mut events, key),
        Notice::Released { key } => {
            released::apply(&mut events, outbox, reconcile, key);
        }
        Notice::Demand => {}
    }
}
