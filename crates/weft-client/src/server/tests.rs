//! The order of precedence, and that a token goes only to its own server.

use super::*;
use crate::{
    LocalServer,
    context::{Config, Context},
};

fn context(url: &str, token: &str) -> Context {
    Context {
        url: url.into(),
        token: Some(Token::new(token).unwrap()),
        tenant: None,
        insecure: false,
    }
}

fn environment() -> Environment {
    Environment {
        config: Config {
            current: Some("work".into()),
            contexts: [
                (
                    "work".to_owned(),
                    context("https://work.example", "of-work"),
                ),
                (
                    "home".to_owned(),
                    context("https://home.example/weft", "of-home"),
                ),
            ]
            .into(),
        },
        ..Environment::default()
    }
}

#[track_caller]
fn resolved(options: &ConnectOptions, environment: &Environment) -> (String, Option<String>) {
    let server = Server::resolve(options, environment).unwrap();
    (
        server.url.value.to_string(),
        server.token.map(|token| token.value.reveal().to_owned()),
    )
}

fn url(url: &str) -> ConnectOptions {
    ConnectOptions {
        url: Some(url.into()),
        ..ConnectOptions::default()
    }
}

#[test]
fn options_precede_the_environment_and_files() {
    let mut environment = environment();
    let none = ConnectOptions::default();
    let is = |url: &str, token: &str| (url.to_owned(), Some(token.to_owned()));
    assert_eq!(
        resolved(&none, &environment),
        is("https://work.example/", "of-work")
    );
    environment.project.context = Some("home".into());
    assert_eq!(
        resolved(&none, &environment),
        is("https://home.example/weft", "of-home")
    );
    environment.context = Some("work".into());
    assert_eq!(
        resolved(&none, &environment),
        is("https://work.example/", "of-work")
    );
    environment.token = Some("of-env".into());
    assert_eq!(
        resolved(&none, &environment),
        is("https://work.example/", "of-env")
    );
    let home = ConnectOptions {
        context: Some("home".into()),
        ..ConnectOptions::default()
    };
    assert_eq!(
        resolved(&home, &environment),
        is("https://home.example/weft", "of-home")
    );
    environment.url = Some("https://env.example".into());
    assert_eq!(
        resolved(&none, &environment),
        is("https://env.example/", "of-env")
    );
    assert_eq!(
        resolved(&home, &environment),
        is("https://home.example/weft", "of-home")
    );
    assert_eq!(
        resolved(&url("https://flag.example"), &environment),
        is("https://flag.example/", "of-env")
    );
}

#[test]
fn a_stored_token_goes_to_its_own_url_only() {
    let environment = environment();
    assert_eq!(resolved(&url("https://evil.example"), &environment).1, None);
    assert_eq!(
        resolved(&url("https://work.example:8443"), &environment).1,
        None
    );
    assert_eq!(resolved(&url("http://work.example"), &environment).1, None);
    assert_eq!(
        resolved(&url("https://work.example/"), &environment)
            .1
            .as_deref(),
        Some("of-work")
    );
}

#[test]
fn without_a_context_the_server_of_this_machine_is_used() {
    let data = tempfile::tempdir().unwrap();
    let environment = Environment {
        local: Some(LocalServer {
            url_file: data.path().join("url"),
            token_file: data.path().join("token"),
        }),
        ..Environment::default()
    };
    let none = ConnectOptions::default();
    assert_eq!(
        resolved(&none, &environment),
        (format!("{DEFAULT_URL}/"), None)
    );
    std::fs::write(data.path().join("token"), "of-up\n").unwrap();
    assert_eq!(resolved(&none, &environment).1.as_deref(), Some("of-up"));
    std::fs::write(data.path().join("url"), "http://127.0.0.1:4711\n").unwrap();
    assert_eq!(
        resolved(&none, &environment),
        ("http://127.0.0.1:4711/".into(), Some("of-up".into()))
    );
    assert_eq!(resolved(&url(DEFAULT_URL), &environment).1, None);
}

#[test]
fn a_token_travels_in_the_clear_only_to_this_machine() {
    let environment = Environment {
        token: Some("secret".into()),
        ..Environment::default()
    };
    let checked =
        |options: &ConnectOptions| Server::resolve(options, &environment).unwrap().check();
    for fine in [
        "http://localhost:1",
        "http://127.0.0.9",
        "http://[::1]:8080",
        "https://weft.example",
    ] {
        assert_eq!(checked(&url(fine)), Ok(()), "{fine}");
    }
    for open in [
        "http://weft.example",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://0.0.0.0",
    ] {
        let problem = checked(&url(open)).unwrap_err();
        assert_eq!(problem.code, Code::InsecureUrl, "{open}");
        assert!(!problem.message.contains("secret"));
        assert_eq!(
            checked(&ConnectOptions {
                insecure: true,
                ..url(open)
            }),
            Ok(())
        );
    }
}

#[test]
fn odd_urls_are_refused_without_repeating_them() {
    for bad in [
        "",
        "weft",
        "ftp://x",
        "https://u:secret@x",
        "https://x/?token=secret",
        "https://x/#secret",
        "http://",
    ] {
        let problem = Server::resolve(&url(bad), &Environment::default()).unwrap_err();
        assert_eq!(problem.code, Code::InvalidUrl, "{bad}");
        assert!(!problem.message.contains("secret"), "{}", problem.message);
    }
}

#[test]
fn an_unknown_context_is_a_problem() {
    let options = ConnectOptions {
        context: Some("wrok".into()),
        ..ConnectOptions::default()
    };
    assert_eq!(
        Server::resolve(&options, &environment()).unwrap_err().code,
        Code::UnknownContext
    );
}
