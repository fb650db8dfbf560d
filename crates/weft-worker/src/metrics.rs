//! The worker's Prometheus metrics. No label contains text of a tenant, which bounds their
//! number.

use crate::WorkerHandle;
use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric as _, LabelValueEncoder,
    },
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::{
    fmt::{self, Write as _},
    time::Duration,
};
use weft_broker::{Report, ReportedOutcome, Usage};
use weft_sandbox::Sandbox;

/// From 1 ms to 9 h, the usual durations of attempts.
fn long_spans() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 13))
}

/// From 0.1 ms to 7 min.
fn waits() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 12))
}

/// Counters of one worker. Cheap to clone: clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    attempts: Family<OutcomeLabel, Counter>,
    run_seconds: Histogram,
    queue_wait_seconds: Histogram,
    lookups: Family<FoundLabel, Counter>,
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Success,
    Skipped,
    Branch,
    Deferred,
    Failed,
}

/// The result of a component lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lookup {
    /// In memory.
    Kept,
    /// Being loaded, for another attempt.
    Loading,
    /// Not here: it is loaded.
    Absent,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FoundLabel {
    found: Lookup,
}

impl Outcome {
    /// How an attempt ended.
    pub(crate) const fn of(outcome: &ReportedOutcome) -> Self {
        match outcome {
            ReportedOutcome::Success { .. } => Self::Success,
            ReportedOutcome::Skipped { .. } => Self::Skipped,
            ReportedOutcome::Branch { .. } => Self::Branch,
            ReportedOutcome::Deferred { .. } => Self::Deferred,
            ReportedOutcome::Failed(_) => Self::Failed,
        }
    }

    /// Its name in metrics and spans.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Skipped => "skipped",
            Self::Branch => "branch",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
        }
    }
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.name())
    }
}

impl EncodeLabelValue for Lookup {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Kept => "memory",
            Self::Loading => "loading",
            Self::Absent => "absent",
        })
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            attempts: Family::default(),
            run_seconds: long_spans(),
            queue_wait_seconds: waits(),
            lookups: Family::default(),
        }
    }
}

impl Metrics {
    /// Records the start of an attempt and its time in the queue.
    pub(crate) fn started(&self, queue_wait: Duration) {
        self.queue_wait_seconds.observe(queue_wait.as_secs_f64());
    }

    /// Records the end of an attempt, and of those that ran ahead on its success.
    pub(crate) fn ended(&self, report: &Report) {
        self.ended_one(&report.outcome, report.usage);
        for ahead in &report.ahead {
            self.ended_one(&ahead.outcome, ahead.usage);
        }
    }

    /// One that never ran has no duration.
    fn ended_one(&self, outcome: &ReportedOutcome, usage: Usage) {
        let outcome = Outcome::of(outcome);
        self.attempts.get_or_create(&OutcomeLabel { outcome }).inc();
        if usage.wall_us > 0 {
            let run = Duration::from_micros(usage.wall_us);
            self.run_seconds.observe(run.as_secs_f64());
        }
    }

    /// Records a component lookup.
    pub(crate) fn looked_up(&self, found: Lookup) {
        self.lookups.get_or_create(&FoundLabel { found }).inc();
    }

    /// Registers all metrics, the handle's and the sandbox' included.
    pub(crate) fn register(&self, registry: &mut Registry, now: Now) {
        let registry = registry.sub_registry_with_prefix("worker");
        registry.register(
            "attempts",
            "Attempts that ended, by outcome",
            self.attempts.clone(),
        );
        registry.register_with_unit(
            "attempt_run",
            "From an attempt's instance being made to its end",
            Unit::Seconds,
            self.run_seconds.clone(),
        );
        registry.register_with_unit(
            "attempt_queue_wait",
            "From an attempt's publishing to its start",
            Unit::Seconds,
            self.queue_wait_seconds.clone(),
        );
        registry.register(
            "component_lookups",
            "Components that attempts needed, by where they were",
            self.lookups.clone(),
        );
        registry.register_collector(Box::new(now));
    }
}

/// The values that are read at each scrape.
pub(crate) struct Now {
    pub(crate) worker: WorkerHandle,
    pub(crate) sandbox: Sandbox,
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Now").finish_non_exhaustive()
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.worker.stats();
        let mut gauge = |name: &str, help: &str, value: u64| {
            let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
        };
        gauge(
            "slots",
            "Attempts that may run at once.",
            stats.slots.into(),
        )?;
        gauge(
            "slots_free",
            "Slots that no attempt runs in.",
            stats.slots.saturating_sub(stats.running).into(),
        )?;
        gauge(
            "attempts_waiting",
            "Attempts that are claimed and have not started.",
            stats.waiting.into(),
        )?;
        gauge(
            "reports_unconfirmed",
            "Reports that no scheduler confirmed.",
            stats.unconfirmed.into(),
        )?;
        gauge(
            "memory_reserved_bytes",
            "The sum of the memory limits of what runs.",
            stats.memory_bytes,
        )?;
        let code = self.sandbox.code_found();
        let mut counter = |name: &str, help: &str, value: u64| {
            let value = ConstCounter::new(value);
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
        };
        counter(
            "compile_cache_hits",
            "Files whose compiled code was found, in memory or on disk.",
            code.hits,
        )?;
        counter(
            "compile_cache_fetched",
            "Files whose code another machine had compiled.",
            code.fetched,
        )?;
        counter(
            "compile_cache_misses",
            "Files that had to be compiled.",
            code.misses,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text;

    #[test]
    fn names_are_those_that_operators_know() {
        let metrics = Metrics::default();
        metrics.started(Duration::from_millis(3));
        metrics.looked_up(Lookup::Loading);
        let mut registry = Registry::with_prefix("weft");
        let metrics_alone = registry.sub_registry_with_prefix("worker");
        metrics_alone.register("component_lookups", "x", metrics.lookups.clone());
        metrics_alone.register_with_unit(
            "attempt_queue_wait",
            "x",
            Unit::Seconds,
            metrics.queue_wait_seconds.clone(),
        );
        let mut said = String::new();
        text::encode(&mut said, &registry).expect("a String takes every text");
        assert!(
            said.contains(r#"weft_worker_component_lookups_total{found="loading"} 1"#),
            "{said}"
        );
        assert!(
            said.contains("weft_worker_attempt_queue_wait_seconds_count 1"),
            "{said}"
        );
    }
}
