//! Requests of tasks under a policy: limits, hosts, addresses, and the policy file.

use std::net::IpAddr;
use weft_core::{
    document::{Format, Source},
    grant::{GrantRequest, HttpGrant},
    limit::{Ceiling, LimitRequest, Limits, TABLE},
    policy::{
        Granted, Policy, Request,
        address::{Class, class},
    },
    time::DurationMs,
};

fn policy(text: &str) -> Result<Policy, String> {
    Policy::parse(Source {
        name: "policy.toml",
        text,
        format: Format::Toml,
    })
    .map_err(|error| error.to_string())
}

fn ask(policy: &Policy, http: &[&str]) -> Result<Granted, Vec<String>> {
    let http = http
        .iter()
        .map(|text| text.parse().expect("a grant"))
        .collect();
    let grants = GrantRequest {
        http,
        ..GrantRequest::default()
    };
    let request = Request {
        grants: &grants,
        limits: &LimitRequest::default(),
        timeout: None,
        queue: None,
    };
    policy
        .evaluate(&request)
        .map(|(granted, _)| granted)
        .map_err(|refusals| refusals.iter().map(ToString::to_string).collect())
}

#[test]
fn the_table_of_limits_holds_together() {
    for limit in TABLE {
        assert!(
            0 < limit.default && limit.default <= limit.maximum,
            "{}",
            limit.key
        );
        assert!(
            !limit.what.is_empty() && !limit.on_breach.is_empty(),
            "{}",
            limit.key
        );
        let mut limits = Limits::default();
        limits.set(limit, 7);
        assert_eq!(
            (limits.get(limit), Limits::DEFAULT.get(limit)),
            (7, limit.default),
            "{}",
            limit.key
        );
    }
}

#[test]
fn limits_are_defaults_within_the_ceiling_or_the_request_or_a_refusal() {
    let mut ceiling = Ceiling::default();
    ceiling.0.memory_bytes = 128 << 20;
    ceiling.0.timeout_ms = 60_000;
    let lowered =
        Limits::resolve(&LimitRequest::default(), None, &ceiling).expect("nothing was asked for");
    assert_eq!(
        (
            lowered.memory_bytes,
            lowered.timeout_ms,
            lowered.output_bytes
        ),
        (128 << 20, 60_000, 1 << 20)
    );
    let request = LimitRequest {
        memory_bytes: Some(1 << 30),
        log_bytes: Some(5),
        ..LimitRequest::default()
    };
    let refused =
        Limits::resolve(&request, Some(DurationMs(90_000)), &ceiling).expect_err("too much");
    let messages: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "memory of 1GiB is more than the 128MiB that is allowed",
            "timeout of 1m30s is more than the 1m that is allowed"
        ]
    );
}

#[test]
fn one_host_has_one_form() {
    for (written, read) in [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("https://example.org:443/", "example.org"),
        ("example.org:8443", "example.org:8443"),
        ("HTTP://example.org", "http://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("0x7f.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("[::1]:8080", "[::1]:8080"),
        ("::1", "[::1]"),
        ("*.Example.org", "*.example.org"),
    ] {
        let grant: HttpGrant = written.parse().expect(written);
        assert_eq!(grant.to_string(), read, "{written}");
        assert_eq!(
            read.parse::<HttpGrant>().as_ref(),
            Ok(&grant),
            "{read} reads back"
        );
    }
    for (written, message) in [
        ("", "a host is missing"),
        ("https://", "a host is missing"),
        (
            "example.org/path",
            "a grant names a host and perhaps a port, and no more; \"/path\" doesn't belong",
        ),
        (
            "user@example.org",
            "a grant names a host and perhaps a port, and no more; \"@example.org\" doesn't belong",
        ),
        ("example.org:0", "\"0\" is no port (1 to 65535)"),
        ("example.org:+80", "\"+80\" is no port (1 to 65535)"),
        ("example.org:99999", "\"99999\" is no port (1 to 65535)"),
        ("ftp://x", "the scheme is \"ftp\""),
        ("*", "a wildcard matches whole labels"),
        ("a.*.org", "a wildcard matches whole labels"),
        ("*.10.0.0.1", "a wildcard matches whole labels"),
        ("a b", "\"a b\" is no host name or address"),
        (
            "a..b",
            "\"a..b\" is no host name or address: a label is empty",
        ),
    ] {
        let error = written.parse::<HttpGrant>().expect_err(written).to_string();
        assert!(error.starts_with(message), "{written}: {error}");
    }
}

#[test]
fn addresses_are_judged_by_what_they_are_and_carry() {
    let cases = [
        ("93.184.216.34", Class::Public),
        ("2606:4700::1", Class::Public),
        ("127.255.0.1", Class::Loopback),
        ("::1", Class::Loopback),
        ("10.0.0.1", Class::Private),
        ("172.16.0.1", Class::Private),
        ("172.31.255.255", Class::Private),
        ("172.32.0.1", Class::Public),
        ("192.168.1.1", Class::Private),
        ("169.254.169.254", Class::LinkLocal),
        ("fe80::1", Class::LinkLocal),
        ("100.64.0.1", Class::SharedProvider),
        ("100.128.0.1", Class::Public),
        ("fd00::1", Class::UniqueLocal),
        ("fec0::1", Class::UniqueLocal),
        ("224.0.0.1", Class::Multicast),
        ("ff02::1", Class::Multicast),
        ("255.255.255.255", Class::Broadcast),
        ("0.0.0.0", Class::Unspecified),
        ("0.1.2.3", Class::Unspecified),
        ("::", Class::Unspecified),
        ("192.0.2.1", Class::Documentation),
        ("2001:db8::1", Class::Documentation),
        ("198.18.0.1", Class::Benchmarking),
        ("240.0.0.1", Class::Reserved),
        ("192.0.0.1", Class::Reserved),
        ("4000::1", Class::Reserved),
        ("2001:1::1", Class::Reserved),
        ("::ffff:10.0.0.1", Class::Private),
        ("::10.0.0.1", Class::Private),
        ("64:ff9b::169.254.169.254", Class::LinkLocal),
        ("64:ff9b::8.8.8.8", Class::Public),
        ("64:ff9b:1::1", Class::Reserved),
        ("2002:7f00:1::", Class::Loopback),
        ("2002:808:808::", Class::Public),
        // Teredo, whose client is 10.0.0.1.
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", Class::Private),
    ];
    for (address, wanted) in cases {
        assert_eq!(
            class(address.parse::<IpAddr>().expect(address)),
            wanted,
            "{address}"
        );
    }
}

#[test]
fn without_a_policy_exact_public_https_hosts_are_granted_and_nothing_else() {
    let policy = Policy::default();
    let granted =
        ask(&policy, &["api.example.org", "8.8.8.8", "example.org:8443"]).expect("public");
    assert_eq!(
        granted.allows_http("https", "API.example.org.", None),
        Ok(())
    );
    assert_eq!(
        granted.allows_http("https", "example.org", Some(8443)),
        Ok(())
    );
    for (host, message) in [
        (
            "http://example.org",
            "HTTP without TLS to http://example.org is not allowed; to allow it, add to the policy: [http] allow = [\"http://example.org\"]",
        ),
        (
            "*.example.org",
            "the wildcard *.example.org is not allowed; to allow it, add to the policy: [http] allow = [\"*.example.org\"]",
        ),
        (
            "10.0.0.1",
            "HTTP to 10.0.0.1 is not allowed: it is a private address; to allow it, add to the policy: [http.private] \"10.0.0.1\" = [\"10.0.0.1\"]",
        ),
        (
            "[::ffff:127.0.0.1]",
            "HTTP to [::ffff:127.0.0.1] is not allowed: it is this machine itself (loopback); to allow it, add to the policy: [http.private]",
        ),
        (
            "localhost",
            "HTTP to localhost is not allowed: the name isn't a public one; to allow it, add to the policy: [http.private] \"localhost\"",
        ),
        (
            "printer.local",
            "HTTP to printer.local is not allowed: the name isn't a public one;",
        ),
    ] {
        let refusals = ask(&policy, &[host]).expect_err(host);
        assert!(
            refusals.len() == 1 && refusals[0].starts_with(message),
            "{host}: {refusals:?}"
        );
    }
    let grants = GrantRequest {
        http: vec![],
        variables: vec!["v".into()],
        connections: vec!["c".into()],
        dags: vec!["d".into()],
    };
    let request = Request {
        grants: &grants,
        limits: &LimitRequest::default(),
        timeout: Some(DurationMs(u64::MAX)),
        queue: Some("gpu"),
    };
    let refusals: Vec<_> = policy
        .evaluate(&request)
        .expect_err("four")
        .iter()
        .map(|refusal| (refusal.code(), refusal.remedy()))
        .collect();
    let wanted = [
        ("refused.variable", "[variables] allow = [\"v\"]"),
        ("refused.connection", "[connections] allow = [\"c\"]"),
        ("refused.queue", "[queues] allow = [\"gpu\"]"),
        ("refused.limit", "nothing: no policy can allow more than 7d"),
    ];
    assert_eq!(
        refusals,
        wanted.map(|(code, remedy)| (code, remedy.to_owned()))
    );
}

#[test]
fn a_policy_allows_what_it_names() {
    let policy = policy(
        "[http]\nallow = [\"http://old.example.org\", \"*.wild.example\", \"http://localhost:8080\"]\n[http.private]\nlocalhost = [\"127.0.0.1\", \"::1\"]\n\
         \"intranet.example.org\" = [\"10.1.0.0/16\"]\n[variables]\nallow = [\"api_*\", \"one\"]\n[queues]\nallow = [\"gpu\"]\n[limits]\nmemory = \"2GiB\"\ntimeout = 7200\n",
    )
    .expect("good");
    let granted = ask(
        &policy,
        &[
            "http://old.example.org",
            "*.wild.example",
            "http://localhost:8080",
            "intranet.example.org",
        ],
    )
    .expect("allowed");
    assert_eq!(granted.allows_http("http", "localhost", Some(8080)), Ok(()));
    assert_eq!(
        granted.allows_http("https", "a.b.wild.example", None),
        Ok(())
    );
    granted
        .allows_http("https", "wild.example", None)
        .expect_err("the name itself isn't below itself");
    granted
        .allows_http("https", "notwild.example", None)
        .expect_err("another name");
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(
        granted.allows_address("intranet.example.org", address("10.1.2.3")),
        Ok(())
    );
    assert_eq!(
        granted.allows_address("intranet.example.org", address("::ffff:10.1.2.3")),
        Ok(())
    );
    assert_eq!(
        granted.allows_address("anything.example", address("93.184.216.34")),
        Ok(())
    );
    // Another host can't lead into the intranet, nor the intranet elsewhere.
    let denied = granted
        .allows_address("old.example.org", address("10.1.2.3"))
        .expect_err("rebound");
    assert_eq!(
        denied.to_string(),
        "old.example.org leads to 10.1.2.3, which is a private address; only a policy can allow that: [http.private] \"old.example.org\" = [\"10.1.2.3\"]"
    );
    granted
        .allows_address("intranet.example.org", address("10.2.0.1"))
        .expect_err("another network");
    // Plain HTTP to a private host needs both words.
    ask(&policy, &["http://intranet.example.org"]).expect_err("plain");
    let grants = GrantRequest {
        http: vec![],
        variables: vec!["api_key".into(), "one".into()],
        connections: vec![],
        dags: vec!["d".into()],
    };
    let limits = LimitRequest {
        memory_bytes: Some(2 << 30),
        ..LimitRequest::default()
    };
    let (granted, limits) = policy
        .evaluate(&Request {
            grants: &grants,
            limits: &limits,
            timeout: None,
            queue: Some("gpu"),
        })
        .expect("allowed");
    assert_eq!(
        (
            granted.allows_variable("one"),
            limits.memory_bytes,
            limits.timeout_ms
        ),
        (Ok(()), 2 << 30, 3_600_000)
    );
}

#[test]
fn a_denial_names_the_grant_to_add() {
    let denied = Granted::default()
        .allows_http("https", "API.example.org", Some(443))
        .expect_err("nothing is granted");
    assert_eq!(
        denied.to_string(),
        "HTTP to https://api.example.org:443 was not granted to this task; add \"api.example.org\" to its grants: grants = { http = [\"api.example.org\"] }"
    );
    let denied = Granted::default()
        .allows_variable("a\"\n")
        .expect_err("nothing is granted");
    assert_eq!(
        denied.to_string(),
        "the variable \"a\\\"\\n\" was not granted to this task; add it to its grants: grants = { variables = [\"a\\\"\\n\"] }"
    );
    assert_eq!(
        Granted::default()
            .allows_http("gopher", "x", None)
            .expect_err("no scheme")
            .code(),
        "denied.scheme"
    );
}

#[test]
fn mistakes_in_a_policy_have_their_lines() {
    for (text, message) in [
        (
            "[htp]\n",
            "policy.toml:1:2: htp: there is no field \"htp\" (did you mean `http`?)",
        ),
        (
            "[limits]\nmemry = 1\n",
            "policy.toml:2:1: limits.memry: there is no limit \"memry\" (did you mean `memory`?)",
        ),
        (
            "[limits]\nmemory = \"5GiB\"\n",
            "policy.toml:2:10: limits.memory: memory must be between 1B and 4GiB, not 5GiB",
        ),
        (
            "[limits]\nhandles = \"many\"\n",
            "policy.toml:2:11: limits.handles: this must be a whole number, not the text \"many\"",
        ),
        (
            "[http.private]\nx = [\"10.0.0.0/99\"]\n",
            "policy.toml:2:6: http.private.x[0]: \"10.0.0.0/99\" is no network and no address",
        ),
        (
            "contract = \"weft.policy/2\"\n",
            "policy.toml:1:12: contract: \"weft.policy/2\" can't be read; this Weft reads weft.policy/1",
        ),
    ] {
        let refused = policy(text).expect_err(text);
        assert!(
            refused.starts_with(message) && refused.lines().count() == 1,
            "of {text}\n  said {refused}\nwanted {message}"
        );
    }
}
