//! The examples of operating a DAG on a server: runs by key, a backfill, tasks that run again, and a webhook.

use crate::{
    python::Author,
    server::{PATIENCE, Server},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use weft_tests::guests;

#[test]
fn customers_are_billed_in_python() {
    customers_are_billed("customers");
}

#[test]
fn customers_are_billed_in_typescript() {
    customers_are_billed("customers-js");
}

fn customers_are_billed(example: &str) {
    let author = Author::new(&[("price.txt", "9000\n")]);
    let path = |name: &str| {
        let path = guests::root().join("examples").join(name);
        path.to_str().expect("the path is UTF-8").to_owned()
    };
    author
        .wfctl(&["build", &path(example), "-o", "billing.wasm"])
        .exits(0);
    let server = Server::start(&author);
    let client = |args: &[&str]| server.client(&author, args).exits(0);
    client(&["policy", "set", &path("customers/policy.toml")]);
    client(&["deploy", "billing.wasm"]);

    a_backfill_leaves_out_holidays(&server, &author);
    let [first, second, other] = runs_of_a_customer_go_one_after_the_other(&server, &author);

    client(&["variables", "set", "cents_per_hour", "@price.txt"]);
    let said = client(&["runs", "clear", &first, "--only-failed", "--dry-run"]);
    assert!(said.stdout.contains("accounts.bill"), "{}", said.stdout);
    let failed = ["--dag", "billing", "--state", "failed", "--yes"];
    client(&[&["runs", "retry"], &failed[..]].concat());
    wait_until_none_is_failed(&server, &author);
    for (run, mail) in [
        (&first, "acme: 14850.00 are due"),
        (&second, "acme: 14850.00 are due"),
        (&other, "globex: 720.00 are due"),
    ] {
        client(&["runs", "watch", run]);
        assert_eq!(output(&server, &author, run, "mail"), mail);
    }

    let run = a_webhook_triggers_a_run(&server, &author);
    client(&["runs", "watch", &run]);
    assert_eq!(
        output(&server, &author, &run, "mail"),
        "globex: 720.00 are due"
    );
}

/// The action on many runs is carried out after its command has ended.
fn wait_until_none_is_failed(server: &Server, author: &Author) {
    let began = Instant::now();
    let failed = ["runs", "list", "--dag", "billing", "--state", "failed"];
    while printed(server, author, &failed) != json!([]) {
        assert!(began.elapsed() < PATIENCE, "the runs are not retried");
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// What a command prints as JSON.
fn printed(server: &Server, author: &Author, args: &[&str]) -> Value {
    let args = [args, &["--output", "json"]].concat();
    let said = server.client(author, &args).exits(0);
    serde_json::from_str(&said.stdout).expect("it is JSON")
}

fn output(server: &Server, author: &Author, run: &str, task: &str) -> Value {
    let said = server.client(author, &["outputs", "get", run, task]);
    serde_json::from_str(&said.exits(0).stdout).expect("it is JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("it is a text").to_owned()
}

fn a_backfill_leaves_out_holidays(server: &Server, author: &Author) {
    let range = [
        "--from",
        "2026-01-01T00:00:00Z",
        "--to",
        "2026-03-01T00:00:00Z",
    ];
    let args = [&["backfill", "billing", "--dry-run"], &range[..]].concat();
    let backfill = printed(server, author, &args);
    assert_eq!(
        backfill["run_dates"],
        json!([
            "2026-01-15T06:00:00Z",
            "2026-02-01T06:00:00Z",
            "2026-02-15T06:00:00Z"
        ])
    );
    let runs = printed(server, author, &["runs", "list", "--dag", "billing"]);
    assert_eq!(runs, json!([]));
}

/// Without a price the bills fail, after a retry a second later. So the second run of a customer is triggered while the
/// first one is active.
fn runs_of_a_customer_go_one_after_the_other(server: &Server, author: &Author) -> [String; 3] {
    let trigger = |customer: &str| {
        let param = format!("customer={customer}");
        let args = ["runs", "trigger", "billing", "--param", param.as_str()];
        text(&printed(server, author, &args)["id"])
    };
    let runs = ["acme", "acme", "globex"].map(trigger);
    for run in &runs {
        server.client(author, &["runs", "watch", run]).exits(1);
    }
    let listed = printed(server, author, &["runs", "list", "--dag", "billing"]);
    let listed = listed.as_array().expect("it is a list");
    // Without the zone, times can be compared as texts, whether they have a fraction or not.
    let [first, second, other] = runs.each_ref().map(|id| {
        let run = listed.iter().find(|run| run["id"] == id.as_str());
        let run = run.expect("it is listed");
        ["started", "ended"].map(|field| text(&run[field]).trim_end_matches('Z').to_owned())
    });
    assert!(second[0] >= first[1], "{first:?} and {second:?}");
    assert!(other[0] < second[1], "{second:?} and {other:?}");
    runs
}

fn a_webhook_triggers_a_run(server: &Server, author: &Author) -> String {
    let customer = ["--param", "customer=/order/customer"];
    let args = [&["webhooks", "create", "billing", "orders"], &customer[..]].concat();
    let created = printed(server, author, &args);
    let body = r#"{"order": {"customer": "globex"}}"#;
    let signature = signature(&text(&created["secret"]), body);
    let address = server.url().strip_prefix("http://");
    let address = address.expect("it is not encrypted");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    write!(
        stream,
        "POST {} HTTP/1.0\r\nhost: {address}\r\nweft-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        text(&created["webhook"]["path"]),
        body.len()
    )
    .expect("the server reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it is HTTP");
    assert!(head.split(' ').nth(1) == Some("201"), "{head}\n{body}");
    let body: Value = serde_json::from_str(body).expect("it is JSON");
    text(&body["run"])
}

/// `t=..,v1=..` for this body, now.
fn signature(secret: &str, body: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.expect("it is after 1970").as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is taken");
    mac.update(format!("{seconds}.{body}").as_bytes());
    let mut signature = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        write!(signature, "{byte:02x}").expect("a String takes every text");
    }
    signature
}
