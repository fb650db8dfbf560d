//! Messages of a task that lacked a grant: they name the grant, and where to add it.

use crate::home::Home;

/// What `wfctl run` says at the end of the task that failed, up to where the log is.
fn failure_of(task: &str, fields: &str) -> String {
    let home = Home::new();
    home.dag(&format!(
        "[dag]\nid = \"want\"\n[tasks.{task}]\ncomponent = \"guest_plain.wasm\"\n{fields}\n"
    ));
    let said = home.run(&["run", "--color", "never"]).exits(1);
    said.stdout
        .lines()
        .skip_while(|line| !line.starts_with('✗'))
        .take_while(|line| !line.contains("all its log lines"))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn http_that_was_not_requested() {
    let failure = failure_of(
        "http_get",
        "inputs = { url = { value = \"https://api.example:8443/rows\" } }",
    );
    insta::assert_snapshot!(failure, @r#"
    ✗ http_get failed (attempt 1, denied): ErrorCode::HttpRequestDenied; HTTP to https://api.example:8443 was not granted to this task; add "api.example:8443" to its grants: grants = { http = ["api.example:8443"] }

    ✗ http_get failed (denied, 1 attempt)
      ErrorCode::HttpRequestDenied; HTTP to https://api.example:8443 was not granted to this task; add "api.example:8443" to its grants: grants = { http = ["api.example:8443"] }
      | HTTP to https://api.example:8443 was not granted to this task; add "api.example:8443" to its grants: grants = { http = ["api.example:8443"] }
    "#);
}

#[test]
fn http_that_was_requested_for_another_host() {
    let failure = failure_of(
        "http_get",
        "inputs = { url = { value = \"https://api.example/rows\" } }\ngrants = { http = [\"www.example\"] }",
    );
    insta::assert_snapshot!(failure, @r#"
    ✗ http_get failed (attempt 1, denied): ErrorCode::HttpRequestDenied; HTTP to https://api.example:443 was not granted to this task; add "api.example" to its grants: grants = { http = ["api.example"] }

    ✗ http_get failed (denied, 1 attempt)
      ErrorCode::HttpRequestDenied; HTTP to https://api.example:443 was not granted to this task; add "api.example" to its grants: grants = { http = ["api.example"] }
      | HTTP to https://api.example:443 was not granted to this task; add "api.example" to its grants: grants = { http = ["api.example"] }
    "#);
}

#[test]
fn a_variable_that_was_not_requested() {
    let failure = failure_of("variable", "inputs = { name = { value = \"api_key\" } }");
    insta::assert_snapshot!(failure, @r#"
    ✗ variable failed (attempt 1, denied): variable api_key: denied; the variable "api_key" was not granted to this task; add it to its grants: grants = { variables = ["api_key"] }

    ✗ variable failed (denied, 1 attempt)
      variable api_key: denied; the variable "api_key" was not granted to this task; add it to its grants: grants = { variables = ["api_key"] }
      | the variable "api_key" was not granted to this task; add it to its grants: grants = { variables = ["api_key"] }
    "#);
}
