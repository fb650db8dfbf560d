//! Logs and traces of the services: lines on standard error and, with a collector, spans
//! and lines for OpenTelemetry.
//!
//! `WEFT_LOG` says how much is written here (`info`, `weft_scheduler=debug,warn`);
//! on a terminal lines are for people, elsewhere each is one JSON object. Nothing
//! secret is ever logged or put into a span: the crates below name things, never
//! values. What tasks print goes to their own logs and nowhere else.

use reqwest::Url;
use std::{io::IsTerminal as _, time::Duration};
use tokio::runtime::Handle;
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};
use weft_api::problem::{Code, Problem};
use weft_client::transport;
use weft_trace::{Export, Identity};

/// The log filter unless `WEFT_LOG` names another.
const DEFAULT_FILTER: &str = "info";
/// How long the end may take to send what was not sent yet.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);
/// How long a collector may take to be connected to.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const IDENTITY: Identity = Identity {
    service: "weft",
    version: env!("CARGO_PKG_VERSION"),
};

/// Running exports; ended after the services.
pub struct Telemetry(Option<Export>);

/// Starts to write, and to export to `collector` if it is set. Called once,
/// before anything else is started.
///
/// # Errors
/// The collector's URL is none.
pub fn start(collector: Option<&str>, runtime: &Handle) -> Result<Telemetry, Problem> {
    let export = collector
        .map(|endpoint| export(endpoint, runtime))
        .transpose()?;
    let filter = std::env::var("WEFT_LOG").unwrap_or_else(|_unset| DEFAULT_FILTER.to_owned());
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|error| {
        anstream::eprintln!("warning: WEFT_LOG={filter:?} is ignored: {error}");
        EnvFilter::new(DEFAULT_FILTER)
    });
    let terminal = std::io::stderr().is_terminal();
    let people = terminal.then(|| {
        fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .compact()
    });
    let machines = (!terminal).then(|| {
        fmt::layer()
            .with_writer(std::io::stderr)
            .json()
            .flatten_event(true)
    });
    let lines = people
        .map(fmt::Layer::boxed)
        .or_else(|| machines.map(fmt::Layer::boxed));
    tracing_subscriber::registry()
        .with(export.as_ref().map(Export::spans))
        .with(export.as_ref().map(Export::lines))
        .with(lines.with_filter(filter))
        .init();
    Ok(Telemetry(export))
}

impl Telemetry {
    /// Sends what is left, within a bound.
    pub async fn end(self) {
        if let Some(export) = self.0 {
            export.end(FLUSH_WITHIN).await;
        }
    }
}

fn export(endpoint: &str, runtime: &Handle) -> Result<Export, Problem> {
    let refused = |why: String| {
        Problem::new(Code::Usage, format!("{endpoint:?} is no collector: {why}"))
            .help("name its OTLP address over HTTP, such as http://127.0.0.1:4318")
    };
    let url = Url::parse(endpoint).map_err(|error| refused(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it is neither http nor https".to_owned()));
    }
    let http = reqwest::Client::builder()
        .user_agent(concat!("weft/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_WITHIN)
        .tls_backend_preconfigured(transport::tls_config(&url)?)
        .build()
        .map_err(|error| Problem::new(Code::Internal, format!("can't set up HTTP: {error}")))?;
    Export::start(endpoint, &IDENTITY, &http, runtime).map_err(|error| refused(error.to_string()))
}
