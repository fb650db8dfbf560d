//! The reference page of grants shows what the code decides: each row is a request that is evaluated here.

use std::{env, fmt::Write as _, fs, path::Path};
use weft_core::{
    grant::{GrantRequest, HttpGrant},
    limit::LimitRequest,
    policy::{Policy, Refusal, Request},
};

const HEAD: &str = "\
# Grants

A task requests grants in its settings, and the operator's [policy](../how-to/policies.md) decides. What was not requested is never granted, and
a call without a grant fails with `denied`.

| grant | entries | what it allows |
|---|---|---|
| `http` | `host`, `host:port`, `*.domain`, each with `http://` or `https://` in front (HTTPS without) | outgoing requests with that scheme to that host and port; without a port the scheme's own (443 or 80) |
| `variables` | names | reading these variables |
| `connections` | names | using these connections |

A wildcard covers every name below the domain at any depth, and not the domain itself. Hosts are compared in one normal form: lower case, IDNA,
addresses in any spelling. A public name that leads to a private address when it is resolved is denied as well, unless the policy has the host
in `[http.private]`.

<!-- Generated from here on: `cargo xtask docs --update` -->

## What is granted

With the default policy, which is the empty one, and what to add to it otherwise:

| request | granted by default | otherwise add to the policy |
|---|---|---|
";

const INVALID: &str = "
## Invalid entries

A deploy refuses them whatever the policy is.

| entry of `http` | error |
|---|---|
";

/// A request of each kind that the policy decides about.
enum Example {
    Http(&'static str),
    Variable(&'static str),
    Connection(&'static str),
    Queue(&'static str),
}

use Example::{Connection, Http, Queue, Variable};

const EXAMPLES: &[Example] = &[
    Http("api.example.org"),
    Http("https://api.example.org:8443"),
    Http("http://api.example.org"),
    Http("*.example.org"),
    Http("93.184.215.14"),
    Http("10.1.2.3"),
    Http("127.0.0.1:8080"),
    Http("http://169.254.169.254"),
    Http("[fd00::1]"),
    Http("localhost"),
    Http("http://localhost:8080"),
    Http("intranet"),
    Http("db.internal"),
    Variable("api_key"),
    Connection("warehouse"),
    Queue("default"),
    Queue("gpu"),
];

const INVALID_HOSTS: &[&str] = &[
    "",
    "ftp://files.example.org",
    "example.org/path",
    "user@example.org",
    "example.org:0",
    "api.*.example.org",
    "*.10.0.0.1",
];

impl Example {
    /// The request as an author writes it, and what the default policy says.
    fn evaluate(&self) -> (String, Option<Refusal>) {
        let mut grants = GrantRequest::default();
        let mut queue = None;
        let written = match self {
            Http(host) => {
                let grant = host.parse::<HttpGrant>();
                grants.http = vec![grant.expect("the example is a grant")];
                format!("http = [{host:?}]")
            }
            Variable(name) => {
                grants.variables = vec![(*name).to_owned()];
                format!("variables = [{name:?}]")
            }
            Connection(name) => {
                grants.connections = vec![(*name).to_owned()];
                format!("connections = [{name:?}]")
            }
            Queue(name) => {
                queue = Some(*name);
                format!("queue = {name:?}")
            }
        };
        let request = Request {
            grants: &grants,
            limits: &LimitRequest::default(),
            timeout: None,
            queue,
        };
        let refusal = Policy::default().evaluate(&request).err();
        (
            written,
            refusal.and_then(|refusals| refusals.into_iter().next()),
        )
    }
}

#[test]
fn the_page_shows_what_is_granted() {
    let mut page = HEAD.to_owned();
    for example in EXAMPLES {
        let (written, refusal) = example.evaluate();
        let (granted, remedy) = match refusal {
            None => ("yes", String::new()),
            Some(refusal) => ("no", format!("`{}`", refusal.remedy())),
        };
        writeln!(page, "| `{written}` | {granted} | {remedy} |")
            .expect("a String accepts every text");
    }
    page.push_str(INVALID);
    for host in INVALID_HOSTS {
        let error = host
            .parse::<HttpGrant>()
            .expect_err("the example is no grant");
        writeln!(page, "| `{host:?}` | {error} |").expect("a String accepts every text");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/grants.md");
    if env::var_os("WEFT_UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "`cargo xtask docs --update` writes the page");
}
