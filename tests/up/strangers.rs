//! Requests that no client of ours sends: tokens that are worth nothing, bodies
//! that are too large, names that fight paths and SQL, and two at once.

use crate::{
    api::{Answer, Api},
    installation::{Installation, Up},
};
use serde_json::{Value, json};
use std::thread;

const ONE: &str = "[dag]\nid = \"one\"\n\n[tasks.a]\nprogram = \"busy.wasm\"\n";

fn answer(api: &Api, method: &str, path: &str, body: &Value) -> Answer {
    api.send(method, path, body).expect("it answers")
}

/// A new token's number and secret.
fn token(up: &Up, more: &Value) -> (i64, String) {
    let mut body = json!({ "name": "somebody", "role": "viewer" });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    let made = answer(&up.api(), "POST", "/tokens", &body);
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let id = made["id"].as_i64().expect("a number");
    (id, made["secret"].as_str().expect("a text").to_owned())
}

#[test]
fn invalid_tokens_are_distinguished() {
    let installation = Installation::new();
    let up = installation.up();
    let ask = |secret: &str| {
        let api = up.api().with_token(secret);
        api.ask("GET", "/dags", &[], b"").expect("it answers")
    };
    let unknown = format!("weft_{}", "0".repeat(64));
    for wrong in [unknown.as_str(), "weft_", "x", "", "' OR '1'='1"] {
        let answer = ask(wrong);
        assert_eq!(answer.status, 401, "{wrong:?}: {answer:?}");
        let known = ["token_unknown", "unauthenticated"];
        assert!(known.contains(&answer.code().as_str()), "{answer:?}");
    }

    let (id, revoked) = token(&up, &json!({}));
    assert_eq!(ask(&revoked).status, 200);
    let gone = answer(&up.api(), "DELETE", &format!("/tokens/{id}"), &Value::Null);
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(ask(&revoked).code(), "token_revoked");

    let (_, short) = token(&up, &json!({ "expires": soon() }));
    let expired = loop {
        let answer = ask(&short);
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(
        (expired.status, expired.code().as_str()),
        (401, "token_expired")
    );

    // A viewer looks, and does no more.
    let (_, viewer) = token(&up, &json!({}));
    let api = up.api().with_token(&viewer);
    let refused = answer(&api, "PUT", "/pools/p", &json!({ "slots": 1 }));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "forbidden")
    );

    for secret in [&revoked, &short, &viewer] {
        let file = installation.path("some.token");
        std::fs::write(&file, secret).expect("there is room");
        let said = installation.client_with(&up, &["tokens", "list"], &file);
        assert_eq!(said.code, Some(4), "{said:?}");
    }
    let (_, log) = up.terminate();
    for secret in [revoked, short, viewer] {
        assert!(!log.contains(&secret), "the log holds a token");
    }
}

/// Two seconds from now, as RFC 3339.
fn soon() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is after 1970");
    let at = i64::try_from(now.as_millis()).expect("a date") + 2_000;
    weft_core::time::Timestamp(at).to_string()
}

#[test]
fn bodies_over_the_bound_are_refused_before_they_are_read() {
    let installation = Installation::new();
    let up = installation.up();
    let api = up.api();
    let answer = answer(
        &api,
        "PUT",
        "/policy",
        &json!({ "policy": "#".repeat(5 << 20) }),
    );
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    // It only says how large it would be: nothing of it is waited for.
    let announced = api
        .announce("POST", "/deployments", 300 << 20)
        .expect("it answers");
    assert_eq!(
        (announced.status, announced.code().as_str()),
        (413, "too_large")
    );
    let long = api.ask(
        "GET",
        &format!("/runs?cursor={}", "x".repeat(20_000)),
        &[],
        b"",
    );
    let long = long.expect("it answers");
    assert!((400..500).contains(&long.status), "{long:?}");
    assert_eq!(api.all("/dags"), [] as [Value; 0]);
}

#[test]
fn names_that_fight_paths_or_sql_are_only_names() {
    let installation = Installation::new();
    let up = installation.up();
    let api = up.api();
    let said = installation.deploy(&up, ONE);
    assert_eq!(said.code, Some(0), "{said:?}");
    let files = listing(&installation);
    let odd = [
        ("..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        (
            "x'%3B%20DROP%20TABLE%20variables%3B%20--",
            "x'; DROP TABLE variables; --",
        ),
        ("%25%5F", "%_"),
        ("%F0%9F%92%A9", "\u{1f4a9}"),
        ("a%20b", "a b"),
    ];
    for (path, _) in odd {
        let set = answer(
            &api,
            "PUT",
            &format!("/variables/{path}"),
            &json!({ "value": path }),
        );
        assert_eq!(set.status, 204, "{path}: {set:?}");
    }
    let mut names: Vec<String> = api
        .all("/variables")
        .iter()
        .map(|row| row["name"].as_str().expect("a text").to_owned())
        .collect();
    names.sort();
    let mut expected: Vec<&str> = odd.iter().map(|(_, name)| *name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for (path, name) in odd {
        let gone = answer(&api, "DELETE", &format!("/variables/{path}"), &Value::Null);
        assert_eq!(gone.status, 204, "{name}: {gone:?}");
        for place in [
            format!("/dags/{path}"),
            format!("/runs/{path}"),
            format!("/dags/one/versions/{path}"),
            format!("/runs/{path}/tasks/{path}/{path}/output"),
        ] {
            let none = api.ask("GET", &place, &[], b"").expect("it answers");
            assert!((400..500).contains(&none.status), "{place}: {none:?}");
            assert!(!none.code().is_empty());
        }
        let key = format!("idempotency-key: {}", path.replace('%', "'"));
        let run = api.ask(
            "POST",
            "/dags/one/runs",
            &["content-type: application/json", &key],
            b"{}",
        );
        let run = run.expect("it answers");
        assert_eq!(run.status, 201, "{run:?}");
    }
    assert_eq!(api.all("/variables"), [] as [Value; 0]);
    assert_eq!(api.all("/dags").len(), 1);
    assert_eq!(api.all("/dags/one/runs").len(), odd.len());
    assert_eq!(listing(&installation), files, "a name became a file");
}

/// The names in the data folder's first level.
fn listing(installation: &Installation) -> Vec<String> {
    let folder = std::fs::read_dir(installation.path("data")).expect("it is there");
    let mut names: Vec<String> = folder
        .map(|entry| entry.expect("it is read").file_name().display().to_string())
        .filter(|name| !name.starts_with("weft.db"))
        .collect();
    names.sort();
    names
}

#[test]
fn deploys_at_once_all_count() {
    let installation = Installation::new();
    let up = installation.up();
    let said = installation.deploy(&up, ONE);
    assert_eq!(said.code, Some(0), "{said:?}");
    // Four that differ, and each of them twice.
    let files: Vec<Vec<u8>> = (0..4)
        .map(|retries| {
            let document = json!({ "contract": "weft.dag/1", "dags": [
                { "id": "one", "tasks": { "a": { "program": "busy.wasm", "retries": retries + 1 } } }
            ] });
            let busy = crate::installation::busy();
            weft_sandbox::container::pack(&document.to_string(), &[("busy.wasm".into(), busy)])
                .expect("it is packed")
        })
        .collect();
    let api = up.api();
    thread::scope(|scope| {
        for file in files.iter().chain(&files) {
            let api = &api;
            scope.spawn(move || {
                let kind = ["content-type: application/wasm"];
                let done = api
                    .ask("POST", "/deployments", &kind, file)
                    .expect("it answers");
                assert_eq!(done.status, 200, "{done:?}");
            });
        }
    });
    let versions = api.all("/dags/one/versions");
    let mut numbers: Vec<i64> = versions
        .iter()
        .map(|version| version["number"].as_i64().expect("a number"))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let active = versions.iter().filter(|version| version["active"] == true);
    assert_eq!(active.count(), 1);
    let said = installation.client(&up, &["runs", "trigger", "one", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn a_dag_with_active_runs_is_not_deleted() {
    let installation = Installation::new();
    let up = installation.up();
    let manifest = "[dag]\nid = \"held\"\n\n[tasks.hold]\ncomponent = \"guest_ledger.wasm\"\ntask = \"hold\"\n\
        inputs = { ledger = { value = \"http://127.0.0.1:1\" } }\n";
    let said = installation.deploy_with(&up, "guest_ledger", manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let api = up.api();
    let run = answer(&api, "POST", "/dags/held/runs", &json!({})).json();
    let run = run["id"].as_str().expect("a text");
    let said = installation.client(&up, &["dags", "delete", "held", "--yes"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("dag_has_active_runs"), "{said:?}");
    assert_eq!(api.all("/dags").len(), 1);
    let cancelled = answer(&api, "POST", &format!("/runs/{run}/cancel"), &Value::Null);
    assert_eq!(cancelled.status, 202, "{cancelled:?}");
    installation.client(&up, &["runs", "watch", run]);
    let said = installation.client(&up, &["dags", "delete", "held", "--yes"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(api.all("/dags"), [] as [Value; 0]);
    assert_eq!(api.get(&format!("/runs/{run}"))["state"], "cancelled");
    // Its name is free.
    let said = installation.deploy_with(&up, "guest_ledger", manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
}
