//! The address under which the operator's tracing system shows a trace.

use std::{fmt, str::FromStr};
use url::Url;
use weft_trace::Traceparent;

/// The placeholder of the trace's id.
const PLACEHOLDER: &str = "{trace_id}";
/// The longest address, in bytes.
const MAX_BYTES: usize = 2_000;
/// An id, to check an address with.
const SOME_ID: &str = "0af7651916cd43dd8448eb211c80319c";

/// An `http` or `https` address with `{trace_id}` in it.
///
/// ```
/// let url: weft_server::TraceUrl = "https://traces.example.com/trace/{trace_id}".parse()?;
/// let shown = url.of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
/// assert_eq!(
///     shown.as_deref(),
///     Some("https://traces.example.com/trace/0af7651916cd43dd8448eb211c80319c")
/// );
/// # Ok::<_, weft_server::TraceUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceUrl(String);

/// A text that is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of a trace is written as https://HOST/…{PLACEHOLDER}…: http or https, without a name or a password, at most {MAX_BYTES} bytes"
)]
pub struct TraceUrlError;

impl FromStr for TraceUrl {
    type Err = TraceUrlError;

    fn from_str(text: &str) -> Result<Self, TraceUrlError> {
        if text.len() > MAX_BYTES || !text.contains(PLACEHOLDER) {
            return Err(TraceUrlError);
        }
        let filled = text.replace(PLACEHOLDER, SOME_ID);
        let url = Url::parse(&filled).map_err(|_error| TraceUrlError)?;
        let is_web = matches!(url.scheme(), "http" | "https");
        let is_named = !url.username().is_empty() || url.password().is_some();
        let has_id_after_host = url[url::Position::AfterPort..].contains(SOME_ID);
        if is_web && !is_named && has_id_after_host {
            Ok(Self(text.to_owned()))
        } else {
            Err(TraceUrlError)
        }
    }
}

impl fmt::Display for TraceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TraceUrl {
    /// The address of the trace that a W3C `traceparent` names; none if it names none.
    pub fn of(&self, traceparent: &str) -> Option<String> {
        let _checked: Traceparent = traceparent.parse().ok()?;
        let id = traceparent.split('-').nth(1)?;
        Some(self.0.replace(PLACEHOLDER, id))
    }
}

#[cfg(test)]
mod tests {
    use super::TraceUrl;

    #[test]
    fn an_address_is_of_the_web_and_has_the_id_after_its_host() {
        for good in [
            "http://127.0.0.1:16686/trace/{trace_id}",
            "https://grafana.example.com/explore?left={\"queries\":[{\"query\":\"{trace_id}\"}]}",
            "https://traces.example.com/#/{trace_id}",
        ] {
            assert!(good.parse::<TraceUrl>().is_ok(), "{good}");
        }
        let long = format!(
            "https://traces.example.com/{}{{trace_id}}",
            "a".repeat(2_000)
        );
        for bad in [
            "",
            "/trace/{trace_id}",
            "javascript:alert('{trace_id}')",
            "https://traces.example.com/trace",
            "https://{trace_id}.example.com/",
            "https://user:secret@traces.example.com/{trace_id}",
            &long,
        ] {
            assert!(bad.parse::<TraceUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_names_no_trace_has_no_address() {
        let url: TraceUrl = "https://traces.example.com/{trace_id}"
            .parse()
            .expect("right");
        for wrong in ["", "00-0-0-00", "\"><script>"] {
            assert_eq!(url.of(wrong), None, "{wrong}");
        }
    }
}
