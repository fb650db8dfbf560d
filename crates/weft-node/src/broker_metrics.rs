//! Metrics of the broker of this process. The server exports the queues, for every kind
//! of broker.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, gauge::ConstGauge},
};
use std::{fmt, sync::Arc};
use weft_broker::in_process::InProcess;

/// Reads the broker at each scrape.
#[derive(Debug)]
pub(crate) struct BrokerMetrics(pub(crate) Arc<InProcess>);

impl Collector for BrokerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.0.stats();
        let gauges = [
            (
                "broker_queued",
                "Attempts that wait for a worker.",
                stats.queued.iter().map(|(_queue, waiting)| waiting).sum(),
            ),
            (
                "broker_claimed",
                "Attempts that workers hold.",
                stats.claimed,
            ),
            (
                "broker_reports_unconfirmed",
                "Reports that no scheduler confirmed.",
                stats.unconfirmed,
            ),
            (
                "broker_notices",
                "Notices that no scheduler received.",
                stats.notices,
            ),
            (
                "broker_workers",
                "Workers that are registered.",
                stats.workers,
            ),
        ];
        for (name, help, value) in gauges {
            let value = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            value.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
