//! Whether a service lives or is ready, as its `/health` pages say, without a token.

use crate::transport;
use reqwest::{StatusCode, Url};
use std::time::Duration;
use weft_api::problem::{Code, Problem};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes of an answer that a message shows.
const MAX_SHOWN_BYTES: usize = 500;

/// One of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The process makes progress; otherwise it should be restarted.
    Live,
    /// The service is of use now.
    Ready,
}

impl Probe {
    const fn path(self) -> &'static str {
        match self {
            Self::Live => "/health/live",
            Self::Ready => "/health/ready",
        }
    }
}

/// Asks the service at this URL, whose path is the base of its paths.
///
/// # Errors
/// [`Code::Unreachable`] if no service answers, [`Code::Unavailable`] with its reason if it is not
/// live or not ready.
pub async fn probe(base: &Url, probe: Probe) -> Result<(), Problem> {
    let mut url = base.clone();
    let path = format!("{}{}", base.path().trim_end_matches('/'), probe.path());
    url.set_path(&path);
    let http = transport::anonymous()?.no_proxy().timeout(TIMEOUT);
    let http = http.build().map_err(transport::setup_failed)?;
    let unreachable = |error: reqwest::Error| {
        let detail = format!("no answer from {url}: {}", error.without_url());
        Problem::new(Code::Unreachable, detail)
    };
    let response = http.get(url.clone()).send().await.map_err(unreachable)?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = response.bytes().await.map_err(unreachable)?;
    let shown = &body[..body.len().min(MAX_SHOWN_BYTES)];
    let detail = format!(
        "{url} answers {status}: {}",
        String::from_utf8_lossy(shown).trim()
    );
    Err(Problem::new(Code::Unavailable, detail))
}
