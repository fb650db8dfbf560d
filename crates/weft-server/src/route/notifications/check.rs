//! What of a new destination can be used. Messages never repeat what may be secret.

use crate::problem::{Code, Problem};
use url::Url;
use weft_api::{DestinationKind, NewDestination, NotifyOn, SmtpTls};
use weft_core::{
    grant::{GrantRequest, HostPattern, HttpGrant, Scheme, normal_host},
    id::DagId,
    limit::LimitRequest,
    notification::{self, Destination, Endpoint, Fold, MAX_FILTER_NAMES, MAX_FOLD, Templates},
    policy::{Policy, Request},
    time::DurationMs,
};

/// Where PagerDuty takes events.
const PAGER_DUTY: &str = "https://events.pagerduty.com/v2/enqueue";
/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 4 << 10;
/// The most receivers of mails.
const MAX_RECEIVERS: usize = 50;

/// What may be shown of a destination, and its endpoint.
pub(super) fn checked(
    body: &NewDestination,
    policy: &Policy,
) -> Result<(Destination, Endpoint), Problem> {
    let invalid = |why: String| Problem::new(Code::InvalidValue, why);
    let on = wanted(body).map_err(invalid)?;
    no_strange_fields(body).map_err(invalid)?;
    filter(body).map_err(invalid)?;
    let fold = fold(body).map_err(invalid)?;
    let templates = Templates {
        title: body.title.clone(),
        text: body.text.clone(),
    };
    templates
        .check(&on)
        .map_err(|error| invalid(error.to_string()))?;
    let (address, endpoint) = match body.kind {
        DestinationKind::Email => email(body).map_err(invalid)?,
        DestinationKind::Webhook | DestinationKind::Slack | DestinationKind::PagerDuty => {
            let (address, target, endpoint) = http(body).map_err(invalid)?;
            within_policy(policy, target)?;
            (address, endpoint)
        }
    };
    let about = Destination {
        kind: endpoint.kind(),
        address,
        on,
        dags: body.dags.clone(),
        tags: body.tags.clone(),
        fold,
        templates,
    };
    Ok((about, endpoint))
}

fn wanted(body: &NewDestination) -> Result<Vec<notification::NotifyOn>, String> {
    let mut on = Vec::new();
    for wanted in &body.on {
        let wanted = match wanted {
            NotifyOn::Success => notification::NotifyOn::Success,
            NotifyOn::Failure => notification::NotifyOn::Failure,
            NotifyOn::Recovery => notification::NotifyOn::Recovery,
            NotifyOn::Retry => notification::NotifyOn::Retry,
            NotifyOn::Deadline => notification::NotifyOn::Deadline,
            NotifyOn::Approval => notification::NotifyOn::Approval,
            NotifyOn::Test => return Err("on: a test is sent to every destination".into()),
        };
        let is_incident = matches!(
            wanted,
            notification::NotifyOn::Failure
                | notification::NotifyOn::Recovery
                | notification::NotifyOn::Deadline
        );
        if body.kind == DestinationKind::PagerDuty && !is_incident {
            return Err("on: PagerDuty takes failure and deadline, which trigger an incident, and recovery, which resolves that of a failure".into());
        }
        if !on.contains(&wanted) {
            on.push(wanted);
        }
    }
    if on.is_empty() {
        return Err(
            "on: name at least one of success, failure, recovery, retry, deadline, approval".into(),
        );
    }
    Ok(on)
}

/// A setting of another kind would be ignored in silence.
fn no_strange_fields(body: &NewDestination) -> Result<(), String> {
    let is_mail = body.kind == DestinationKind::Email;
    let fields = [
        ("url", body.url.is_some(), !is_mail),
        (
            "secret",
            body.secret.is_some(),
            body.kind == DestinationKind::Webhook,
        ),
        (
            "routing_key",
            body.routing_key.is_some(),
            body.kind == DestinationKind::PagerDuty,
        ),
        ("host", body.host.is_some(), is_mail),
        ("port", body.port.is_some(), is_mail),
        ("tls", body.tls.is_some(), is_mail),
        ("username", body.username.is_some(), is_mail),
        ("password", body.password.is_some(), is_mail),
        ("from", body.from.is_some(), is_mail),
        ("to", !body.to.is_empty(), is_mail),
    ];
    match fields.iter().find(|(_, is_set, fits)| *is_set && !fits) {
        Some((name, ..)) => Err(format!("{name} is no setting of this kind of destination")),
        None => Ok(()),
    }
}

fn filter(body: &NewDestination) -> Result<(), String> {
    if body.dags.len() > MAX_FILTER_NAMES || body.tags.len() > MAX_FILTER_NAMES {
        return Err(format!(
            "a destination names at most {MAX_FILTER_NAMES} DAGs and {MAX_FILTER_NAMES} tags"
        ));
    }
    for dag in &body.dags {
        dag.parse::<DagId>()
            .map_err(|error| format!("dags: {dag:?}: {error}"))?;
    }
    match body
        .tags
        .iter()
        .find(|tag| tag.is_empty() || tag.len() > MAX_VALUE_BYTES)
    {
        Some(_odd) => Err("tags: a tag is not empty, nor longer than 4 KiB".into()),
        None => Ok(()),
    }
}

fn fold(body: &NewDestination) -> Result<Fold, String> {
    let default = Fold::default();
    let fold = Fold {
        wait: body.fold_wait_ms.map_or(default.wait, DurationMs),
        interval: body.fold_interval_ms.map_or(default.interval, DurationMs),
    };
    if fold.wait > MAX_FOLD || fold.interval > MAX_FOLD {
        return Err("fold_wait_ms and fold_interval_ms are at most 24 hours".into());
    }
    Ok(fold)
}

fn http(body: &NewDestination) -> Result<(String, HttpGrant, Endpoint), String> {
    let url = match (&body.url, body.kind) {
        (Some(url), _) => url.clone(),
        (None, DestinationKind::PagerDuty) => PAGER_DUTY.to_owned(),
        (None, _) => return Err("url is missing".into()),
    };
    let parsed = Url::parse(&url).map_err(|error| format!("the url can't be used: {error}"))?;
    let scheme = match parsed.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _other => return Err("the url must begin with https:// or http://".into()),
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("the url can't hold a user name".into());
    }
    if url.len() > MAX_VALUE_BYTES {
        return Err(format!("the url has more than {MAX_VALUE_BYTES} bytes"));
    }
    let host = parsed.host_str().ok_or("the url names no host")?;
    let host = normal_host(host).map_err(|error| format!("the url's host: {error}"))?;
    if matches!(host, HostPattern::Below(_)) {
        return Err("a destination is one host: the url can't have a wildcard".into());
    }
    let target = HttpGrant {
        scheme,
        host,
        port: parsed.port().unwrap_or(scheme.default_port()),
    };
    let endpoint = match body.kind {
        DestinationKind::PagerDuty => Endpoint::PagerDuty {
            url,
            routing_key: value("routing_key", body.routing_key.as_deref())?,
        },
        DestinationKind::Slack => Endpoint::Slack { url },
        DestinationKind::Webhook | DestinationKind::Email => Endpoint::Webhook {
            url,
            secret: body
                .secret
                .as_deref()
                .map(|secret| value("secret", Some(secret)))
                .transpose()?,
        },
    };
    Ok((parsed.origin().ascii_serialization(), target, endpoint))
}

fn within_policy(policy: &Policy, target: HttpGrant) -> Result<(), Problem> {
    let grants = GrantRequest {
        http: vec![target],
        ..GrantRequest::default()
    };
    let request = Request {
        grants: &grants,
        limits: &LimitRequest::default(),
        timeout: None,
        queue: None,
    };
    let Err(refusals) = policy.evaluate(&request) else {
        return Ok(());
    };
    let why: Vec<String> = refusals
        .iter()
        .map(|refusal| format!("{refusal}; {}", refusal.remedy()))
        .collect();
    let detail = format!("the destination goes beyond the policy: {}", why.join("; "));
    Err(Problem::new(Code::RefusedByPolicy, detail))
}

fn email(body: &NewDestination) -> Result<(String, Endpoint), String> {
    let host = value("host", body.host.as_deref())?;
    match normal_host(&host).map_err(|error| format!("host: {error}"))? {
        HostPattern::Below(_) => return Err("host can't have a wildcard".into()),
        HostPattern::Name(_) | HostPattern::Address(_) => {}
    }
    let from = mailbox("from", body.from.as_deref().unwrap_or_default())?;
    if body.to.is_empty() || body.to.len() > MAX_RECEIVERS {
        return Err(format!("to names 1 to {MAX_RECEIVERS} mailboxes"));
    }
    let to: Vec<String> = body
        .to
        .iter()
        .map(|to| mailbox("to", to))
        .collect::<Result<_, _>>()?;
    if body.password.is_some() && body.username.is_none() {
        return Err("a password needs a username".into());
    }
    let tls = match body.tls {
        Some(SmtpTls::StartTls) => notification::SmtpTls::StartTls,
        Some(SmtpTls::Implicit) | None => notification::SmtpTls::Implicit,
    };
    let port = body.port.unwrap_or(tls.default_port());
    let address = format!("{host}:{port} to {}", to.join(", "));
    let optional = |name, given: &Option<String>| {
        given
            .as_deref()
            .map(|given| value(name, Some(given)))
            .transpose()
    };
    let endpoint = Endpoint::Email {
        host,
        port,
        tls,
        username: optional("username", &body.username)?,
        password: optional("password", &body.password)?,
        from,
        to,
    };
    Ok((address, endpoint))
}

fn value(name: &str, given: Option<&str>) -> Result<String, String> {
    let given = given.ok_or_else(|| format!("{name} is missing"))?;
    if given.is_empty() || given.len() > MAX_VALUE_BYTES || given.chars().any(char::is_control) {
        return Err(format!(
            "{name} has 1 to {MAX_VALUE_BYTES} bytes and no control characters"
        ));
    }
    Ok(given.to_owned())
}

/// `a@example.org` or `A <a@example.org>`.
fn mailbox(name: &str, text: &str) -> Result<String, String> {
    let odd = || {
        format!(
            "{name}: {text:?} is no mailbox, such as weft@example.org or Weft <weft@example.org>"
        )
    };
    let address = match text.split_once('<') {
        Some((_name, address)) => address.strip_suffix('>').ok_or_else(odd)?,
        None => text,
    };
    let (local, domain) = address.rsplit_once('@').ok_or_else(odd)?;
    let is_plain = |part: &str| {
        !part.is_empty()
            && part.is_ascii()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c))
    };
    let fits = is_plain(local)
        && is_plain(domain)
        && !local.contains('@')
        && text.len() <= MAX_VALUE_BYTES
        && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(odd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn check(body: Value) -> Result<(Destination, Endpoint), String> {
        let body = serde_json::from_value(body).expect("it is a body");
        checked(&body, &Policy::default()).map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn what_is_shown_has_no_secret() {
        let slack = json!({ "kind": "slack", "url": "https://hooks.slack.com/services/T0/hush", "on": ["failure"] });
        let (about, endpoint) = check(slack).unwrap();
        assert_eq!(about.address, "https://hooks.slack.com");
        assert!(!format!("{about:?} {endpoint:?}").contains("hush"));
        let pager = json!({ "kind": "pagerduty", "routing_key": "hush", "on": ["failure", "recovery", "failure"] });
        let (about, _endpoint) = check(pager).unwrap();
        assert_eq!(about.address, "https://events.pagerduty.com");
        assert_eq!(about.on.len(), 2);
        let mail = json!({ "kind": "email", "host": "smtp.example.org", "username": "u", "password": "hush",
            "from": "Weft <weft@example.org>", "to": ["ops@example.org"], "on": ["failure"], "tls": "starttls" });
        let (about, _endpoint) = check(mail).unwrap();
        assert_eq!(about.address, "smtp.example.org:587 to ops@example.org");
    }

    #[test]
    fn what_can_not_be_used_is_refused_without_repeating_a_secret() {
        for (bad, part) in [
            (
                json!({ "kind": "slack", "on": ["failure"] }),
                "url is missing",
            ),
            (
                json!({ "kind": "slack", "url": "https://a.example.org/hush", "on": [] }),
                "on:",
            ),
            (
                json!({ "kind": "slack", "url": "ftp://a.example.org/hush", "on": ["failure"] }),
                "https://",
            ),
            (
                json!({ "kind": "slack", "url": "https://u:hush@a.example.org/", "on": ["failure"] }),
                "user name",
            ),
            (
                json!({ "kind": "slack", "url": "http://a.example.org/hush", "on": ["failure"] }),
                "policy",
            ),
            (
                json!({ "kind": "webhook", "url": "https://127.0.0.1/hush", "on": ["failure"] }),
                "policy",
            ),
            (
                json!({ "kind": "webhook", "url": "https://a.example.org/", "routing_key": "hush", "on": ["failure"] }),
                "routing_key",
            ),
            (
                json!({ "kind": "pagerduty", "routing_key": "hush", "on": ["success"] }),
                "PagerDuty",
            ),
            (
                json!({ "kind": "email", "host": "a.example.org", "from": "a", "to": ["b@c"], "on": ["failure"] }),
                "no mailbox",
            ),
            (
                json!({ "kind": "email", "host": "a.example.org", "from": "a@b", "to": ["b@c\r\nBcc: d@e"], "on": ["failure"] }),
                "no mailbox",
            ),
            (
                json!({ "kind": "webhook", "url": "https://a.example.org/", "on": ["failure"], "title": "{{ dga }}" }),
                "title",
            ),
            (
                json!({ "kind": "webhook", "url": "https://a.example.org/", "on": ["failure"], "dags": ["a b"] }),
                "dags",
            ),
            (
                json!({ "kind": "webhook", "url": "https://a.example.org/", "on": ["failure"], "fold_wait_ms": 99_999_999_999_u64 }),
                "24 hours",
            ),
        ] {
            let why = check(bad).unwrap_err();
            assert!(why.contains(part) && !why.contains("hush"), "{part}: {why}");
        }
    }
}
