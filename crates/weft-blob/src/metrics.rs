//! Metrics of a blob store. Kinds are four; neither
//! tenants nor names are labels.

use crate::Kind;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use std::fmt::{self, Write as _};

/// The metrics of one store. Cheap to clone: clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    written: Family<KindLabel, Counter>,
    written_bytes: Family<KindLabel, Counter>,
    read: Family<KindLabel, Counter>,
    read_bytes: Family<KindLabel, Counter>,
    failures: Counter,
    damaged: Counter,
    writers: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: Kind,
}

impl EncodeLabelValue for Kind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.name())
    }
}

impl Metrics {
    /// Counts a blob that was stored whole.
    pub(crate) fn record_write(&self, kind: Kind, bytes: u64) {
        let label = KindLabel { kind };
        self.written.get_or_create(&label).inc();
        self.written_bytes.get_or_create(&label).inc_by(bytes);
    }

    /// Counts a blob that was read whole and verified.
    pub(crate) fn record_read(&self, kind: Kind, bytes: u64) {
        let label = KindLabel { kind };
        self.read.get_or_create(&label).inc();
        self.read_bytes.get_or_create(&label).inc_by(bytes);
    }

    /// A call of the underlying store failed.
    pub(crate) fn record_failure(&self) {
        self.failures.inc();
    }

    /// Counts a blob whose bytes don't match its name.
    pub(crate) fn record_damage(&self) {
        self.damaged.inc();
    }

    /// Counts an open writer until the returned guard is dropped.
    pub(crate) fn count_writer(&self) -> OpenWriter {
        self.writers.inc();
        OpenWriter(self.writers.clone())
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("blobs");
        registry.register("written", "Blobs stored", self.written.clone());
        registry.register_with_unit(
            "written",
            "Bytes of the blobs stored",
            Unit::Bytes,
            self.written_bytes.clone(),
        );
        registry.register("read", "Blobs read to their end", self.read.clone());
        registry.register_with_unit(
            "read",
            "Bytes of the blobs read to their end",
            Unit::Bytes,
            self.read_bytes.clone(),
        );
        registry.register(
            "failures",
            "Calls that the store below did not carry out",
            self.failures.clone(),
        );
        registry.register(
            "damaged",
            "Blobs that were found damaged",
            self.damaged.clone(),
        );
        registry.register(
            "writers",
            "Blobs that are being written",
            self.writers.clone(),
        );
    }
}

/// One blob that is being written.
#[derive(Debug)]
pub(crate) struct OpenWriter(Gauge);

impl Drop for OpenWriter {
    fn drop(&mut self) {
        self.0.dec();
    }
}
