//! Messages as JSON over HTTP: Weft's own, Slack's, PagerDuty's.

use crate::{Message, SendError, reach, signature};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;
use weft_core::{
    grant::{HttpGrant, Scheme, normal_host},
    notification::NotifyOn,
    policy::Policy,
    time::Timestamp,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const USER_AGENT: &str = concat!("weft/", env!("CARGO_PKG_VERSION"));
/// The header field by which receivers know a message that they have already.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest title that PagerDuty takes, in characters.
const MAX_SUMMARY_CHARS: usize = 1024;

/// What is posted.
pub(crate) struct Post {
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

/// Weft's own message, signed if there is a secret.
pub(crate) fn webhook(message: &Message<'_>, secret: Option<&str>) -> Post {
    let notice = message.notice;
    let runs = notice.runs.iter().map(|run| {
        json!({
            "dag": run.dag,
            "run": run.run,
            "task": run.task,
            "index": run.index,
            "at": Timestamp(run.at).to_string(),
        })
    });
    let cause = notice.cause.as_ref().map(|cause| {
        json!({ "fingerprint": cause.fingerprint, "code": cause.code, "message": cause.message })
    });
    let body = json!({
        "type": "weft.notification/1",
        "key": message.key,
        "tenant": message.tenant,
        "destination": message.destination,
        "on": notice.on.as_str(),
        "count": notice.count,
        "first": Timestamp(notice.first).to_string(),
        "last": Timestamp(notice.last).to_string(),
        "dags": notice.dags,
        "runs": runs.collect::<Vec<_>>(),
        "cause": cause,
        "title": message.title,
        "text": message.text,
    });
    let body = body.to_string().into_bytes();
    let mut headers = vec![(IDEMPOTENCY_KEY, message.key.to_owned())];
    if let Some(secret) = secret {
        let seconds = message.now.0.div_euclid(1_000);
        let signed = signature::sign(secret.as_bytes(), seconds, &body);
        headers.push((signature::HEADER, signed));
    }
    Post { body, headers }
}

/// A message as Slack's incoming webhooks take it.
pub(crate) fn slack(message: &Message<'_>) -> Post {
    let title = escaped(message.title);
    let text = escaped(message.text);
    let body = json!({ "text": format!("*{title}*\n{text}").trim_end() });
    Post::of(message, &body)
}

/// An event as PagerDuty's Events API v2 takes it. A recovery resolves what failures of its DAG triggered.
pub(crate) fn pager_duty(message: &Message<'_>, routing_key: &str) -> Post {
    let notice = message.notice;
    let dag = notice.dags.first().map_or("-", String::as_str);
    let incident = match notice.on {
        // A test leaves no incident of a DAG behind.
        NotifyOn::Test => format!("weft/{}/test/{}", message.tenant, message.key),
        NotifyOn::Deadline => format!("weft/{}/deadline/{}", message.tenant, message.key),
        NotifyOn::Approval => format!("weft/{}/approval/{}", message.tenant, message.key),
        NotifyOn::Success | NotifyOn::Failure | NotifyOn::Recovery | NotifyOn::Retry => {
            format!("weft/{}/dag/{dag}", message.tenant)
        }
    };
    let action = match notice.on {
        NotifyOn::Success | NotifyOn::Recovery => "resolve",
        NotifyOn::Failure
        | NotifyOn::Retry
        | NotifyOn::Deadline
        | NotifyOn::Approval
        | NotifyOn::Test => "trigger",
    };
    let severity = match notice.on {
        NotifyOn::Failure => "error",
        NotifyOn::Retry | NotifyOn::Deadline => "warning",
        NotifyOn::Success | NotifyOn::Recovery | NotifyOn::Approval | NotifyOn::Test => "info",
    };
    let summary: String = message.title.chars().take(MAX_SUMMARY_CHARS).collect();
    let body = json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": incident,
        "payload": {
            "summary": summary,
            "source": format!("weft/{}", message.tenant),
            "severity": severity,
            "timestamp": Timestamp(notice.first).to_string(),
            "component": dag,
            "custom_details": {
                "text": message.text,
                "count": notice.count,
                "key": message.key,
            },
        },
    });
    Post::of(message, &body)
}

impl Post {
    fn of(message: &Message<'_>, body: &Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            headers: vec![(IDEMPOTENCY_KEY, message.key.to_owned())],
        }
    }
}

/// The three characters that mean something to Slack.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

/// Posts it, and expects an answer of success.
pub(crate) async fn post(
    tls: &rustls::ClientConfig,
    url: &str,
    post: Post,
    policy: &Policy,
) -> Result<(), SendError> {
    // Its text is not repeated: the URL may be the secret.
    let odd = || SendError::Refused("the destination's URL can't be used".into());
    let url = Url::parse(url).map_err(|_odd| odd())?;
    let target = target(&url).ok_or_else(odd)?;
    let host = url.host_str().ok_or_else(odd)?;
    let granted = reach::granted_http(policy, target.clone())?;
    let addresses = reach::addresses(host, target.port, &granted).await?;
    let client = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(crate::MAX_SEND_TIME)
        .no_proxy()
        .tls_backend_preconfigured(tls.clone())
        .resolve_to_addrs(host, &addresses)
        .build()
        .map_err(|_error| SendError::Transient("HTTP can't be set up".into()))?;
    let mut request = client
        .post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .body(post.body);
    for (name, value) in post.headers {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(|error| failure(&error))?;
    judge(response.status())
}

/// Where a URL leads, as policies name it.
fn target(url: &Url) -> Option<HttpGrant> {
    let scheme = match url.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _other => return None,
    };
    Some(HttpGrant {
        scheme,
        host: normal_host(url.host_str()?).ok()?,
        port: url.port().unwrap_or(scheme.default_port()),
    })
}

fn failure(error: &reqwest::Error) -> SendError {
    let what = if error.is_timeout() {
        "the server did not answer in time"
    } else if error.is_connect() {
        "no connection to the server"
    } else {
        "the connection broke"
    };
    SendError::Transient(what.into())
}

fn judge(status: StatusCode) -> Result<(), SendError> {
    if status.is_success() {
        return Ok(());
    }
    let why = format!("the server answered {}", status.as_u16());
    // These say that the message itself is wrong; all others may pass, as a key that is set anew.
    let is_final = matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    );
    Err(if is_final {
        SendError::Refused(why)
    } else {
        SendError::Transient(why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::notification::Notice;

    fn message(notice: &Notice) -> Message<'_> {
        Message {
            tenant: "default",
            destination: "ops",
            key: "k1",
            notice,
            title: "a <b> & c",
            text: "text",
            now: Timestamp(1_700_000_000_500),
        }
    }

    fn notice(on: NotifyOn) -> Notice {
        Notice {
            on,
            dags: vec!["etl".into()],
            ..Notice::test(Timestamp(0))
        }
    }

    fn read(post: &Post) -> Value {
        serde_json::from_slice(&post.body).unwrap()
    }

    #[test]
    fn slack_reads_no_markup_of_others() {
        let notice = notice(NotifyOn::Failure);
        let body = read(&slack(&message(&notice)));
        assert_eq!(body["text"], "*a &lt;b&gt; &amp; c*\ntext");
    }

    #[test]
    fn a_recovery_resolves_the_incident_of_its_dags_failures() {
        let (failed, recovered) = (notice(NotifyOn::Failure), notice(NotifyOn::Recovery));
        let first = read(&pager_duty(&message(&failed), "r"));
        let second = read(&pager_duty(&message(&recovered), "r"));
        assert_eq!(first["event_action"], "trigger");
        assert_eq!(second["event_action"], "resolve");
        assert_eq!(first["dedup_key"], second["dedup_key"]);
        assert_eq!(first["routing_key"], "r");
    }

    #[test]
    fn a_webhook_is_signed_over_its_own_body() {
        let notice = notice(NotifyOn::Failure);
        let post = webhook(&message(&notice), Some("hush"));
        let expected = signature::sign(b"hush", 1_700_000_000, &post.body);
        assert!(post.headers.contains(&(signature::HEADER, expected)));
        assert!(post.headers.contains(&(IDEMPOTENCY_KEY, "k1".into())));
        assert_eq!(webhook(&message(&notice), None).headers.len(), 1);
    }

    #[test]
    fn only_a_message_that_is_wrong_is_refused_for_good() {
        for (status, is_final) in [(400, true), (401, false), (404, false), (429, false)] {
            let refused = judge(StatusCode::from_u16(status).unwrap()).unwrap_err();
            assert_eq!(
                matches!(refused, SendError::Refused(_)),
                is_final,
                "{status}"
            );
        }
        assert_eq!(judge(StatusCode::ACCEPTED), Ok(()));
    }
}
