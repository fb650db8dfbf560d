//! Metrics of the server, in Prometheus' text format under `/metrics`.
//!
//! Names begin with `weft_`. What the scheduler, the worker, the broker and the
//! blob store count they register themselves. Labels hold route templates,
//! methods, statuses and codes: sets that are fixed when the server is built,
//! never what a caller writes, so that no caller can make the metrics grow.

use crate::problem::Code;
use axum::response::{IntoResponse as _, Response};
use http::header;
use prometheus_client::{
    collector::Collector,
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

/// The text format that Prometheus asks for.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry of everything that this process counts. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    pub(crate) in_flight: Gauge,
    pub(crate) streams: Gauge,
    pub(crate) connections: Gauge,
    refused_sign_ins: Family<CodeLabel, Counter>,
    pub(crate) deployments: Counter,
    pub(crate) runs_triggered: Counter,
    pub(crate) panics: Counter,
    turn_age: Gauge<f64, AtomicU64>,
    queue_workers: Family<Queue, Gauge>,
    queue_places: Family<Queue, Gauge>,
    queue_waiting: Family<Queue, Gauge>,
    queue_ready: Family<Queue, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: Cow<'static, str>,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: Cow<'static, str>,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: String,
}

/// From 0.5 ms to 16 s.
fn duration_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("weft"))),
            requests: Family::default(),
            durations: Family::new_with_constructor(duration_buckets),
            in_flight: Gauge::default(),
            streams: Gauge::default(),
            connections: Gauge::default(),
            refused_sign_ins: Family::default(),
            deployments: Counter::default(),
            runs_triggered: Counter::default(),
            panics: Counter::default(),
            turn_age: Gauge::default(),
            queue_workers: Family::default(),
            queue_places: Family::default(),
            queue_waiting: Family::default(),
            queue_ready: Family::default(),
        };
        metrics.register(|registry| metrics.register_own(registry));
        metrics
    }
}

impl Metrics {
    /// Lets another part of the process add what it counts; the prefix `weft_` is added.
    pub fn register(&self, with: impl FnOnce(&mut Registry)) {
        with(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds metrics that are read at each scrape.
    pub fn register_collector(&self, collector: Box<dyn Collector>) {
        self.register(|registry| registry.register_collector(collector));
    }

    fn register_own(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "From a request's head to its answer's head",
            self.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests being handled",
            self.in_flight.clone(),
        );
        registry.register("http_streams", "Live streams open", self.streams.clone());
        registry.register(
            "http_connections",
            "Connections open",
            self.connections.clone(),
        );
        registry.register(
            "http_panics",
            "Requests that met a defect of Weft",
            self.panics.clone(),
        );
        registry.register(
            "sign_ins_refused",
            "Requests without a token that holds",
            self.refused_sign_ins.clone(),
        );
        registry.register("deployments", "Files deployed", self.deployments.clone());
        registry.register(
            "runs_triggered",
            "Runs made through the API",
            self.runs_triggered.clone(),
        );
        registry.register(
            "scheduler_turn_age_seconds",
            "How long ago the scheduler's loop went round; -1 while it never has",
            self.turn_age.clone(),
        );
        registry.register(
            "queue_workers",
            "Workers that serve a queue",
            self.queue_workers.clone(),
        );
        registry.register(
            "queue_places",
            "Attempts that a queue's workers could take now",
            self.queue_places.clone(),
        );
        registry.register(
            "queue_waiting",
            "Attempts that wait in a queue",
            self.queue_waiting.clone(),
        );
        registry.register(
            "queue_ready",
            "Task instances that could run if the queue had workers for them",
            self.queue_ready.clone(),
        );
    }

    pub(crate) fn request(
        &self,
        method: &http::Method,
        route: &str,
        status: http::StatusCode,
        took: Duration,
    ) {
        let method = method_label(method);
        let route = route.to_owned();
        self.durations
            .get_or_create(&Route {
                method: method.clone(),
                route: route.clone(),
            })
            .observe(took.as_secs_f64());
        let request = Request {
            method,
            route,
            status: status.as_u16(),
        };
        self.requests.get_or_create(&request).inc();
    }

    pub(crate) fn refused_sign_in(&self, code: Code) {
        self.refused_sign_ins
            .get_or_create(&CodeLabel {
                code: code.as_str(),
            })
            .inc();
    }

    pub(crate) fn scheduler(&self, health: crate::ports::SchedulerHealth) {
        self.turn_age.set(
            health
                .since_last_turn
                .map_or(-1.0, |since| since.as_secs_f64()),
        );
    }

    pub(crate) fn queues(&self, queues: &[crate::ports::QueueInfo]) {
        // Queues that are gone must not stay at their last figure.
        self.queue_workers.clear();
        self.queue_places.clear();
        self.queue_waiting.clear();
        self.queue_ready.clear();
        for info in queues {
            let queue = Queue {
                queue: info.name.clone(),
            };
            self.queue_workers
                .get_or_create(&queue)
                .set(info.workers.into());
            self.queue_places
                .get_or_create(&queue)
                .set(info.places.into());
            self.queue_waiting
                .get_or_create(&queue)
                .set(i64::try_from(info.queued).unwrap_or(i64::MAX));
            self.queue_ready
                .get_or_create(&queue)
                .set(i64::try_from(info.ready).unwrap_or(i64::MAX));
        }
    }

    /// Everything, in the text format.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(
            &mut out,
            &self.registry.lock().unwrap_or_else(PoisonError::into_inner),
        )?;
        Ok(out)
    }

    /// As Prometheus reads it.
    pub(crate) fn page(&self) -> Result<Response, fmt::Error> {
        let kind = [(header::CONTENT_TYPE, METRICS_TYPE)];
        Ok((kind, self.encode()?).into_response())
    }
}

/// A method that HTTP knows, or one name for all others: a caller can write any.
fn method_label(method: &http::Method) -> Cow<'static, str> {
    match *method {
        http::Method::GET => "GET".into(),
        http::Method::HEAD => "HEAD".into(),
        http::Method::POST => "POST".into(),
        http::Method::PUT => "PUT".into(),
        http::Method::PATCH => "PATCH".into(),
        http::Method::DELETE => "DELETE".into(),
        http::Method::OPTIONS => "OPTIONS".into(),
        _ => "other".into(),
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A gauge that is one higher for as long as this value lives.
pub(crate) struct Raised(Gauge);

impl Raised {
    pub(crate) fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.0.dec();
    }
}
