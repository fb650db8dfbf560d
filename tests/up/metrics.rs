//! Metrics as Prometheus reads them, under names that it expects, with nothing that a tenant
//! writes.

use crate::{
    installation::Installation,
    telemetry::{TRACED, deploy},
};
use prometheus_parse::{Scrape, Value as Figure};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

/// The text of `/metrics`.
pub(crate) fn read_metrics(installation: &Installation) -> String {
    let read = |file: &str| {
        let text = fs::read_to_string(installation.path("data").join(file));
        text.expect("it was written down").trim().to_owned()
    };
    let (url, token) = (read("server.url"), read("admin.token"));
    let address = url.strip_prefix("http://").expect("it is not encrypted");
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "GET /metrics HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    assert!(head.contains("200 OK"), "{head}");
    body.to_owned()
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let installation = Installation::new();
    let up = installation.start(&["--slots", "3"]).answering();
    deploy(&installation, &up, TRACED);
    let said = installation.client(&up, &["runs", "trigger", "traced", "--watch"]);
    assert_eq!(said.code, Some(1), "one task fails: {said:?}");
    let runs = installation.list(&up, &["runs", "list"]);
    let run = runs[0]["id"].as_str().expect("it has a name");
    let text = read_metrics(&installation);
    for own in [run, "traced", "fails", "busy"] {
        assert!(
            !text.contains(own),
            "{own} is what a tenant writes:\n{text}"
        );
    }
    let read = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).expect("lines");
    let value = |name: &str, labels: &[(&str, &str)]| {
        let found = read.samples.iter().find(|sample| {
            let has = |(key, value): &(&str, &str)| sample.labels.get(key) == Some(value);
            sample.metric == name && labels.iter().all(has)
        });
        match &found
            .unwrap_or_else(|| panic!("{name} {labels:?} is not in\n{text}"))
            .value
        {
            Figure::Counter(value) | Figure::Gauge(value) | Figure::Untyped(value) => *value,
            Figure::Histogram(buckets) => {
                let most = buckets
                    .iter()
                    .max_by(|one, other| one.less_than.total_cmp(&other.less_than));
                most.expect("a histogram has buckets").count
            }
            other @ Figure::Summary(_) => panic!("{name} is {other:?}"),
        }
    };
    let succeeded = value("weft_worker_attempts_total", &[("outcome", "success")]);
    assert!((succeeded - 3.0).abs() < f64::EPSILON, "{succeeded}");
    let failed = value("weft_worker_attempts_total", &[("outcome", "failed")]);
    assert!((failed - 2.0).abs() < f64::EPSILON, "{failed}");
    for name in [
        "weft_worker_attempt_run_seconds",
        "weft_worker_attempt_queue_wait_seconds",
    ] {
        let count = value(name, &[]);
        assert!((count - 5.0).abs() < f64::EPSILON, "{name}: {count}");
    }
    let slots = value("weft_worker_slots", &[]);
    assert!((slots - 3.0).abs() < f64::EPSILON, "{slots}");
    let active = value("weft_scheduler_active_runs", &[]);
    assert!(active.abs() < f64::EPSILON, "{active}");
    let running = value("weft_scheduler_instances", &[("state", "running")]);
    assert!(running.abs() < f64::EPSILON, "{running}");
    for (name, labels) in [
        ("weft_scheduler_turn_duration_seconds", &[][..]),
        ("weft_scheduler_commits_total", &[]),
        ("weft_store_commit_duration_seconds", &[]),
        ("weft_broker_workers", &[]),
        ("weft_worker_slots_free", &[]),
        ("weft_blobs_written_bytes_total", &[("kind", "component")]),
        ("weft_http_requests_in_flight", &[]),
    ] {
        assert!(value(name, labels) > 0.0, "{name}");
    }
    for name in [
        "weft_worker_compile_cache_hits_total",
        "weft_worker_compile_cache_misses_total",
        "weft_broker_reports_unconfirmed",
        "weft_store_commit_retries_total",
    ] {
        assert!(value(name, &[]) >= 0.0, "{name}");
    }
    conventions(&text);
    reference_page(&text);
}

/// `docs/reference/metrics.md` names every metric.
fn reference_page(text: &str) {
    let page = include_str!("../../docs/reference/metrics.md");
    for line in text.lines() {
        let Some(typed) = line.strip_prefix("# TYPE ") else {
            continue;
        };
        let (name, kind) = typed.split_once(' ').expect("a name and a type");
        let suffix = if kind == "counter" { "_total" } else { "" };
        let name = format!("`{}{suffix}`", name.trim_end_matches("_total"));
        assert!(page.contains(&name), "add {name} to the page");
    }
}

/// As Prometheus names things: one prefix, base units, counters that end in
/// `_total`, and a type for every sample.
fn conventions(text: &str) {
    let mut of_type = Vec::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').expect("a name and a type");
            assert!(name.starts_with("weft_"), "{name}");
            assert!(
                kind != "histogram" || name.ends_with("_seconds") || name.ends_with("_bytes"),
                "{name} has no base unit"
            );
            assert!(
                of_type.iter().all(|(known, _)| *known != name),
                "{name} occurs twice"
            );
            of_type.push((name, kind));
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().expect("a name");
            let (family, kind) = of_type.last().expect("a type comes first");
            let rest = name
                .strip_prefix(family)
                .unwrap_or_else(|| panic!("{name} is none of {family}"));
            let fits = match *kind {
                "counter" => rest == "_total",
                "gauge" => rest.is_empty(),
                "histogram" => matches!(rest, "_bucket" | "_sum" | "_count"),
                other => panic!("{family} is a {other}"),
            };
            assert!(fits, "{name} is no {kind}");
        }
    }
    assert!(text.ends_with("# EOF\n"));
}
