//! Memory and tables of one attempt: counts them, refuses what goes beyond the
//! limits, and records the refusal, so that the failure of the attempt names it.

use wasmtime::ResourceLimiter;
use weft_core::limit::Limits;

/// Counts over all memories and tables of an attempt.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: Gauge,
    tables: Gauge,
    instances: usize,
    memories: usize,
    table_count: usize,
}

/// One quantity with its bound.
#[derive(Debug, Clone, Copy)]
struct Gauge {
    limit: u64,
    used: u64,
    peak: u64,
    /// What growing was last allowed by, in case the allocation fails after all.
    last: u64,
    /// What the total would have been, the last time it was refused.
    refused: Option<u64>,
}

impl Gauge {
    const fn new(limit: u64) -> Self {
        Self {
            limit,
            used: 0,
            peak: 0,
            last: 0,
            refused: None,
        }
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let more = (desired as u64).saturating_sub(current as u64);
        let total = self.used.saturating_add(more);
        if total > self.limit {
            self.refused = Some(total);
            return false;
        }
        self.used = total;
        self.last = more;
        self.peak = self.peak.max(total);
        true
    }

    fn failed(&mut self) {
        self.used = self.used.saturating_sub(self.last);
        self.last = 0;
    }
}

fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl Limiter {
    /// Nothing is used yet.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory: Gauge::new(limits.memory_bytes),
            tables: Gauge::new(limits.table_elements),
            instances: count(limits.instances),
            memories: count(limits.memories),
            table_count: count(limits.tables),
        }
    }

    /// The most memory at once so far, in bytes.
    pub(crate) fn memory_peak(&self) -> u64 {
        self.memory.peak
    }

    /// How much memory the guest would have had, if the last refused growth had been allowed.
    pub(crate) fn refused_memory(&self) -> Option<u64> {
        self.memory.refused
    }

    /// The same for table elements.
    pub(crate) fn refused_table(&self) -> Option<u64> {
        self.tables.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.failed();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.tables.grow(current, desired))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables.failed();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.table_count
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_count_together_and_a_refusal_is_remembered() {
        let mut limiter = Limiter::new(&Limits {
            memory_bytes: 100,
            ..Limits::DEFAULT
        });
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert_eq!(limiter.refused_memory(), Some(120));
        assert!(limiter.memory_growing(60, 100, None).unwrap());
        assert_eq!(limiter.memory_peak(), 100);
    }

    #[test]
    fn growth_that_fails_after_all_is_not_counted() {
        let mut limiter = Limiter::new(&Limits {
            memory_bytes: 100,
            ..Limits::DEFAULT
        });
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(60, 90, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("no"))
            .unwrap();
        assert!(limiter.memory_growing(60, 100, None).unwrap());
    }
}
