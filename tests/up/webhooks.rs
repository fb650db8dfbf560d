//! Webhooks: signed requests that trigger runs, and those that don't.

use crate::{
    api::{Answer, Api},
    installation::{Installation, Up},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

const BUILD: &str = r#"
[dag]
id = "build"

[dag.params.repo]
[dag.params.branch]
default = "main"

[tasks.work]
program = "busy.wasm"
"#;

fn deployed() -> (Installation, Up) {
    let installation = Installation::new();
    let up = installation.up();
    let said = installation.deploy(&up, BUILD);
    assert_eq!(said.code, Some(0), "{said:?}");
    (installation, up)
}

/// Creates a webhook; its path and its secret.
fn create(installation: &Installation, up: &Up, name: &str, more: &[&str]) -> (String, String) {
    let args = [
        &["webhooks", "create", "build", name, "--output", "json"],
        more,
    ]
    .concat();
    let said = installation.client(up, &args);
    assert_eq!(said.code, Some(0), "{said:?}");
    let made: Value = serde_json::from_str(&said.stdout).expect("it is JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&made["webhook"]["path"]), text(&made["secret"]))
}

fn hex(secret: &str, parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is taken");
    for part in parts {
        mac.update(part);
    }
    let mut text = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("a String takes every text");
    }
    text
}

/// Seconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is after 1970").as_secs()
}

/// `t=..,v1=..` for this body at this time.
fn timed(secret: &str, at: u64, body: &str) -> String {
    let head = format!("{at}.");
    let digits = hex(secret, &[head.as_bytes(), body.as_bytes()]);
    format!("t={at},v1={digits}")
}

/// A request to a webhook, with no token.
fn post(up: &Up, path: &str, fields: &[String], body: &str) -> Answer {
    let api = Api::new(up.url(), "none");
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let answer = api.ask_outside("POST", path, &fields, body.as_bytes());
    answer.expect("it answers")
}

fn runs(installation: &Installation, up: &Up) -> Vec<Value> {
    installation.list(up, &["runs", "list"])
}

#[test]
fn a_push_triggers_one_run_however_often_it_is_sent() {
    let (installation, up) = deployed();
    let more = [
        "--form",
        "github",
        "--event",
        "push",
        "--param",
        "repo=/repository/name",
        "--param",
        "branch=/ref",
    ];
    let (path, secret) = create(&installation, &up, "push", &more);
    let body = r#"{"repository":{"name":"weft"},"ref":"refs/heads/next"}"#;
    let signature = format!(
        "x-hub-signature-256: sha256={}",
        hex(&secret, &[body.as_bytes()])
    );
    let fields = |event: &str, delivery: &str| {
        vec![
            signature.clone(),
            format!("x-github-event: {event}"),
            format!("x-github-delivery: {delivery}"),
        ]
    };
    let ping = post(&up, &path, &fields("ping", "0"), body);
    assert_eq!((ping.status, &ping.json()["run"]), (200, &Value::Null));
    let first = post(&up, &path, &fields("push", "1"), body);
    assert_eq!(first.status, 201, "{first:?}");
    let run = first.json()["run"].clone();
    // A copy is known by its signed body, whatever else is changed about it.
    for delivery in ["1", "2"] {
        let again = post(&up, &path, &fields("push", delivery), body);
        assert_eq!((again.status, &again.json()["run"]), (200, &run));
    }
    let found = runs(&installation, &up);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0]["params"],
        json!({ "repo": "weft", "branch": "refs/heads/next" })
    );
    assert_eq!(found[0]["created_by"], "webhook/push");
    let id = run.as_str().expect("an id");
    let said = installation.client(&up, &["runs", "watch", id]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn a_signature_that_is_wrong_or_old_is_refused_as_an_unknown_webhook_is() {
    let (installation, up) = deployed();
    let (path, secret) = create(&installation, &up, "hook", &["--param", "repo=/repo"]);
    let body = r#"{"repo":"weft"}"#;
    let signed = |secret: &str, at| vec![format!("weft-signature: {}", timed(secret, at, body))];
    let unknown = format!("/hooks/{}", "0".repeat(32));
    let refusals = [
        post(&up, &path, &[], body),
        post(&up, &path, &signed("another secret", now()), body),
        post(&up, &path, &signed(&secret, now() - 301), body),
        post(&up, &path, &signed(&secret, now() + 400), body),
        post(&up, &path, &signed(&secret, now()), r#"{"repo":"other"}"#),
        post(&up, &unknown, &signed(&secret, now()), body),
    ];
    let first = refusals[0].json();
    for refusal in &refusals {
        assert_eq!(
            (refusal.status, refusal.code().as_str()),
            (401, "webhook_refused")
        );
        assert_eq!(refusal.json()["detail"], first["detail"]);
    }
    assert!(runs(&installation, &up).is_empty());
    let long = format!("\"{}\"", "x".repeat(1 << 20));
    let answer = post(&up, &path, &[], &long);
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));

    // The same request, signed again, is the same message only if its time is.
    let at = now();
    let taken = post(&up, &path, &signed(&secret, at), body);
    assert_eq!(taken.status, 201, "{taken:?}");
    let replayed = post(&up, &path, &signed(&secret, at), body);
    assert_eq!((replayed.status, replayed.json()), (200, taken.json()));
    let bad = r#"{"repo":"weft""#;
    let fields = vec![format!("weft-signature: {}", timed(&secret, now(), bad))];
    let answer = post(&up, &path, &fields, bad);
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "invalid_request")
    );
    let empty = "{}";
    let fields = vec![format!("weft-signature: {}", timed(&secret, now(), empty))];
    let answer = post(&up, &path, &fields, empty);
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "invalid_params")
    );
}

#[test]
fn a_stripe_event_is_known_by_its_id_and_a_replaced_secret_is_refused() {
    let (installation, up) = deployed();
    let more = [
        "--form",
        "stripe",
        "--event",
        "invoice.paid",
        "--param",
        "repo=/data/object/id",
    ];
    let (path, secret) = create(&installation, &up, "paid", &more);
    let event =
        |kind: &str| json!({ "id": "evt_1", "type": kind, "data": { "object": { "id": "in_1" } } });
    let send = |secret: &str, body: &Value, at| {
        let body = body.to_string();
        let fields = vec![format!("stripe-signature: {}", timed(secret, at, &body))];
        post(&up, &path, &fields, &body)
    };
    let other = send(&secret, &event("invoice.created"), now());
    assert_eq!((other.status, &other.json()["run"]), (200, &Value::Null));
    let first = send(&secret, &event("invoice.paid"), now());
    assert_eq!(first.status, 201, "{first:?}");
    let again = send(&secret, &event("invoice.paid"), now() - 100);
    assert_eq!((again.status, again.json()), (200, first.json()));

    let said = installation.client(&up, &["webhooks", "set-secret", "build", "paid"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(send(&secret, &event("invoice.paid"), now()).status, 401);
    let new = send(said.stdout.trim(), &event("invoice.paid"), now());
    assert_eq!((new.status, new.json()), (200, first.json()));
    let listed = installation.client(&up, &["webhooks", "list", "build"]);
    assert!(
        listed.stdout.contains("paid") && !listed.stdout.contains("whsec_"),
        "{listed:?}"
    );
    let said = installation.client(&up, &["webhooks", "delete", "build", "paid", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        send(said.stdout.trim(), &event("invoice.paid"), now()).status,
        401
    );
    assert_eq!(runs(&installation, &up).len(), 1);
}
