//! The loop's metrics. No label contains text that a tenant wrote.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::time::Duration;
use weft_core::{run::Counts, time::Timestamp};

/// The metrics of one scheduler. Cheap to clone: clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    turn_seconds: Histogram,
    commit_seconds: Histogram,
    commit_retries: Counter,
    commits: Counter,
    lost_turns: Counter,
    stuck_shards: Counter,
    run_lag_seconds: Histogram,
    active_runs: Gauge,
    instances: Family<StateLabel, Gauge>,
    unreadable: Family<ObjectLabel, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectLabel {
    object: &'static str,
}

/// From 0.1 ms to 3 s.
fn short_spans() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 16))
}

/// From 1 ms to 70 min: a scheduler that was down creates runs that are long due.
fn lags() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 12))
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            turn_seconds: short_spans(),
            commit_seconds: short_spans(),
            commit_retries: Counter::default(),
            commits: Counter::default(),
            lost_turns: Counter::default(),
            stuck_shards: Counter::default(),
            run_lag_seconds: lags(),
            active_runs: Gauge::default(),
            instances: Family::default(),
            unreadable: Family::default(),
        }
    }
}

impl Metrics {
    /// Records one iteration of the loop.
    pub(crate) fn record_iteration(&self, took: Duration) {
        self.turn_seconds.observe(took.as_secs_f64());
    }

    /// Records a call that committed a turn. Retries are counted apart.
    pub(crate) fn record_commit_call(&self, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// Records a call that did not commit a turn and is retried.
    pub(crate) fn record_commit_retry(&self) {
        self.commit_retries.inc();
    }

    /// Records a committed turn.
    pub(crate) fn record_turn(&self) {
        self.commits.inc();
    }

    /// Records acknowledged turns that the database no longer has.
    pub(crate) fn record_lost_turns(&self, turns: u64) {
        self.lost_turns.inc_by(turns);
    }

    /// Records that the task of a shard was ended since it made no progress.
    pub(crate) fn record_stuck_shard(&self) {
        self.stuck_shards.inc();
    }

    /// Records a row that can't be read, or a run that can't be replayed.
    pub(crate) fn record_unreadable(&self, object: &'static str) {
        self.unreadable.get_or_create(&ObjectLabel { object }).inc();
    }

    /// Turns committed so far.
    pub(crate) fn committed_turns(&self) -> u64 {
        self.commits.get()
    }

    /// Runs in memory.
    pub(crate) fn active_runs(&self) -> u64 {
        u64::try_from(self.active_runs.get()).unwrap_or(0)
    }

    /// Records how late a scheduled run was created.
    pub(crate) fn record_run_lag(&self, due: Timestamp, now: Timestamp) {
        let late = u64::try_from(now.0.saturating_sub(due.0)).unwrap_or(0);
        self.run_lag_seconds
            .observe(Duration::from_millis(late).as_secs_f64());
    }

    /// Registers all of them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let store = registry.sub_registry_with_prefix("store");
        store.register_with_unit(
            "commit_duration",
            "How long the database took for a turn's transaction",
            Unit::Seconds,
            self.commit_seconds.clone(),
        );
        store.register(
            "commit_retries",
            "Transactions that had to be tried again, since the database did not answer or was full",
            self.commit_retries.clone(),
        );
        store.register(
            "lost_turns",
            "Acknowledged transactions that the database no longer had: it came back without them",
            self.lost_turns.clone(),
        );
        let registry = registry.sub_registry_with_prefix("scheduler");
        registry.register(
            "stuck_shards",
            "Shards whose task made no progress, and was ended",
            self.stuck_shards.clone(),
        );
        registry.register_with_unit(
            "turn_duration",
            "How long the loop took to go round, its waiting for events left out",
            Unit::Seconds,
            self.turn_seconds.clone(),
        );
        registry.register("commits", "Turns that were committed", self.commits.clone());
        registry.register_with_unit(
            "run_lag",
            "How late scheduled runs were made",
            Unit::Seconds,
            self.run_lag_seconds.clone(),
        );
        registry.register(
            "active_runs",
            "Runs that the scheduler holds in memory",
            self.active_runs.clone(),
        );
        registry.register(
            "instances",
            "Task instances of the runs in memory, by state",
            self.instances.clone(),
        );
        registry.register(
            "unreadable",
            "Runs, commands, DAGs, settings and crashes that were held aside since they can't be read",
            self.unreadable.clone(),
        );
    }

    fn add(&self, counts: &Counts) {
        for (state, count) in states(counts).filter(|(_, count)| *count > 0) {
            self.instances
                .get_or_create(&StateLabel { state })
                .inc_by(count);
        }
    }

    fn subtract(&self, counts: &Counts) {
        for (state, count) in states(counts).filter(|(_, count)| *count > 0) {
            self.instances
                .get_or_create(&StateLabel { state })
                .dec_by(count);
        }
    }
}

fn states(counts: &Counts) -> impl Iterator<Item = (&'static str, i64)> {
    let counts = counts.in_order();
    let states = Counts::STATES.into_iter().zip(counts);
    states.map(|(state, count)| (state, i64::try_from(count).unwrap_or(i64::MAX)))
}

/// One run's part in the metrics, which ends when the run leaves memory, whatever the reason.
#[derive(Debug, Default)]
pub(crate) struct RunMetrics(Option<(Metrics, Counts)>);

impl RunMetrics {
    /// Publishes the run's current counts of instances.
    pub(crate) fn update(&mut self, metrics: &Metrics, counts: Counts) {
        match &mut self.0 {
            None => {
                metrics.active_runs.inc();
                metrics.add(&counts);
                self.0 = Some((metrics.clone(), counts));
            }
            Some((metrics, previous)) if *previous != counts => {
                metrics.add(&counts);
                metrics.subtract(previous);
                *previous = counts;
            }
            Some(_unchanged) => {}
        }
    }
}

impl Drop for RunMetrics {
    fn drop(&mut self) {
        if let Some((metrics, counts)) = &self.0 {
            metrics.active_runs.dec();
            metrics.subtract(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(metrics: &Metrics, state: &'static str) -> i64 {
        metrics.instances.get_or_create(&StateLabel { state }).get()
    }

    #[test]
    fn a_run_that_leaves_memory_is_subtracted() {
        let metrics = Metrics::default();
        let mut one = RunMetrics::default();
        let mut other = RunMetrics::default();
        one.update(
            &metrics,
            Counts {
                waiting: 3,
                ..Counts::default()
            },
        );
        other.update(
            &metrics,
            Counts {
                waiting: 1,
                running: 1,
                ..Counts::default()
            },
        );
        assert_eq!((at(&metrics, "waiting"), metrics.active_runs.get()), (4, 2));
        one.update(
            &metrics,
            Counts {
                success: 2,
                running: 1,
                ..Counts::default()
            },
        );
        assert_eq!((at(&metrics, "waiting"), at(&metrics, "running")), (1, 2));
        drop(one);
        drop(other);
        for state in ["waiting", "running", "success"] {
            assert_eq!(at(&metrics, state), 0, "{state}");
        }
        assert_eq!(metrics.active_runs.get(), 0);
    }
}
