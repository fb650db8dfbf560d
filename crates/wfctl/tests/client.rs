//! The client commands as far as they go without a server: contexts, settings
//! and where they come from, and refusals before anything is sent.

#[path = "support/place.rs"]
mod support;

use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Output, Stdio},
};
use support::Place;

const TOKEN: &str = "weft_0123456789abcdef";

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert_eq!(code(output), Some(0), "{}", stderr(output));
    serde_json::from_str(&stdout(output)).expect("JSON")
}

/// A URL at which no server listens.
fn unused_url() -> String {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", free.local_addr().expect("it is bound"))
}

#[test]
fn contexts_are_added_chosen_and_forgotten() {
    let place = Place::new();
    let said = place.wfctl("context add work --url https://work.example");
    assert_eq!(code(&said), Some(0), "{}", stderr(&said));
    place.wfctl("context add home --url https://home.example/weft --tenant mine");
    let list = json(&place.wfctl("context list --output json"));
    let current: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|context| context["current"] == true)
        .collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["name"], "work");
    assert_eq!(code(&place.wfctl("context use home")), Some(0));
    let shown = json(&place.wfctl("context show --output json"));
    assert_eq!(
        (&shown["name"], &shown["tenant"]),
        (&"home".into(), &"mine".into())
    );
    assert_eq!(
        code(&place.wfctl("context add home --url https://other.example")),
        Some(2)
    );
    assert_eq!(code(&place.wfctl("context use nowhere")), Some(2));
    assert_eq!(
        code(&place.wfctl("context remove home")),
        Some(2),
        "standard input is no terminal"
    );
    assert_eq!(code(&place.wfctl("context remove home --yes")), Some(0));
    assert_eq!(
        json(&place.wfctl("context list --output json"))
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        code(&place.wfctl("context show")),
        Some(2),
        "none is current"
    );
    let file = place.path().join(".config/weft/config.toml");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn settings_tell_where_they_come_from_and_never_the_token() {
    let place = Place::new();
    place.write(
        ".config/weft/config.toml",
        format!("current = \"work\"\n[contexts.work]\nurl = \"https://work.example\"\ntoken = \"{TOKEN}\"\n"),
    );
    let setting = |output: &Output, name: &str| {
        let all = json(output);
        let found = all
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["setting"] == name)
            .cloned();
        found.unwrap_or_else(|| panic!("no {name} in {all}"))
    };
    let output = place.wfctl("config --output json");
    assert!(!stdout(&output).contains(TOKEN));
    assert_eq!(setting(&output, "url")["value"], "https://work.example/");
    assert_eq!(setting(&output, "url")["source"], "context work");
    assert_eq!(setting(&output, "token")["value"], "set, not shown");
    let given = place
        .command()
        .args(["config", "--output", "json"])
        .env("WEFT_URL", "https://env.example")
        .output()
        .unwrap();
    assert_eq!(setting(&given, "url")["source"], "$WEFT_URL");
    assert_eq!(setting(&given, "token")["value"], Value::Null);
    let flag = place.wfctl("config --output json --url http://127.0.0.1:1");
    assert_eq!(setting(&flag, "url")["source"], "--url");
}

#[test]
fn without_a_server_the_url_and_how_to_start_one_are_named() {
    let place = Place::new();
    let url = unused_url();
    let output = place.wfctl(&format!("dags list --url {url}"));
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("error[unreachable]") && said.contains(&url) && said.contains("wfctl up"),
        "{said}"
    );
}

#[test]
fn a_token_does_not_travel_in_the_clear() {
    let place = Place::new();
    let output = place
        .command()
        .args(["runs", "list", "--url", "http://weft.example"])
        .env("WEFT_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert_eq!(code(&output), Some(4), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("error[insecure_url]"),
        "{}",
        stderr(&output)
    );
    assert!(!stderr(&output).contains(TOKEN));
}

#[test]
fn a_folder_can_not_choose_where_a_token_goes() {
    let place = Place::new();
    place.write("weft.toml", "[client]\nurl = \"http://127.0.0.1:1\"\n");
    let output = place
        .command()
        .args(["dags", "list"])
        .env("WEFT_TOKEN", TOKEN)
        .output()
        .unwrap();
    assert_eq!(code(&output), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("error[invalid_config]"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn secret_values_are_not_taken_from_the_command_line() {
    let place = Place::new();
    let url = unused_url();
    for args in [
        format!("variables set key hunter2 --url {url}"),
        format!("connections set api --at https://api.example --bearer hunter2 --url {url}"),
        format!("connections set api --at https://api.example --header X-Key=hunter2 --url {url}"),
    ] {
        let output = place.wfctl(&args);
        assert_eq!(code(&output), Some(2), "{args}: {}", stderr(&output));
        assert!(
            !stderr(&output).contains("hunter2"),
            "{args}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_login_that_is_not_answered_stores_nothing() {
    let place = Place::new();
    let mut login = place
        .command()
        .args(["login", "--url", &unused_url(), "--name", "work"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    login
        .stdin
        .take()
        .unwrap()
        .write_all(TOKEN.as_bytes())
        .unwrap();
    let output = login.wait_with_output().unwrap();
    assert_eq!(code(&output), Some(5), "{}", stderr(&output));
    assert!(!stderr(&output).contains(TOKEN));
    assert!(fs::metadata(place.path().join(".config/weft/config.toml")).is_err());
}

#[test]
fn a_policy_is_checked_without_a_server() {
    let place = Place::new();
    place.write("good.toml", "contract = \"weft.policy/1\"\n");
    place.write("bad.toml", "contract = \"weft.policy/1\"\nhtpp = []\n");
    let good = place.wfctl("policy check good.toml");
    assert_eq!(code(&good), Some(0), "{}", stderr(&good));
    let bad = place.wfctl("policy check bad.toml");
    assert_eq!(code(&bad), Some(3));
    assert!(stderr(&bad).contains("bad.toml:2"), "{}", stderr(&bad));
}

#[test]
fn what_must_be_confirmed_is_not_done_in_a_pipe() {
    let place = Place::new();
    for args in [
        "dags delete quakes",
        "variables delete key",
        "tokens revoke 7",
        "policy reset",
    ] {
        let output = place.wfctl(&format!("{args} --url {}", unused_url()));
        assert_eq!(code(&output), Some(2), "{args}: {}", stderr(&output));
        assert!(
            stderr(&output).contains("--yes"),
            "{args}: {}",
            stderr(&output)
        );
    }
}
