//! How many task instances are ready, by queue.

use std::{collections::BTreeMap, sync::Arc};

/// Ready instances of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadyCount {
    /// Instances that a worker of the queue could run.
    pub schedulable: u64,
    /// Instances that need more memory than any worker of the queue gives one attempt.
    pub oversized: u64,
}

/// Ready instances of all queues.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadyCounts(BTreeMap<Arc<str>, ReadyCount>);

impl ReadyCounts {
    /// The count of a queue.
    pub fn get(&self, queue: &str) -> ReadyCount {
        self.0.get(queue).copied().unwrap_or_default()
    }

    /// Adds ready instances of a queue, of which `oversized` fit no worker.
    pub(crate) fn add(&mut self, queue: &Arc<str>, ready: u64, oversized: u64) {
        let count = self.0.entry(Arc::clone(queue)).or_default();
        count.schedulable += ready.saturating_sub(oversized);
        count.oversized += oversized;
    }

    /// Adds the counts of another shard.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (queue, more) in &other.0 {
            let count = self.0.entry(Arc::clone(queue)).or_default();
            count.schedulable += more.schedulable;
            count.oversized += more.oversized;
        }
    }

    /// The counts as the API and the metrics label them: oversized instances have a label of
    /// their own, `"{queue}, too large"`. Labels without instances are left out.
    pub fn by_label(&self) -> BTreeMap<Arc<str>, u64> {
        let mut labels = BTreeMap::new();
        for (queue, count) in &self.0 {
            if count.schedulable > 0 {
                labels.insert(Arc::clone(queue), count.schedulable);
            }
            if count.oversized > 0 {
                let label = Arc::from(format!("{queue}, too large"));
                labels.insert(label, count.oversized);
            }
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oversized_instances_have_a_label_of_their_own() {
        let (default, gpu): (Arc<str>, Arc<str>) = ("default".into(), "gpu".into());
        let mut counts = ReadyCounts::default();
        counts.add(&default, 5, 2);
        counts.add(&default, 1, 0);
        counts.add(&gpu, 3, 3);
        assert_eq!(
            counts.get("default"),
            ReadyCount {
                schedulable: 4,
                oversized: 2
            }
        );
        let labels: Vec<_> = counts.by_label().into_iter().collect();
        let expected = [
            ("default", 4),
            ("default, too large", 2),
            ("gpu, too large", 3),
        ];
        let expected: Vec<_> = expected.map(|(label, n)| (Arc::from(label), n)).into();
        assert_eq!(labels, expected);
    }
}
