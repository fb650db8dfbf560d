//! Each tenant's share of the slots of a queue, and the order of tenants that follows from it.
//!
//! A tenant costs what it occupies: the slots that it has now, and those that it had lately, by
//! its weight. The one that costs least goes first. Slots that it has now are counted as if it
//! kept them for [`MEMORY_MS`], because no task is taken back: a tenant with long tasks doesn't get
//! more slots each time that others return theirs. What it had is forgotten at the same
//! pace, so that time without work earns no more credit than that.

use super::level::TenantIx;
use std::collections::BTreeSet;

/// How long occupied slots are remembered, in milliseconds: after that time a third is left.
const MEMORY_MS: u64 = 60_000;
/// Fractions of a cost, so that weights divide it finely.
const COST_UNIT: u128 = 1 << 20;

/// A tenant's share of a queue.
#[derive(Debug, Clone)]
pub(super) struct Share {
    weight: u32,
    /// The slots that it occupies now.
    active: u64,
    /// The slots that it occupied lately, in slot milliseconds.
    lately: u64,
    /// Until when `lately` is known.
    known_until_ms: i64,
    /// The position of its last take: among equals the one that waited longest goes first.
    last_take: u64,
    is_eligible: bool,
}

impl Share {
    pub(super) fn new(weight: u32, now_ms: i64) -> Self {
        Self {
            weight: weight.max(1),
            active: 0,
            lately: 0,
            known_until_ms: now_ms,
            last_take: 0,
            is_eligible: false,
        }
    }

    /// Whether its cost changes as time passes.
    fn is_unsteady(&self) -> bool {
        self.active > 0 || self.lately > 0
    }

    /// Adds the time since the last call, and forgets as much of what was before.
    fn advance(&mut self, now_ms: i64) {
        let passed = now_ms.saturating_sub(self.known_until_ms);
        let passed = u64::try_from(passed).unwrap_or(0).min(MEMORY_MS);
        self.known_until_ms = self.known_until_ms.max(now_ms);
        let forgotten = (self.lately * passed).div_ceil(MEMORY_MS);
        self.lately = self.lately - forgotten + self.active * passed;
    }

    fn cost(&self) -> u128 {
        let slots = u128::from(self.lately) + u128::from(self.active) * u128::from(MEMORY_MS);
        slots * COST_UNIT / u128::from(self.weight)
    }
}

/// The tenants that have something to take, in the order of their turn.
#[derive(Debug, Clone, Default)]
pub(super) struct TenantOrder(BTreeSet<(u128, u64, TenantIx)>);

impl TenantOrder {
    /// The tenant whose turn it is. O(log n).
    pub(super) fn first(&self) -> Option<TenantIx> {
        self.0.first().map(|(_cost, _last_take, tenant)| *tenant)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn set_eligible(&mut self, tenant: TenantIx, share: &mut Share, is_eligible: bool) {
        if share.is_eligible != is_eligible {
            self.change(tenant, share, |share| share.is_eligible = is_eligible);
        }
    }

    pub(super) fn set_weight(&mut self, tenant: TenantIx, share: &mut Share, weight: u32) {
        self.change(tenant, share, |share| share.weight = weight.max(1));
    }

    /// The tenant occupies one more slot, which it took at a position.
    pub(super) fn occupy(
        &mut self,
        tenant: TenantIx,
        share: &mut Share,
        now_ms: i64,
        position: u64,
    ) {
        self.change(tenant, share, |share| {
            share.advance(now_ms);
            share.active += 1;
            share.last_take = position;
        });
    }

    /// The tenant occupies one slot less.
    pub(super) fn release(&mut self, tenant: TenantIx, share: &mut Share, now_ms: i64) {
        self.change(tenant, share, |share| {
            share.advance(now_ms);
            share.active = share.active.saturating_sub(1);
        });
    }

    /// Time passed.
    pub(super) fn advance(&mut self, tenant: TenantIx, share: &mut Share, now_ms: i64) {
        if share.is_unsteady() {
            self.change(tenant, share, |share| share.advance(now_ms));
        } else {
            share.known_until_ms = now_ms;
        }
    }

    fn change(&mut self, tenant: TenantIx, share: &mut Share, change: impl FnOnce(&mut Share)) {
        if share.is_eligible {
            self.0.remove(&(share.cost(), share.last_take, tenant));
        }
        change(share);
        if share.is_eligible {
            self.0.insert((share.cost(), share.last_take, tenant));
        }
    }
}
