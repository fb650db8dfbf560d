//! Notifications from the end of a run to servers that take them, refuse them, or are gone.

use crate::{
    installation::{Installation, Starting, Up},
    mail_server::MailServer,
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::fs;

/// Lets tasks, and so notifications, reach these servers of the tests.
fn allow(installation: &Installation, up: &Up, ports: &[u16]) {
    let hosts: Vec<String> = ports
        .iter()
        .map(|port| format!("\"http://127.0.0.1:{port}\""))
        .collect();
    let policy = format!(
        "[http]\nallow = [{}]\n\n[http.private]\n\"127.0.0.1\" = [\"127.0.0.1\"]\n\"localhost\" = [\"127.0.0.1\"]\n",
        hosts.join(", ")
    );
    fs::write(installation.path("work").join("policy.toml"), policy).expect("there is room");
    succeeds(installation, up, &["policy", "set", "policy.toml"]);
}

fn succeeds(installation: &Installation, up: &Up, args: &[&str]) -> String {
    let said = installation.client(up, args);
    assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
    said.stdout
}

/// Writes a file that a secret is read from; its argument.
fn secret(installation: &Installation, name: &str, value: &str) -> String {
    fs::write(installation.path("work").join(name), value).expect("there is room");
    format!("@{name}")
}

/// Adds a destination at a path of the server.
fn add(installation: &Installation, up: &Up, (name, kind): (&str, &str), url: &str, more: &[&str]) {
    let url = secret(installation, &format!("{name}.url"), url);
    let args = ["notifications", "add", name, "--kind", kind, "--at", &url];
    succeeds(installation, up, &[&args[..], more].concat());
}

/// Ends with the exit code 3.
const FAILS: &str = r#"(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const 3))))"#;

/// A DAG of one task, which runs this program: `busy` succeeds and `fails` doesn't.
fn deploy(installation: &Installation, up: &Up, dag: &str, program: &str) {
    let fails = wat::parse_str(FAILS).expect("it is WebAssembly");
    fs::write(installation.path("work").join("fails.wasm"), fails).expect("there is room");
    let manifest = format!(
        "[dag]\nid = \"{dag}\"\n\n[tasks.work]\nprogram = \"{program}.wasm\"\nretries = 0\n"
    );
    let said = installation.deploy(up, &manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// Triggers a run and waits for its end.
fn run(installation: &Installation, up: &Up, dag: &str) -> String {
    let api = up.api();
    let json = ["content-type: application/json"];
    let run = api.ask("POST", &format!("/dags/{dag}/runs"), &json, b"{}");
    let run = run.expect("it answers").json();
    let run = run["id"].as_str().expect("a run has an id").to_owned();
    let said = installation.client(up, &["runs", "watch", &run]);
    assert!(said.code.is_some(), "{said:?}");
    run
}

fn deliveries(installation: &Installation, up: &Up) -> Vec<Value> {
    installation.list(up, &["notifications", "deliveries"])
}

/// Waits until every delivery has ended; the newest first.
fn ended(installation: &Installation, up: &Up) -> Vec<Value> {
    loop {
        let found = deliveries(installation, up);
        if found.iter().all(|delivery| delivery["state"] != "waiting") {
            return found;
        }
    }
}

#[test]
fn failures_and_recoveries_arrive_although_the_server_refuses_at_first() {
    let installation = Installation::new();
    let up = installation.up();
    let server = Receiver::start(2);
    allow(&installation, &up, &[server.port()]);
    let url = format!("http://127.0.0.1:{}/hook/hush", server.port());
    let key = secret(&installation, "signing", "a-shared-secret");
    let on = ["--on", "failure", "--on", "recovery", "--fold-wait", "0s"];
    let signed = [&on[..], &["--secret", &key]].concat();
    add(&installation, &up, ("ops", "webhook"), &url, &signed);
    let listed = succeeds(&installation, &up, &["notifications", "list"]);
    assert!(
        listed.contains("ops") && !listed.contains("hush"),
        "{listed}"
    );
    deploy(&installation, &up, "etl", "fails");
    let failed = run(&installation, &up, "etl");

    let attempts = [server.next(), server.next(), server.next()];
    let statuses: Vec<u16> = attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [503, 503, 200]);
    let first = &attempts[0];
    for attempt in &attempts {
        assert_eq!(attempt.path, "/hook/hush");
        assert_eq!(
            attempt.header("idempotency-key"),
            first.header("idempotency-key")
        );
        assert!(attempt.header("weft-signature").is_some());
        assert_eq!(attempt.body, first.body);
    }
    let body = first.json();
    assert_eq!(
        (&body["on"], &body["dags"], &body["runs"][0]["run"]),
        (&json!("failure"), &json!(["etl"]), &json!(failed))
    );
    assert_eq!(body["runs"][0]["task"], "work");
    let group = &up.api().get("/failures")["groups"][0];
    for part in ["fingerprint", "code", "message"] {
        assert_eq!(body["cause"][part], group[part], "{group}");
    }

    deploy(&installation, &up, "etl", "busy");
    run(&installation, &up, "etl");
    let recovery = server.next();
    assert_eq!(recovery.json()["on"], "recovery");
    // A success that follows a success is no recovery.
    run(&installation, &up, "etl");
    let done = ended(&installation, &up);
    let about: Vec<&Value> = done.iter().map(|delivery| &delivery["on"]).collect();
    assert_eq!(about, ["recovery", "failure"]);
    assert_eq!(done[1]["attempts"], 3);
    assert!(server.rest().is_empty());
    let said = up.kill();
    assert!(
        !said.contains("hush") && !said.contains("a-shared-secret"),
        "{said}"
    );
}

#[test]
fn a_storm_of_failures_is_one_message() {
    const RUNS: usize = 500;
    let installation = Installation::new();
    let up = installation.up();
    let server = Receiver::start(0);
    allow(&installation, &up, &[server.port()]);
    let url = format!("http://127.0.0.1:{}/slack", server.port());
    let on = [
        "--on",
        "failure",
        "--fold-wait",
        "24h",
        "--tag",
        "none",
        "--dag",
        "etl",
    ];
    add(&installation, &up, ("team", "slack"), &url, &on);
    deploy(&installation, &up, "etl", "fails");
    let api = up.api();
    let json = ["content-type: application/json"];
    for _ in 0..RUNS {
        let answer = api.ask("POST", "/dags/etl/runs", &json, b"{}");
        assert_eq!(answer.expect("it answers").status, 201);
    }
    // One delivery takes them all in.
    let folded = loop {
        let found = deliveries(&installation, &up);
        assert!(found.len() <= 1, "{found:?}");
        if found.first().is_some_and(|found| found["count"] == RUNS) {
            break found;
        }
    };
    assert_eq!(folded[0]["state"], "waiting");
    assert_eq!(folded[0]["runs"].as_array().map(Vec::len), Some(10));
    assert!(server.rest().is_empty());
    // A destination that is set anew folds from then on otherwise, and a test is not folded.
    let tested = succeeds(&installation, &up, &["notifications", "test", "team"]);
    assert!(tested.contains("team took the message"), "{tested}");
    let text = server.next().json()["text"].to_string();
    assert!(text.contains("Weft tests this destination"), "{text}");
}

#[test]
fn what_was_not_sent_when_the_server_was_killed_is_sent_afterwards() {
    let installation = Installation::new();
    let mut up = installation.up();
    let server = Receiver::start(1);
    allow(&installation, &up, &[server.port()]);
    let url = format!("http://127.0.0.1:{}/", server.port());
    let on = ["--on", "success", "--on", "failure", "--fold-wait", "0s"];
    add(&installation, &up, ("ops", "webhook"), &url, &on);
    deploy(&installation, &up, "etl", "fails");
    server.refuse(1_000);
    let failed = run(&installation, &up, "etl");
    // It is killed after the run's end, with a delivery that was refused at least once.
    let refused = server.next();
    assert_eq!(refused.status, 503);
    up.crash();
    server.refuse(0);
    let up = installation.up();
    let taken = loop {
        let next = server.next();
        if next.status == 200 {
            break next;
        }
    };
    assert_eq!(taken.json()["runs"][0]["run"], json!(failed));
    assert_eq!(
        taken.header("idempotency-key"),
        refused.header("idempotency-key")
    );
    assert_eq!(ended(&installation, &up)[0]["state"], "delivered");
}

#[test]
fn a_destination_whose_server_is_gone_delays_nothing() {
    let installation = Installation::new();
    let up = installation.up();
    let server = Receiver::start(0);
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it is bound").port()
    };
    allow(&installation, &up, &[server.port(), gone]);
    let on = ["--on", "success", "--fold-wait", "0s"];
    let url = format!("http://127.0.0.1:{gone}/hush");
    add(&installation, &up, ("gone", "webhook"), &url, &on);
    let url = format!("http://127.0.0.1:{}/", server.port());
    add(&installation, &up, ("ops", "webhook"), &url, &on);
    deploy(&installation, &up, "etl", "busy");
    run(&installation, &up, "etl");
    assert_eq!(server.next().json()["on"], "success");
    let said = installation.client(&up, &["notifications", "test", "gone"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("no connection to the server"),
        "{said:?}"
    );
    assert!(!said.stderr.contains("hush"), "{said:?}");
    // A policy that changes holds for what is on its way, too.
    succeeds(
        &installation,
        &up,
        &["notifications", "remove", "gone", "--yes"],
    );
    let done = ended(&installation, &up);
    assert!(
        done.iter().any(|delivery| delivery["state"] == "given_up"),
        "{done:?}"
    );
    let url = secret(&installation, "private", "https://10.0.0.1/hush");
    let args = [
        "notifications",
        "add",
        "x",
        "--kind",
        "slack",
        "--on",
        "failure",
        "--at",
        &url,
    ];
    let said = installation.client(&up, &args);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.stderr.contains("refused_by_policy"), "{said:?}");
    assert!(!said.stderr.contains("hush"), "{said:?}");
}

#[test]
fn a_mail_arrives_over_tls_once_for_each_message() {
    let installation = Installation::new();
    let server = MailServer::start();
    let certificate = installation.path("work").join("ca.pem");
    fs::write(&certificate, server.certificate()).expect("there is room");
    let mut command = installation.serving("up", "127.0.0.1:0", &[]);
    command.env("SSL_CERT_FILE", &certificate);
    let up = Starting::of(command, &installation).answering();
    allow(&installation, &up, &[]);
    let password = secret(&installation, "password", "hush");
    let port = server.port().to_string();
    let args = [
        "notifications",
        "add",
        "mail",
        "--kind",
        "email",
        "--host",
        "localhost",
        "--port",
        &port,
        "--username",
        "weft",
        "--password",
        &password,
        "--from",
        "Weft <weft@example.org>",
        "--to",
        "ops@example.org",
        "--on",
        "failure",
        "--fold-wait",
        "0s",
        "--title",
        "{{ dag }} in {{ tenant }}: {{ run.task }}",
    ];
    succeeds(&installation, &up, &args);
    deploy(&installation, &up, "etl", "fails");
    let run = run(&installation, &up, "etl");
    let mail = server.next();
    assert_eq!(mail.from, "weft@example.org");
    assert_eq!(mail.to, ["ops@example.org"]);
    assert!(mail.is_signed_in);
    let text = &mail.text;
    assert!(text.contains("Subject: etl in default: work"), "{text}");
    assert!(text.contains(&run), "{text}");
    let done = ended(&installation, &up);
    let id = format!("<{}@example.org>", done[0]["key"].as_str().expect("a key"));
    assert!(text.contains(&format!("Message-ID: {id}")), "{text}");
    assert_eq!(done[0]["state"], "delivered");
}

/// Never ends by itself.
const SPINS: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "_start") (loop $again (br $again))))"#;

#[test]
fn a_missed_deadline_is_notified_and_stops_the_run_where_it_says_so() {
    let installation = Installation::new();
    let up = installation.up();
    let server = Receiver::start(0);
    allow(&installation, &up, &[server.port()]);
    let url = format!("http://127.0.0.1:{}/hook", server.port());
    let on = ["--on", "deadline"];
    add(&installation, &up, ("ops", "webhook"), &url, &on);
    let spins = wat::parse_str(SPINS).expect("it is WebAssembly");
    fs::write(installation.path("work").join("spins.wasm"), spins).expect("there is room");
    let manifest = "[dag]\nid = \"late\"\ndeadline = \"2s\"\non_missed_deadline = \"stop\"\n\n\
        [tasks.work]\nprogram = \"spins.wasm\"\nretries = 0\ndeadline = \"1s\"\n";
    let said = installation.deploy(&up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = run(&installation, &up, "late");
    let shown = up.api().get(&format!("/runs/{run}"));
    assert_eq!(shown["state"], "failed", "{shown}");
    let [deadline, ended] = ["deadline", "ended"].map(|of| {
        let text = shown[of].as_str().expect("a time");
        text.parse::<weft_core::time::Timestamp>()
            .expect("a time of the API")
    });
    assert!(deadline <= ended, "{shown}");
    let task = up.api().get(&format!("/runs/{run}/tasks/work/0"));
    assert_eq!(
        (&task["state"], &task["cause"]),
        (&json!("cancelled"), &json!("deadline"))
    );

    // Both are about one DAG, and become one message where the first was not sent yet.
    let (mut count, mut runs) = (0, Vec::new());
    while count < 2 {
        let body = server.next().json();
        assert_eq!(
            (&body["on"], &body["dags"]),
            (&json!("deadline"), &json!(["late"]))
        );
        count += body["count"].as_u64().expect("a number");
        runs.extend(body["runs"].as_array().cloned().unwrap_or_default());
    }
    assert!(runs.iter().all(|of| of["run"] == json!(run)), "{runs:?}");
    assert_eq!((&runs[0]["task"], count), (&json!("work"), 2), "{runs:?}");
    let dag = up.api().get("/dags/late");
    assert_eq!(dag["deadline"], json!({ "after": "2s", "stops": true }));
    assert_eq!(
        dag["tasks"][0]["deadline"],
        json!({ "after": "1s", "stops": false })
    );
    let facts = succeeds(&installation, &up, &["dags", "show", "late"]);
    assert!(
        facts.contains("2s after the run was due, stopped then"),
        "{facts}"
    );
}
