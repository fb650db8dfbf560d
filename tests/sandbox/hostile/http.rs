//! Outgoing HTTP: to where it was not granted, and against the host's memory and time.
//!
//! The servers listen on the loopback address; a policy that allows it for a host
//! is in the grants of those cases that should get through.

use crate::{
    case::{Case, Seen, granted_http},
    server::Server,
};
use std::net::{IpAddr, Ipv4Addr};
use weft_core::policy::{Granted, PrivateHost};
use weft_sandbox::{FailureKind, GuestEvent};
use weft_tests::{guests, isolated};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A grant for this host and port over plain HTTP, which the policy lets lead to the loopback address.
fn allowed(host: &str, port: u16) -> Granted {
    let mut granted = granted_http(&[&format!("http://{host}:{port}")]);
    granted.private = vec![PrivateHost {
        host: granted.http[0].host.clone(),
        networks: vec!["127.0.0.0/8".parse().expect("a network")],
    }];
    granted
}

/// The well-behaved guest's GET.
fn get(url: &str) -> Case {
    Case::task_of(guests::read("guest_plain"), "http_get").input("url", format!("{url:?}"))
}

/// A behaviour of the hostile guest towards this URL.
fn hostile(behaviour: &str, url: &str) -> Case {
    Case::task(behaviour).input("url", format!("{url:?}"))
}

/// Whether some log line has all these words.
fn logged(seen: &Seen, words: &[&str]) -> bool {
    seen.events.iter().any(|event| match event {
        GuestEvent::Log { message, .. } => words.iter().all(|word| message.contains(word)),
        GuestEvent::Progress { .. } | GuestEvent::LogTruncated { .. } => false,
    })
}

#[test]
fn granted_http_gets_through() {
    isolated!(|| {
        let server = Server::start();
        let url = format!("http://api.example:{}/ok", server.port);
        let seen = get(&url)
            .name("api.example", LOOPBACK)
            .grants(allowed("api.example", server.port))
            .run();
        assert_eq!(seen.succeeds(&[]), r#"{"status":200,"bytes":2}"#);
        assert_eq!(seen.report.usage.bytes_in, 2);
    });
}

#[test]
pub(super) fn http_without_grant() {
    isolated!(|| {
        let server = Server::start();
        let url = format!("http://api.example:{}/ok", server.port);
        let seen = hostile("http_without_grant", &url)
            .name("api.example", LOOPBACK)
            .run();
        seen.succeeds(&["HttpRequestDenied"]);
        assert!(
            logged(
                &seen,
                &[
                    "not granted",
                    &format!("\"http://api.example:{}\"", server.port)
                ]
            ),
            "{:?}",
            seen.events
        );
        assert_eq!(server.heads(), [""; 0], "nothing reached the server");
    });
}

/// An author who lets the error pass reads which grant to add.
#[test]
fn a_failure_for_want_of_a_grant_names_the_grant() {
    isolated!(|| {
        let seen = get("https://api.example/ok")
            .name("api.example", LOOPBACK)
            .run();
        let failure = seen.fails(
            FailureKind::Denied,
            &["grants = { http = [\"api.example\"] }"],
        );
        assert!(!failure.retryable);
    });
}

#[test]
fn a_public_name_that_leads_to_a_private_address() {
    isolated!(|| {
        let server = Server::start();
        let granted = granted_http(&[&format!("http://public.example:{}", server.port)]);
        let url = format!("http://public.example:{}/ok", server.port);
        let private = [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "100.64.0.1",
        ];
        for address in private {
            let address: IpAddr = address.parse().expect("an address");
            let seen = get(&url)
                .name("public.example", address)
                .grants(granted.clone())
                .run();
            seen.fails(FailureKind::Denied, &["public.example", "[http.private]"]);
        }
        assert_eq!(server.heads(), [""; 0], "nothing reached the server");
    });
}

/// Spellings of loopback that some resolver or parser would take for something else.
#[test]
fn odd_spellings_of_private_addresses() {
    isolated!(|| {
        let server = Server::start();
        let port = server.port;
        for host in [
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "[::ffff:7f00:1]",
            "127.0.0.1.",
            "localhost",
        ] {
            let granted = granted_http(&[&format!("http://{host}:{port}")]);
            let seen = get(&format!("http://{host}:{port}/ok"))
                .name("localhost", LOOPBACK)
                .grants(granted)
                .run();
            seen.fails(FailureKind::Denied, &[]);
        }
        assert_eq!(server.heads(), [""; 0], "nothing reached the server");
    });
}

/// The host follows nothing: the guest gets the redirect and has no grant for where it leads.
#[test]
fn a_redirect_to_a_private_address() {
    isolated!(|| {
        let public = Server::start();
        let private = Server::start();
        let target = format!("http://127.0.0.1:{}/secret", private.port);
        let url = format!("http://public.example:{}/redirect?to={target}", public.port);
        let granted = allowed("public.example", public.port);
        let seen = get(&url)
            .name("public.example", LOOPBACK)
            .grants(granted.clone())
            .run();
        seen.succeeds(&["302"]);
        let followed = get(&target)
            .name("public.example", LOOPBACK)
            .grants(granted)
            .run();
        followed.fails(FailureKind::Denied, &["127.0.0.1"]);
        assert_eq!(public.heads().len(), 1);
        assert_eq!(
            private.heads(),
            [""; 0],
            "nothing reached the private server"
        );
    });
}

#[test]
pub(super) fn http_zero_timeout() {
    isolated!(|| {
        let server = Server::start();
        let url = format!("http://api.example:{}/ok", server.port);
        let seen = hostile("http_zero_timeout", &url)
            .name("api.example", LOOPBACK)
            .grants(allowed("api.example", server.port))
            .run();
        seen.succeeds(&["InternalError", "timeout"]);
        assert_eq!(server.heads(), [""; 0], "nothing reached the server");
    });
}

/// Sent by the guest: the host takes few, and the request fails or arrives small.
#[test]
pub(super) fn http_header_bomb() {
    isolated!(|| {
        let server = Server::start();
        let url = format!("http://api.example:{}/ok", server.port);
        let seen = hostile("http_header_bomb", &url)
            .name("api.example", LOOPBACK)
            .grants(allowed("api.example", server.port))
            .run();
        if let weft_sandbox::AttemptOutcome::Success { .. } = seen.report.outcome {
            for head in server.heads() {
                assert!(head.len() <= 256 << 10, "a head of {} bytes", head.len());
            }
        } else {
            seen.fails(FailureKind::Trap, &["fields exceeds limit"]);
        }
    });
}

/// Sent by the server.
#[test]
fn header_bombs_of_a_server() {
    isolated!(|| {
        let server = Server::start();
        for path in ["header-bomb", "endless-line"] {
            let url = format!("http://api.example:{}/{path}", server.port);
            let seen = get(&url)
                .name("api.example", LOOPBACK)
                .grants(allowed("api.example", server.port))
                .run();
            seen.fails(FailureKind::Author, &["Http"]);
        }
    });
}

#[test]
fn endless_bodies_of_a_server() {
    isolated!(|| {
        let server = Server::start();
        for path in ["endless-body", "endless-chunks"] {
            let url = format!("http://api.example:{}/{path}", server.port);
            let seen = get(&url)
                .name("api.example", LOOPBACK)
                .grants(allowed("api.example", server.port))
                .limits(|limits| limits.http_body_bytes = 100_000)
                .run();
            seen.fails(FailureKind::Author, &[]);
            assert!(
                seen.report.usage.bytes_in <= 200_000,
                "{:?}",
                seen.report.usage
            );
        }
    });
}

#[test]
fn a_server_that_never_answers() {
    isolated!(|| {
        let server = Server::start();
        let url = format!("http://api.example:{}/silence", server.port);
        let seen = get(&url)
            .name("api.example", LOOPBACK)
            .grants(allowed("api.example", server.port))
            .limits(|limits| limits.timeout_ms = 500)
            .run();
        seen.fails(FailureKind::Timeout, &["500ms"]);
    });
}

/// An honest head and a beginning, and then nothing more for ever.
#[test]
fn a_body_that_stalls() {
    isolated!(|| {
        let server = Server::start();
        let url = format!("http://api.example:{}/stalled-body", server.port);
        let seen = get(&url)
            .name("api.example", LOOPBACK)
            .grants(allowed("api.example", server.port))
            .limits(|limits| limits.timeout_ms = 700)
            .run();
        seen.fails(FailureKind::Timeout, &["700ms", "timeout"]);
        assert!(
            seen.wall < std::time::Duration::from_secs(10),
            "{:?}",
            seen.wall
        );
        assert_eq!(server.heads().len(), 1, "the request was sent");
        assert!(seen.report.usage.bytes_in > 0, "{:?}", seen.report.usage);
    });
}

#[test]
pub(super) fn http_smuggled_headers() {
    isolated!(|| {
        let server = Server::start();
        let url = format!("http://api.example:{}/ok", server.port);
        hostile("http_smuggled_headers", &url)
            .name("api.example", LOOPBACK)
            .grants(allowed("api.example", server.port))
            .run();
        let heads = server.heads();
        assert!(heads.len() <= 1, "{heads:?}");
        for head in heads {
            let head = head.to_ascii_lowercase();
            for banned in [
                "x-injected",
                "elsewhere",
                "secret",
                "proxy-authorization",
                "9999",
                "x split",
            ] {
                assert!(
                    !head.contains(banned),
                    "{banned} reached the server: {head}"
                );
            }
            assert_eq!(head.matches("\r\nhost: ").count(), 1, "{head}");
        }
    });
}

#[test]
pub(super) fn http_endless_upload() {
    isolated!(|| {
        let server = Server::start();
        let case = |path: &str| {
            let url = format!("http://api.example:{}/{path}", server.port);
            hostile("http_endless_upload", &url)
                .name("api.example", LOOPBACK)
                .grants(allowed("api.example", server.port))
        };
        let stuck = case("never-reads")
            .limits(|limits| limits.timeout_ms = 700)
            .run();
        stuck.fails(FailureKind::Timeout, &["700ms"]);
        let bounded = case("reads-all")
            .limits(|limits| limits.http_body_bytes = 1 << 20)
            .run();
        assert!(
            bounded.report.usage.bytes_out <= 2 << 20,
            "{:?}",
            bounded.report.usage
        );
    });
}
