//! The pool that instances are made in, and who may take how much of it.
//!
//! The pool is a fixed number of slots, each of which has room for one linear
//! memory and a few tables. An attempt takes as many slots as its component
//! needs and waits for them in the order of asking, so the pool itself is never
//! exhausted under a running guest.

use crate::{SandboxError, SandboxOptions};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourcesRequired,
};
use weft_core::limit::Limits;

/// Tables in one slot.
const TABLES_PER_SLOT: u32 = 4;

/// Core instances in one slot; only counted, nothing is reserved for them.
const INSTANCES_PER_SLOT: u32 = 1000;

/// The size of the engine's own records of one component or core instance.
const INSTANCE_RECORD_BYTES: usize = 8 << 20;

/// Memory of a slot that stays resident between two attempts: what small guests
/// touch is cleared by hand, which is faster than giving it back page by page.
const MEMORY_KEPT_BYTES: usize = 256 << 10;

/// The same for tables.
const TABLE_KEPT_BYTES: usize = 32 << 10;

/// Slots that may stay warm for guests that don't run now.
const WARM_SLOTS: u32 = 16;

/// A guest takes at most so many slots more than one; they are there even when
/// only one attempt may run at once.
const SPARE_SLOTS: u32 = 7;

/// Who may take how much of the pool.
pub(crate) struct Pool {
    slots: Arc<Semaphore>,
    total: u32,
    wait: Duration,
}

/// A part of the pool; released when it is dropped, which must be after the store.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// Why there is no slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SlotError {
    /// None came free in time.
    #[error("no slot came free within {0:?}: too many attempts at once")]
    Timeout(Duration),
}

impl Pool {
    /// Makes the engine with a pool of the requested size, or the largest that
    /// the machine gives address space for.
    pub(crate) fn reserve(
        config: &Config,
        options: &SandboxOptions,
    ) -> Result<(Engine, Self), SandboxError> {
        let mut total = total(options);
        loop {
            let mut config = config.clone();
            let strategy = allocation(total, options.max_memory_bytes)?;
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(strategy));
            match Engine::new(&config) {
                Ok(engine) => return Ok((engine, Self::of(total, options))),
                Err(_) if total > 1 => total = (total / 2).max(1),
                Err(error) => {
                    return Err(SandboxError::Engine {
                        reason: format!("{error:#}"),
                    });
                }
            }
        }
    }

    /// Makes an engine that takes memories and stacks from the system when they are
    /// needed. Its slots only bound how many attempts run at once.
    pub(crate) fn on_demand(
        config: &Config,
        options: &SandboxOptions,
    ) -> Result<(Engine, Self), SandboxError> {
        let mut config = config.clone();
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        let engine = Engine::new(&config).map_err(|error| SandboxError::Engine {
            reason: format!("{error:#}"),
        })?;
        Ok((engine, Self::of(total(options), options)))
    }

    fn of(total: u32, options: &SandboxOptions) -> Self {
        let permits = usize::try_from(total).expect("u32 fits");
        Self {
            slots: Arc::new(Semaphore::new(permits)),
            total,
            wait: options.slot_wait,
        }
    }

    /// How many slots a guest needs. `Err` names the bound that it exceeds.
    pub(crate) fn slots_for(&self, needs: &ResourcesRequired) -> Result<u32, String> {
        for (what, has, most) in [
            ("memories", needs.num_memories, Limits::MAXIMUM.memories),
            ("tables", needs.num_tables, Limits::MAXIMUM.tables),
        ] {
            if u64::from(has) > most {
                return Err(format!("it has {has} {what}; at most {most} are allowed"));
            }
        }
        let slots = needs
            .num_memories
            .max(needs.num_tables.div_ceil(TABLES_PER_SLOT))
            .max(1);
        if slots > self.total {
            return Err(format!(
                "its {} memories and {} tables need {slots} slots of a pool of {}; raise max_instances",
                needs.num_memories, needs.num_tables, self.total
            ));
        }
        Ok(slots)
    }

    /// Waits for slots, in the order of asking.
    pub(crate) async fn take(&self, slots: u32) -> Result<Slot, SlotError> {
        if let Ok(permit) = Arc::clone(&self.slots).try_acquire_many_owned(slots) {
            return Ok(Slot { _permit: permit });
        }
        let acquire = Arc::clone(&self.slots).acquire_many_owned(slots);
        match tokio::time::timeout(self.wait, acquire).await {
            Ok(permit) => Ok(Slot {
                _permit: permit.expect("the semaphore is never closed"),
            }),
            Err(_elapsed) => Err(SlotError::Timeout(self.wait)),
        }
    }
}

/// The number of requested slots.
fn total(options: &SandboxOptions) -> u32 {
    options.max_instances.max(1).saturating_add(SPARE_SLOTS)
}

fn allocation(total: u32, max_memory_bytes: u64) -> Result<PoolingAllocationConfig, SandboxError> {
    let too_large = |option: &'static str| SandboxError::Option {
        option,
        problem: "is more than this machine can address".into(),
    };
    let memory = usize::try_from(max_memory_bytes).map_err(|_| too_large("max_memory_bytes"))?;
    let elements =
        usize::try_from(Limits::MAXIMUM.table_elements).map_err(|_| too_large("max_instances"))?;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(total)
        .total_core_instances(total.saturating_mul(INSTANCES_PER_SLOT))
        .max_core_instances_per_component(INSTANCES_PER_SLOT)
        .max_component_instance_size(INSTANCE_RECORD_BYTES)
        .max_core_instance_size(INSTANCE_RECORD_BYTES)
        .total_memories(total)
        .max_memory_size(memory)
        .max_memories_per_module(u32::try_from(Limits::MAXIMUM.memories).expect("a small number"))
        .total_tables(total.saturating_mul(TABLES_PER_SLOT))
        .max_tables_per_module(u32::try_from(Limits::MAXIMUM.tables).expect("a small number"))
        .table_elements(elements)
        .total_stacks(total)
        .linear_memory_keep_resident(MEMORY_KEPT_BYTES)
        .table_keep_resident(TABLE_KEPT_BYTES)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(WARM_SLOTS);
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_pool_makes_the_next_one_wait_and_then_gives_up() {
        let options = SandboxOptions {
            max_instances: 1,
            slot_wait: Duration::from_millis(5),
            ..SandboxOptions::default()
        };
        let (_engine, pool) = Pool::reserve(&Config::new(), &options).unwrap();
        let all = pool.take(pool.total).await.unwrap();
        assert_eq!(
            pool.take(1).await.unwrap_err(),
            SlotError::Timeout(options.slot_wait)
        );
        drop(all);
        pool.take(1).await.unwrap();
    }
}
