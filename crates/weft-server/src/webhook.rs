//! What a webhook takes: whether a request is signed by its secret, which event it is, which
//! message it repeats, and which parameters its payload gives.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;
use std::collections::BTreeMap;
use weft_api::WebhookForm;
use weft_core::digest::Digest;

/// How far the time of a signature may be from this machine's, in seconds.
pub(crate) const TOLERANCE_S: i64 = 300;
/// The most signatures of one request: a secret that is replaced has two for a while.
const MAX_SIGNATURES: usize = 10;

/// What a webhook takes and what becomes of it, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) form: WebhookForm,
    #[serde(default)]
    pub(crate) params: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) events: Vec<String>,
}

/// Why a request is not what it claims to be. The sender never learns which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsigned {
    #[error("the request has no signature of the webhook's form")]
    Missing,
    #[error("the signature's time is too far from the server's")]
    Old,
    #[error("the signature is not of this body with this secret")]
    Wrong,
}

/// A request whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The time that the signature holds, if its form has one.
    seconds: Option<i64>,
}

/// Checks the signature of a body. `now` is in seconds since the Unix epoch.
pub(crate) fn verify(
    form: WebhookForm,
    secret: &[u8],
    (headers, body): (&HeaderMap, &[u8]),
    now: i64,
) -> Result<Signed, Unsigned> {
    let field = match form {
        WebhookForm::Weft => "weft-signature",
        WebhookForm::GitHub => "x-hub-signature-256",
        WebhookForm::Stripe => "stripe-signature",
    };
    let mut fields = headers.get_all(field).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Err(Unsigned::Missing);
    };
    let field = field.to_str().map_err(|_odd| Unsigned::Missing)?;
    match form {
        WebhookForm::GitHub => {
            let digits = field.strip_prefix("sha256=").ok_or(Unsigned::Missing)?;
            let is_right = decode(digits).is_some_and(|found| is_of(secret, &[body], &found));
            is_right
                .then_some(Signed { seconds: None })
                .ok_or(Unsigned::Wrong)
        }
        WebhookForm::Weft | WebhookForm::Stripe => {
            let mut seconds = None;
            let mut signatures = Vec::new();
            for part in field.split(',') {
                match part.trim().split_once('=') {
                    Some(("t", text)) => seconds = Some(text),
                    Some(("v1", digits)) => signatures.extend(decode(digits)),
                    Some(_) | None => {}
                }
            }
            let text = seconds.ok_or(Unsigned::Missing)?;
            let seconds: i64 = text.parse().map_err(|_odd| Unsigned::Missing)?;
            let head = format!("{text}.");
            let mut given = signatures.iter().take(MAX_SIGNATURES);
            if !given.any(|found| is_of(secret, &[head.as_bytes(), body], found)) {
                return Err(Unsigned::Wrong);
            }
            if now.abs_diff(seconds) > TOLERANCE_S.unsigned_abs() {
                return Err(Unsigned::Old);
            }
            Ok(Signed {
                seconds: Some(seconds),
            })
        }
    }
}

/// Whether the bytes are the HMAC-SHA-256 of these parts, compared in constant time.
fn is_of(secret: &[u8], parts: &[&[u8]], found: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(found).is_ok()
}

fn decode(digits: &str) -> Option<Vec<u8>> {
    Digest::from_hex(digits).map(|digest| digest.0.to_vec())
}

impl About {
    /// The type of an event, if the form has one.
    pub(crate) fn event<'p>(&self, headers: &'p HeaderMap, payload: &'p Value) -> Option<&'p str> {
        match self.form {
            WebhookForm::GitHub => headers.get("x-github-event")?.to_str().ok(),
            WebhookForm::Weft | WebhookForm::Stripe => payload.get("type")?.as_str(),
        }
    }

    /// Whether this event triggers a run. GitHub pings a new webhook once.
    pub(crate) fn takes(&self, event: Option<&str>) -> bool {
        let is_ping = self.form == WebhookForm::GitHub && event == Some("ping");
        match event {
            _ if is_ping => false,
            _ if self.events.is_empty() => true,
            Some(event) => self.events.iter().any(|own| own == event),
            None => false,
        }
    }

    /// Names the message, out of what was signed alone: what a sender repeats has the same name, and
    /// so has a copy that somebody else sends, whatever unsigned fields it adds.
    pub(crate) fn message_key(&self, signed: &Signed, body: &[u8], payload: &Value) -> String {
        let id = match self.form {
            WebhookForm::Stripe => payload.get("id"),
            WebhookForm::Weft => payload.get("key"),
            WebhookForm::GitHub => None,
        };
        let name = match (id.and_then(Value::as_str), signed.seconds) {
            (Some(id), _) => Digest::of(format!("id {id}").as_bytes()),
            (None, Some(seconds)) => {
                let body = Digest::of(body).hex();
                Digest::of(format!("at {seconds} {body}").as_bytes())
            }
            (None, None) => Digest::of(body),
        };
        name.hex()
    }

    /// The parameters that the payload gives; those that it lacks are left out.
    pub(crate) fn params(&self, payload: &Value) -> Map<String, Value> {
        let found = self.params.iter().filter_map(|(name, pointer)| {
            let value = payload.pointer(pointer)?;
            Some((name.clone(), value.clone()))
        });
        found.collect()
    }
}

/// Whether a text is a JSON Pointer (RFC 6901).
pub(crate) fn is_pointer(text: &str) -> bool {
    let escapes_end = text
        .match_indices('~')
        .all(|(at, _)| matches!(text.as_bytes().get(at + 1), Some(b'0' | b'1')));
    (text.is_empty() || text.starts_with('/')) && escapes_end
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fmt::Write as _;

    const NOW: i64 = 1_700_000_000;

    fn hex(secret: &[u8], parts: &[&[u8]]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        for part in parts {
            mac.update(part);
        }
        let mut text = String::new();
        for byte in mac.finalize().into_bytes() {
            write!(text, "{byte:02x}").unwrap();
        }
        text
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn githubs_own_example_is_verified() {
        // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let headers = headers("x-hub-signature-256", signature);
        let check =
            |secret: &[u8], body: &[u8]| verify(WebhookForm::GitHub, secret, (&headers, body), NOW);
        let secret = b"It's a Secret to Everybody";
        assert!(check(secret, b"Hello, World!").is_ok());
        assert_eq!(check(secret, b"Hello, World?"), Err(Unsigned::Wrong));
        assert_eq!(check(b"another", b"Hello, World!"), Err(Unsigned::Wrong));
    }

    #[test]
    fn a_signature_with_a_time_is_old_after_five_minutes() {
        let time = format!("{}", NOW - TOLERANCE_S);
        let digits = hex(b"hush", &[time.as_bytes(), b".", b"{}"]);
        let field = format!("t={time},v0=00,v1={},v1={digits}", "0".repeat(64));
        for (form, name) in [
            (WebhookForm::Stripe, "stripe-signature"),
            (WebhookForm::Weft, "weft-signature"),
        ] {
            let headers = headers(name, &field);
            let check = |now| verify(form, b"hush", (&headers, b"{}"), now);
            assert!(check(NOW).is_ok());
            assert_eq!(check(NOW + 1), Err(Unsigned::Old));
            assert_eq!(check(NOW - 2 * TOLERANCE_S - 1), Err(Unsigned::Old));
            let other = verify(form, b"hush", (&headers, b"[]"), NOW);
            assert_eq!(other, Err(Unsigned::Wrong));
        }
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        let empty = HeaderMap::new();
        for form in [WebhookForm::Weft, WebhookForm::GitHub, WebhookForm::Stripe] {
            let found = verify(form, b"hush", (&empty, b"{}"), NOW);
            assert_eq!(found, Err(Unsigned::Missing));
        }
        for odd in ["", "t=1", "v1=00", "t=x,v1=00", "t=,v1="] {
            let headers = headers("weft-signature", odd);
            verify(WebhookForm::Weft, b"hush", (&headers, b"{}"), NOW).unwrap_err();
        }
        let short = headers("x-hub-signature-256", "sha256=7571");
        let found = verify(WebhookForm::GitHub, b"hush", (&short, b"{}"), NOW);
        assert_eq!(found, Err(Unsigned::Wrong));
    }

    #[test]
    fn parameters_come_from_pointers_into_the_payload() {
        let about = About {
            form: WebhookForm::GitHub,
            params: [
                ("repo", "/repository/name"),
                ("first", "/commits/0"),
                ("none", "/x"),
                ("all", ""),
            ]
            .map(|(name, pointer)| (name.to_owned(), pointer.to_owned()))
            .into(),
            events: vec!["push".into()],
        };
        let payload = json!({ "repository": { "name": "weft" }, "commits": [1, 2] });
        let params = about.params(&payload);
        assert_eq!(params["repo"], "weft");
        assert_eq!(params["first"], 1);
        assert_eq!(params["all"], payload);
        assert!(!params.contains_key("none"));
        assert!(about.takes(Some("push")));
        assert!(!about.takes(Some("ping")) && !about.takes(Some("star")) && !about.takes(None));
        assert!(is_pointer("/a~1b/~0") && !is_pointer("a") && !is_pointer("/a~2"));
    }

    #[test]
    fn a_message_is_named_by_what_was_signed() {
        let about = |form| About {
            form,
            params: BTreeMap::new(),
            events: Vec::new(),
        };
        let at = |seconds| Signed { seconds };
        let stripe = about(WebhookForm::Stripe);
        let event = json!({ "id": "evt_1" });
        assert_eq!(
            stripe.message_key(&at(Some(1)), b"a", &event),
            stripe.message_key(&at(Some(2)), b"b", &event)
        );
        let weft = about(WebhookForm::Weft);
        let none = json!({});
        let key = |seconds, body: &[u8]| weft.message_key(&at(Some(seconds)), body, &none);
        assert_eq!(key(1, b"a"), key(1, b"a"));
        assert_ne!(key(1, b"a"), key(2, b"a"));
        assert_ne!(key(1, b"a"), key(1, b"b"));
    }
}
